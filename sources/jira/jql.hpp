#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace riptide::sources::jira {

/// What a JQL query looks like from outside, as far as it matters for narrowing it.
struct JqlShape {
  /// Its quotes and brackets match, so that it can be put in brackets without changing what it means.
  bool closed = false;
  bool names_project = false;   ///< Something in it is called `project`: it chooses projects by itself.
  std::string_view conditions;  ///< Without ORDER BY and outer blanks: the same issues. Empty is every issue.
};
[[nodiscard]] JqlShape shape_of(std::string_view jql);

/// `(<conditions>) AND <clause>`, or the clause alone where there are no conditions.
[[nodiscard]] std::string narrowed(std::string_view conditions, std::string_view clause);

/// `project in (1, 2)` of some projects; `project = 1` of one. Ids are digits.
[[nodiscard]] std::string in_projects(const std::vector<std::string_view>& ids);
/// The rest: `project not in (...)`, in several clauses where there are very many.
[[nodiscard]] std::string outside_projects(const std::vector<std::string_view>& ids);

/// A minute of the calendar on the wall: what JQL can name of a moment.
using Minute = std::chrono::sys_time<std::chrono::minutes>;

/// Reads the wall clock's minute of a Jira timestamp, e.g. "2024-03-01T10:11:12.000+0100"; the zone does not count.
[[nodiscard]] std::optional<Minute> minute_of(std::string_view timestamp);
/// "2024-03-01 10:11"
[[nodiscard]] std::string jql_text(Minute minute);

/// Cuts the issues of `conditions` by creation time into about `parts` queries.
///
/// The queries are half open and meet at cuts between `first` and `last`; the outer two have no outer bound. Whatever
/// the time zone in which the server reads the cuts, and however many issues are made meanwhile, each issue that meets
/// the conditions meets one of them. Empty when there is no room for a cut.
[[nodiscard]] std::vector<std::string> cut_by_created(std::string_view conditions, Minute first, Minute last,
                                                      std::size_t parts);

}  // namespace riptide::sources::jira
