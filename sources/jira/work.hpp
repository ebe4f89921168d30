#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "listing.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::sources::jira {

/// Which of our requests one is (`Request::step`).
enum class Step : std::uint32_t {
  kProjects,        ///< Records: projects.
  kUsers,           ///< Records: users.
  kTeams,           ///< Records: teams, or a request for the members of each.
  kTeamMembers,     ///< A page of a team's members; `extra`: the team, `more`: the members so far.
  kBoards,          ///< A request for the projects of each board.
  kBoardProjects,   ///< A page of a board's projects; `extra`: the board, `more`: the keys so far.
  kVersions,        ///< Records: releases of a project; `extra`: its key.
  kComponents,      ///< Records: components of a project; `extra`: the project.
  kSprints,         ///< Records: sprints of a board.
  kEpics,           ///< Records: epics of a board; `extra`: the board's id.
  kBacklog,         ///< Records: issues in a board's backlog; `extra`: the board's id.
  kAgileBacklog,    ///< The same over the agile API.
  kIssues,          ///< Records: found issues; `extra`: the `Search`, `more`: how often it may yet be cut.
  kWorklogIssues,   ///< A request for the worklogs of each issue found; `extra` and `more` as above.
  kWorklogs,        ///< Records: worklogs of an issue; `extra`: its key.
  kProjectParents,  ///< Requests for what belongs to each project; `extra`: the children.
  kBoardParents,    ///< Requests for what belongs to each board; `extra`: the children.
  kIssueProjects,   ///< Searches project by project; `extra`: the `Search`, `more`: the projects so far.
  kIssueCount,      ///< How many issues a search finds, before it is cut.
  kOldestIssue,     ///< The first creation time of a search that is cut.
  kNewestIssue,     ///< The last one; `more`: has the first.
  kCloud,           ///< The id of the site, which the other hosts know it by; `extra`: what waits for it.
  // Jira Server and Data Center.
  kServerProjects,    ///< Records: projects, all in one answer.
  kServerIssues,      ///< Records: issues.
  kServerUsers,       ///< Records: users, as version 10 lists them.
  kServerUserSearch,  ///< Records: users, as earlier ones find them.
};

/// What a request carries in its context. Views into it.
struct Work {
  std::string_view path;   ///< Behind the API's address.
  std::string_view query;  ///< Behind the question mark; of a search its JQL.
  std::string_view cloud;  ///< Id of the site where it is addressed by id; empty otherwise.
  std::string_view extra;
  std::string_view more;
};
[[nodiscard]] Work work_of(const stages::Request& request);
[[nodiscard]] std::shared_ptr<const std::string> context_of(const Work& work);
[[nodiscard]] inline Step step_of(const stages::Request& request) { return static_cast<Step>(request.step); }

/// What a search for issues is for: `Work::extra` of each of its steps. Views into it.
struct Search {
  Step step = Step::kIssues;  ///< Or kWorklogIssues: for the worklogs of each.
  std::string_view members;   ///< Of the body, beside query and page.
  std::string_view worklogs;  ///< The query of the worklogs.
};
[[nodiscard]] Search search_of(std::string_view extra);
[[nodiscard]] std::string written(const Search& search);

/// How often a search may be cut, and its parts again.
inline constexpr std::string_view kMaxCuts = "4";

/// A request in a scope of its own, or in that of `scope`'s owner.
[[nodiscard]] stages::Request request_for(stages::ScopeRef scope, Step step, const Work& work);
/// The next request of a scope, like this one.
[[nodiscard]] stages::Request next_of(const stages::Request& request, Step step, const Work& work);

/// How a listing is paged.
enum class Paging : std::uint8_t {
  kOffset,  ///< `startAt`.
  kToken,   ///< `nextPageToken` in the query.
  kCursor,  ///< `cursor` in the query.
  kAfter,   ///< `first` and `after`.
  kSearch,  ///< `nextPageToken` in the body.
  kNone,
};
enum class Api : std::uint8_t { kPlatform, kAgile, kSoftware, kTeams, kGateway };

/// What is fixed for a step.
struct StepTraits {
  Api api;
  Paging paging;
  Ends ends;
  ListingShape shape;
  std::string_view overlay;  ///< Key that `extra` is put under in each record; empty if none.
  std::string_view id;       ///< Key of a record that is unique in its scope.
  std::string_view what;     ///< For messages.
};
[[nodiscard]] const StepTraits& traits_of(Step step);

/// The work of the resource blocks, as `start` finds it.
struct Plan {
  struct Block {
    Step step;
    std::string path;
    std::string query;
    std::string extra;
    std::string more;
    bool partitioned = false;                ///< A search that starts with the list of projects.
    std::vector<std::uint32_t> resources{};  ///< All that read just this.
  };
  std::vector<Block> blocks;
  bool teams_left_out = false;
};
struct PlanOptions {
  std::string_view organization_id;
  bool partition = true;
};
/// Errors: kConfig (an unknown kind, a selector that is none).
[[nodiscard]] Result<Plan> plan_of(std::span<const stages::SourceResource> resources, const PlanOptions& options);

}  // namespace riptide::sources::jira
