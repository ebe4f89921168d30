#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "riptide/simulator/jira_options.hpp"
#include "riptide/simulator/server_stats.hpp"

namespace riptide::simulator {

/// A made-up Jira on 127.0.0.1, Cloud and Data Center in one, served by one thread of its own: projects, issues, users,
/// teams, boards and what hangs on them, with each API's own way of paging, and faults on demand.
///
/// Cloud: /rest/api/3, /rest/agile/1.0, /rest/software/1.0, /gateway/api/public/teams/v1; the same below
/// /ex/jira/{cloudId}, whose id /oauth/token/accessible-resources tells. Data Center: /rest/api/2. Searches understand
/// AND, OR, NOT, brackets, ORDER BY created, and project, created, updated, statusCategory, status and key with =, !=,
/// in, not in, <, <=, >, >=; times are minutes or days back from a fixed now. A page's token holds for one query.
///
/// Every function may be called from any thread, and from `JiraOptions::before_answer`.
class JiraServer {
 public:
  /// Returns what went wrong as a sentence: options that do not fit together, a port that is taken.
  static std::variant<std::unique_ptr<JiraServer>, std::string> start(JiraOptions options);

  /// Stops: open connections are closed. Not from `before_answer`.
  ~JiraServer();
  JiraServer(const JiraServer&) = delete;
  JiraServer& operator=(const JiraServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;  ///< "http://127.0.0.1:PORT"
  [[nodiscard]] ServerStats stats() const;

  /// Keys of the issues that a query finds now; the empty one finds all. Empty if it is none.
  [[nodiscard]] std::vector<std::string> find(std::string_view jql) const;

  /// Makes an issue, the newest of all, and returns its key. Nothing when there is no such project (from 0).
  std::optional<std::string> create_issue(std::size_t project);
  /// False when it is not there.
  bool remove_issue(std::string_view key);

 private:
  class Impl;
  explicit JiraServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// As for the made-up Octopus.
int serve_until_stopped(const JiraOptions& options, int ready_fd);

/// Reads flags behind `riptide-simulator jira`. Returns what is wrong with them otherwise.
std::variant<JiraOptions, std::string> parse_jira_flags(const std::vector<std::string>& flags);

/// The flags, one a line.
std::string jira_usage();

}  // namespace riptide::simulator
