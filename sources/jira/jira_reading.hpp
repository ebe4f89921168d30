#pragma once

#include <string_view>
#include <vector>

#include "page_reader.hpp"
#include "riptide/sources/jira.hpp"
#include "work.hpp"

namespace riptide::sources::jira {

/// The scope in which the projects are listed that issues are searched in. It holds none of them.
inline constexpr std::string_view kProjectList = "list of projects";

/// Reads one answer of Jira Cloud, whatever was asked.
class JiraReading {
 public:
  JiraReading(const Options& options, const stages::Request& request, const stages::HttpResponse& response,
              json::Document& document);

  [[nodiscard]] Result<stages::PageStep> read();

 private:
  [[nodiscard]] Result<stages::PageStep> records();
  [[nodiscard]] Result<stages::PageStep> teams();
  [[nodiscard]] Result<stages::PageStep> team_members();
  [[nodiscard]] Result<stages::PageStep> boards();
  [[nodiscard]] Result<stages::PageStep> board_projects();
  [[nodiscard]] Result<stages::PageStep> backlog();
  [[nodiscard]] Result<stages::PageStep> issues();
  [[nodiscard]] Result<stages::PageStep> worklog_issues();
  [[nodiscard]] Result<stages::PageStep> parents();
  [[nodiscard]] Result<stages::PageStep> issue_projects();
  [[nodiscard]] Result<stages::PageStep> cut();
  [[nodiscard]] Result<stages::PageStep> cloud();

  [[nodiscard]] bool is_excepted() const;
  [[nodiscard]] pipeline::Error refused() const;
  [[nodiscard]] stages::PageStep gone_on_uncut() const;
  /// Has a search that goes on after so many pages counted, if it may be cut.
  void count_after(std::uint64_t pages, stages::PageStep& step) const;
  /// The record of `raw`, which is not in the answer, with `list` under the step's overlay.
  void add_joined(std::string_view raw, std::string_view list, stages::PageStep& step) const;

  const Options& options_;
  const stages::Request& request_;
  const stages::HttpResponse& response_;
  json::Document& document_;
  Step step_;
  Work work_;
  PageReader page_;
};

/// Whether an error answer's `errorMessages` hold this text.
[[nodiscard]] bool says(const stages::HttpResponse& response, json::Document& document, std::string_view text);

}  // namespace riptide::sources::jira
