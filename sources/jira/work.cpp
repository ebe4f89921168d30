#include "work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "packed_fields.hpp"
#include "riptide/pipeline/check.hpp"

namespace riptide::sources::jira {
namespace {

constexpr ListingShape kValues{"values", "", ""};
constexpr ListingShape kSearchShape{"issues", "", "nextPageToken"};

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

std::string written(const std::vector<std::uint32_t>& indexes) { return fmt::format("{}", fmt::join(indexes, ",")); }

std::vector<std::uint32_t> indexes_of(std::string_view text) {
  std::vector<std::uint32_t> indexes;
  while (!text.empty()) {
    std::uint32_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc()) return {};
    indexes.push_back(index);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) text.remove_prefix(1);
  }
  return indexes;
}

}  // namespace riptide::sources::jira
