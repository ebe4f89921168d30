#include "work.hpp"

#include <array>

#include "packed_fields.hpp"
#include "riptide/pipeline/check.hpp"

namespace riptide::sources::jira {
namespace {

constexpr ListingShape kValues{"values", "", ""};
constexpr ListingShape kSearchShape{"issues", "", "nextPageToken"};

constexpr std::string_view kForWorklogs = "worklogs";

// In the order of `Step`.
constexpr std::array kTraits = {
    StepTraits{Api::kPlatform, Paging::kOffset, Ends::kEmptyPage, kValues, "", "id", "projects"},
    StepTraits{Api::kPlatform, Paging::kOffset, Ends::kEmptyPage, {"", "", ""}, "", "accountId", "users"},
    StepTraits{Api::kTeams, Paging::kCursor, Ends::kEmptyPage, {"entities", "", "cursor"}, "", "teamId", "teams"},
    StepTraits{Api::kTeams, Paging::kAfter, Ends::kEmptyPage, {"results", "", "pageInfo"}, "__members", "", "members"},
    StepTraits{Api::kAgile, Paging::kOffset, Ends::kLastFlag, kValues, "", "id", "boards"},
    StepTraits{Api::kAgile, Paging::kOffset, Ends::kLastFlag, kValues, "__projectKeys", "id", "projects of a board"},
    StepTraits{Api::kPlatform, Paging::kOffset, Ends::kEmptyPage, kValues, "__projectKey", "id", "releases"},
    StepTraits{Api::kPlatform, Paging::kOffset, Ends::kEmptyPage, kValues, "__project", "id", "components"},
    StepTraits{Api::kAgile, Paging::kOffset, Ends::kLastFlag, kValues, "", "id", "sprints"},
    StepTraits{Api::kAgile, Paging::kOffset, Ends::kLastFlag, kValues, "__boardId", "id", "epics"},
    StepTraits{Api::kSoftware, Paging::kToken, Ends::kEmptyPage, kSearchShape, "__boardId", "id", "backlog"},
    StepTraits{Api::kAgile, Paging::kOffset, Ends::kLastFlag, {"issues", "", ""}, "__boardId", "id", "backlog"},
    StepTraits{Api::kPlatform, Paging::kSearch, Ends::kEmptyPage, kSearchShape, "", "id", "issues"},
    StepTraits{Api::kPlatform, Paging::kSearch, Ends::kEmptyPage, kSearchShape, "", "id", "issues"},
    StepTraits{Api::kPlatform, Paging::kOffset, Ends::kEmptyPage, {"worklogs", "", ""}, "__issueKey", "id", "worklogs"},
    StepTraits{Api::kPlatform, Paging::kOffset, Ends::kEmptyPage, kValues, "", "id", "projects"},
    StepTraits{Api::kAgile, Paging::kOffset, Ends::kLastFlag, kValues, "", "id", "boards"},
    StepTraits{Api::kPlatform, Paging::kOffset, Ends::kEmptyPage, kValues, "", "id", "projects"},
    StepTraits{Api::kPlatform, Paging::kNone, Ends::kOnePage, {"", "", ""}, "", "", "issues"},
    StepTraits{Api::kPlatform, Paging::kSearch, Ends::kOnePage, kSearchShape, "", "", "issues"},
    StepTraits{Api::kPlatform, Paging::kSearch, Ends::kOnePage, kSearchShape, "", "", "issues"},
    StepTraits{Api::kGateway, Paging::kNone, Ends::kOnePage, {"", "", ""}, "", "id", "sites of the token"},
    StepTraits{Api::kPlatform, Paging::kNone, Ends::kOnePage, {"", "", ""}, "", "id", "projects"},
    StepTraits{Api::kPlatform, Paging::kOffset, Ends::kEmptyPage, {"issues", "", ""}, "", "id", "issues"},
    StepTraits{
        Api::kPlatform, Paging::kCursor, Ends::kEmptyPage, {"values", "users", "nextCursor"}, "", "key", "users"},
    StepTraits{Api::kPlatform, Paging::kOffset, Ends::kEmptyPage, {"", "", ""}, "", "key", "users"},
};
static_assert(kTraits.size() == static_cast<std::size_t>(Step::kServerUserSearch) + 1);

}  // namespace

const StepTraits& traits_of(Step step) {
  const auto index = static_cast<std::size_t>(step);
  RIPTIDE_CHECK(index < kTraits.size());
  return kTraits[index];
}

Work work_of(const stages::Request& request) {
  Work work;
  if (!request.context) return work;
  const std::vector<std::string_view> fields = unpacked(*request.context);
  if (fields.size() != 5) return work;
  work.path = fields[0];
  work.query = fields[1];
  work.cloud = fields[2];
  work.extra = fields[3];
  work.more = fields[4];
  return work;
}

std::shared_ptr<const std::string> context_of(const Work& work) {
  return std::make_shared<const std::string>(packed({work.path, work.query, work.cloud, work.extra, work.more}));
}

stages::Request request_for(stages::ScopeRef scope, Step step, const Work& work) {
  stages::Request request;
  request.scope = std::move(scope);
  request.step = static_cast<std::uint32_t>(step);
  request.context = context_of(work);
  return request;
}

stages::Request next_of(const stages::Request& request, Step step, const Work& work) {
  return request_for(request.scope, step, work);
}

Search search_of(std::string_view extra) {
  Search search;
  const std::vector<std::string_view> fields = unpacked(extra);
  if (fields.size() != 3) return search;
  if (fields[0] == kForWorklogs) search.step = Step::kWorklogIssues;
  search.members = fields[1];
  search.worklogs = fields[2];
  return search;
}

std::string written(const Search& search) {
  const std::string_view found = search.step == Step::kWorklogIssues ? kForWorklogs : std::string_view("issues");
  return packed({found, search.members, search.worklogs});
}

}  // namespace riptide::sources::jira
