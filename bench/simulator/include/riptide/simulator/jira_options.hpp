#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/simulator/faults.hpp"

namespace riptide::simulator {

/// Every knob of the made-up Jira. The same options give the same records, byte for byte.
struct JiraOptions {
  std::size_t projects = 20;
  std::size_t issues_per_project = 100;
  /// When not empty: exactly this many issues in the first, second, ... project; projects behind its end get none.
  std::vector<std::size_t> issues = {};
  /// The last so many projects are not in any listing, as if they could not be seen; their issues are found.
  std::size_t unlisted_projects = 0;
  std::size_t users = 120;
  std::size_t teams = 7;
  std::size_t members_per_team = 60;
  std::size_t releases_per_project = 3;
  std::size_t components_per_project = 2;
  /// One board a project, as far as they go. Every third is a kanban board, which has no sprints; every third a simple
  /// one, whose backlog the software API does not have.
  std::size_t boards = 9;
  std::size_t sprints_per_board = 4;  ///< One of each state, and again.
  std::size_t epics_per_board = 3;
  std::size_t worklogs_per_issue = 2;
  /// About the size of an issue.
  std::size_t record_bytes = 2048;
  std::uint64_t seed = 1;

  std::size_t max_results = 100;  ///< The most records that a page of a search has, whatever was asked for.
  /// Times in answers, and times that a query names, are this far ahead of UTC.
  std::chrono::minutes utc_offset{0};
  std::string organization_id = "org-1";
  std::string cloud_id = "cloud-1";
  std::string authorization = {};  ///< The header that is asked for; another is answered 401. Empty: none is needed.
  bool lists_users = true;         ///< Data Center: has /user/list (version 10); otherwise 404.

  std::chrono::microseconds latency{0};
  std::chrono::microseconds latency_jitter{0};
  std::size_t capacity = 0;
  Faults faults = {};
  std::uint16_t port = 0;
  /// As `OctopusOptions::before_answer`.
  std::function<void(std::string_view target)> before_answer = {};
};

/// Says what is wrong with the options, or nothing.
std::optional<std::string> check(const JiraOptions& options);

}  // namespace riptide::simulator
