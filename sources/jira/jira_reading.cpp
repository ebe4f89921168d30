#include "jira_reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "jql.hpp"
#include "packed_fields.hpp"
#include "riptide/pipeline/entity.hpp"

namespace riptide::sources::jira {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::unexpected;
using stages::PageStep;
using stages::Request;
using stages::ScopeSpec;

/// More projects than this share their searches: a search costs a request even where it finds nothing.
constexpr std::uint64_t kMaxPartitions = 200;
/// Issues that a part of a cut search should have.
constexpr std::uint64_t kIssuesInPart = 1'000;
constexpr std::uint64_t kMaxParts = 64;
/// A search for worklogs is counted this early: what of it is read a second time, once it is cut, is a request an
/// issue.
constexpr std::uint64_t kWorklogPagesBeforeCount = 1;

stages::ScopeRef scope_of(std::string_view resources, std::string partition) {
  auto scope = std::make_shared<ScopeSpec>();
  scope->resources = unpacked_indexes(resources);
  scope->partition = std::move(partition);
  return scope;
}

stages::ScopeRef sibling(const Request& request, std::string partition) {
  auto scope = std::make_shared<ScopeSpec>();
  scope->resources = request.scope->resources;
  scope->partition = std::move(partition);
  return scope;
}

// Appends the raw JSON of the page's elements, or of a member of each, to a list that began on an earlier page.
void append_to_list(std::string_view raw, std::string& list) {
  if (!list.empty()) list += ',';
  list += raw;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Tells sets of projects apart, in the names of scopes.
std::string mark_of(const std::vector<std::string_view>& ids) {
  return fmt::format("{:016x}", pipeline::digest_of(fmt::format("{}", fmt::join(ids, ","))).low);
}

std::uint64_t number_of(std::string_view text) { return json::to_uint64(text).value_or(0); }

}  // namespace

bool says(const stages::HttpResponse& response, json::Document& document, std::string_view text) {
  if (!response.body) return false;
  const auto root = document.index(response.body->view());
  if (!root || root->type != json::Type::kObject) return false;
  const auto messages = document.find(*root, "errorMessages");
  if (!messages || !messages->has_value() || (*messages)->type != json::Type::kArray) return false;
  json::Document::Elements elements(document, **messages);
  while (elements.next()) {
    const auto raw = elements.raw_value();
    if (!raw || elements.value().type != json::Type::kString) continue;
    const auto message = json::decoded(*raw);
    if (message && message->find(text) != std::string::npos) return true;
  }
  return false;
}

JiraReading::JiraReading(const Options& options, const Request& request, const stages::HttpResponse& response,
                         json::Document& document)
    : options_(options),
      request_(request),
      response_(response),
      document_(document),
      step_(step_of(request)),
      work_(work_of(request)),
      page_(request, response, document, options.page_size) {}

// Answers that are errors by their status, and mean that there is nothing to read.
bool JiraReading::is_excepted() const {
  if (response_.status != 400) return false;
  if (step_ == Step::kSprints) return says(response_, document_, "The board does not support sprints");
  return step_ == Step::kBacklog && says(response_, document_, "Backlogs are not supported on this board");
}

Error JiraReading::refused() const {
  if (is_anonymous(response_) && response_.ok()) {
    return Error(ErrorKind::kAuth,
                 fmt::format("Jira answers as to nobody: it does not accept the credentials; check {}, url={}",
                             options_.oauth_token ? "OCEAN__OAUTH_ACCESS_TOKEN_FILE_PATH"
                                                  : "OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_EMAIL and "
                                                    "OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_TOKEN",
                             response_.safe_url));
  }
  Error error = stages::http_error(response_);
  const std::string_view what = traits_of(step_).what;
  const int status = response_.status;
  if (status == 401) {
    error.message += options_.oauth_token
                         ? " (Jira does not accept the token: check OCEAN__OAUTH_ACCESS_TOKEN_FILE_PATH)"
                         : " (Jira does not accept the credentials: check "
                           "OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_EMAIL and "
                           "OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_TOKEN)";
  } else if (status == 403) {
    error.message += fmt::format(" (the user may not read the {}: grant it, or leave the kind out)", what);
  } else if (status == 404) {
    error.message += fmt::format(
        " (there are no {} at this address: check OCEAN__INTEGRATION__CONFIG__JIRA_HOST{})", what,
        traits_of(step_).api == Api::kTeams ? " and OCEAN__INTEGRATION__CONFIG__ATLASSIAN_ORGANIZATION_ID" : "");
  } else if (status == 400 && (step_ == Step::kIssues || step_ == Step::kWorklogIssues)) {
    error.message += " (Jira does not take the query; `partition: none` in the selector asks it as it is)";
  } else if (status >= 300 && status < 400) {
    error.message +=
        " (the server sends readers elsewhere: put the final address in OCEAN__INTEGRATION__CONFIG__JIRA_HOST)";
  }
  return error;
}

Result<PageStep> JiraReading::read() {
  const bool decides = step_ == Step::kIssueCount || step_ == Step::kOldestIssue || step_ == Step::kNewestIssue;
  if (decides) return cut();
  if (is_excepted()) return PageStep();
  if (!response_.ok() || is_anonymous(response_)) return unexpected(refused());
  if (auto listed = page_.read(); !listed) return unexpected(std::move(listed).error());
  switch (step_) {
    case Step::kTeams:
      return teams();
    case Step::kTeamMembers:
      return team_members();
    case Step::kBoards:
      return boards();
    case Step::kBoardProjects:
      return board_projects();
    case Step::kBacklog:
    case Step::kAgileBacklog:
      return backlog();
    case Step::kIssues:
      return issues();
    case Step::kWorklogIssues:
      return worklog_issues();
    case Step::kProjectParents:
    case Step::kBoardParents:
      return parents();
    case Step::kIssueProjects:
      return issue_projects();
    case Step::kCloud:
      return cloud();
    case Step::kProjects:
    case Step::kUsers:
    case Step::kVersions:
    case Step::kComponents:
    case Step::kSprints:
    case Step::kEpics:
    case Step::kWorklogs:
    case Step::kIssueCount:
    case Step::kOldestIssue:
    case Step::kNewestIssue:
    case Step::kServerProjects:
    case Step::kServerIssues:
    case Step::kServerUsers:
    case Step::kServerUserSearch:
      break;
  }
  return records();
}

// A page of an offset listing whose elements are the records.
Result<PageStep> JiraReading::records() {
  PageStep step;
  if (auto pages = page_.add_offset_pages(step); !pages) return unexpected(std::move(pages).error());
  if (auto added = page_.add_records(work_.extra, step); !added) return unexpected(std::move(added).error());
  return step;
}

Result<PageStep> JiraReading::teams() {
  PageStep step;
  if (auto chained = page_.add_token_page(step); !chained) return unexpected(std::move(chained).error());
  if (work_.more.empty()) {
    if (auto added = page_.add_records("", step); !added) return unexpected(std::move(added).error());
    return step;
  }
  for (const Item& team : page_.listing().items) {
    auto id = page_.segment(team, "teamId");
    if (!id) return unexpected(std::move(id).error());
    const std::string path = fmt::format("{}/{}/members", work_.path, stages::percent_encoded(*id));
    step.next.push_back(next_of(request_, Step::kTeamMembers, {path, "", "", team.raw, ""}));
  }
  return step;
}

Result<PageStep> JiraReading::team_members() {
  PageStep step;
  if (auto chained = page_.add_token_page(step); !chained) return unexpected(std::move(chained).error());
  std::string members(work_.more);
  for (const Item& member : page_.listing().items) append_to_list(member.raw, members);
  if (step.next.empty()) {
    add_joined(work_.extra, members, step);
  } else {
    step.next.front().context = context_of({work_.path, work_.query, work_.cloud, work_.extra, members});
  }
  return step;
}

void JiraReading::add_joined(std::string_view raw, std::string_view list, PageStep& step) const {
  step.page = pipeline::make_page(raw);
  step.records.add(0, static_cast<std::uint32_t>(raw.size()));
  step.records.overlay(traits_of(step_).overlay, fmt::format("[{}]", list));
}

Result<PageStep> JiraReading::boards() {
  PageStep step;
  if (auto pages = page_.add_offset_pages(step); !pages) return unexpected(std::move(pages).error());
  for (const Item& board : page_.listing().items) {
    auto id = page_.segment(board, "id");
    if (!id) return unexpected(std::move(id).error());
    const std::string path = fmt::format("board/{}/project", stages::percent_encoded(*id));
    Request& projects =
        step.next.emplace_back(next_of(request_, Step::kBoardProjects, {path, "", work_.cloud, board.raw, ""}));
    projects.cursor = chain_cursor(round_of(request_.cursor));
  }
  return step;
}

Result<PageStep> JiraReading::board_projects() {
  PageStep step;
  if (auto pages = page_.add_offset_pages(step); !pages) return unexpected(std::move(pages).error());
  const bool anew = !step.next.empty() && step.next.front().offset == 0;
  std::string keys(work_.more);
  for (const Item& project : page_.listing().items) {
    auto key = page_.member(project, "key");
    if (!key) return unexpected(std::move(key).error());
    if (key->empty()) return page_.malformed("a board's project has no key");
    append_to_list(*key, keys);
  }
  if (step.next.empty()) {
    add_joined(work_.extra, keys, step);
  } else {
    step.next.front().context =
        context_of({work_.path, work_.query, work_.cloud, work_.extra, anew ? std::string_view() : keys});
  }
  return step;
}

Result<PageStep> JiraReading::backlog() {
  PageStep step;
  const bool software = step_ == Step::kBacklog;
  auto pages = software ? page_.add_token_page(step) : page_.add_offset_pages(step);
  if (!pages) return unexpected(std::move(pages).error());
  // As Ocean: an issue that has no id is none of the backlog.
  auto& issues = page_.listing().items;
  std::size_t kept = 0;
  for (const Item& issue : issues) {
    auto id = page_.member(issue, "id");
    if (!id) return unexpected(std::move(id).error());
    if (!id->empty()) issues[kept++] = issue;
  }
  issues.resize(kept);
  if (auto added = page_.add_records(work_.extra, step); !added) return unexpected(std::move(added).error());
  return step;
}

Result<PageStep> JiraReading::issues() {
  PageStep step;
  if (auto chained = page_.add_token_page(step); !chained) return unexpected(std::move(chained).error());
  if (auto added = page_.add_records("", step); !added) return unexpected(std::move(added).error());
  count_after(options_.split_after_pages, step);
  return step;
}

void JiraReading::count_after(std::uint64_t pages, PageStep& step) const {
  if (step.next.empty() || number_of(work_.more) == 0) return;
  Request& next = step.next.front();
  if (token_place(next.cursor).pages == pages) next.step = static_cast<std::uint32_t>(Step::kIssueCount);
}

// The search goes on as one chain.
PageStep JiraReading::gone_on_uncut() const {
  PageStep step;
  Request& next = step.next.emplace_back(request_);
  next.step = static_cast<std::uint32_t>(search_of(work_.extra).step);
  next.context = context_of({"search/jql", work_.query, "", work_.extra, ""});
  return step;
}

// How many issues a search finds, then when the first and the last of them were made, then searches for its parts. The
// answers only say where to cut, not what there is: whatever they are, nothing is left out, and where they cannot be
// had the chain goes on.
Result<PageStep> JiraReading::cut() {
  const std::string_view body = page_.body();
  auto root = response_.ok() && !is_anonymous(response_)
                  ? document_.index(body)
                  : Result<json::Value>(unexpected(ErrorKind::kRejected, "no answer"));
  if (!root || root->type != json::Type::kObject) return gone_on_uncut();
  const std::vector<std::string_view> known = unpacked(work_.more);
  PageStep step;
  if (step_ == Step::kIssueCount) {
    const auto value = document_.find(*root, "count");
    if (!value || !value->has_value() || (*value)->type != json::Type::kNumber) return gone_on_uncut();
    const auto raw = document_.raw(**value);
    if (!raw || number_of(*raw) <= options_.split_over) return gone_on_uncut();
    Request& next = step.next.emplace_back(request_);
    next.step = static_cast<std::uint32_t>(Step::kOldestIssue);
    next.context = context_of({"", work_.query, "", work_.extra, packed({work_.more, *raw})});
    return step;
  }
  if (auto listed = page_.read(); !listed || page_.listing().items.empty()) return gone_on_uncut();
  const Item& issue = page_.listing().items.front();
  if (issue.value.type != json::Type::kObject) return gone_on_uncut();
  const auto fields = document_.find(issue.value, "fields");
  if (!fields || !fields->has_value() || (*fields)->type != json::Type::kObject) return gone_on_uncut();
  const auto created = document_.find(**fields, "created");
  if (!created || !created->has_value() || (*created)->type != json::Type::kString) return gone_on_uncut();
  const auto raw = document_.raw(**created);
  const auto text = raw ? json::decoded(*raw) : Result<std::string>(std::string());
  if (!text || !minute_of(*text)) return gone_on_uncut();
  if (step_ == Step::kOldestIssue && known.size() == 2) {
    Request& next = step.next.emplace_back(request_);
    next.step = static_cast<std::uint32_t>(Step::kNewestIssue);
    next.context = context_of({"", work_.query, "", work_.extra, packed({known[0], known[1], *text})});
    return step;
  }
  if (known.size() != 3) return gone_on_uncut();
  const auto oldest = minute_of(known[2]);
  if (!oldest) return gone_on_uncut();
  const std::uint64_t parts = std::clamp<std::uint64_t>(number_of(known[1]) / kIssuesInPart, 2, kMaxParts);
  const std::vector<std::string> queries =
      cut_by_created(work_.query, *oldest, *minute_of(*text), static_cast<std::size_t>(parts));
  if (queries.empty()) return gone_on_uncut();
  const std::string cuts_left = std::to_string(number_of(known[0]) - 1);
  for (const std::string& query : queries) {
    step.next.push_back(
        next_of(request_, search_of(work_.extra).step, {"search/jql", query, "", work_.extra, cuts_left}));
  }
  return step;
}

Result<PageStep> JiraReading::worklog_issues() {
  PageStep step;
  if (auto chained = page_.add_token_page(step); !chained) return unexpected(std::move(chained).error());
  count_after(kWorklogPagesBeforeCount, step);
  const std::string_view query = search_of(work_.extra).worklogs;
  for (const Item& issue : page_.listing().items) {
    auto key = page_.segment(issue, "key");
    if (!key) return unexpected(std::move(key).error());
    auto raw = page_.member(issue, "key");
    if (!raw) return unexpected(std::move(raw).error());
    const std::string path = fmt::format("issue/{}/worklog", stages::percent_encoded(*key));
    Request& worklogs = step.next.emplace_back(next_of(request_, Step::kWorklogs, {path, query, "", *raw, ""}));
    worklogs.cursor = chain_cursor();
  }
  return step;
}

// What belongs to each of the listed projects or boards.
Result<PageStep> JiraReading::parents() {
  PageStep step;
  if (auto pages = page_.add_offset_pages(step); !pages) return unexpected(std::move(pages).error());
  const bool boards = step_ == Step::kBoardParents;
  const std::string_view name_key = boards ? "id" : "key";
  const std::vector<std::string_view> children = unpacked(work_.extra);
  for (const Item& parent : page_.listing().items) {
    auto name = page_.segment(parent, name_key);
    if (!name) return unexpected(std::move(name).error());
    auto raw_name = page_.member(parent, name_key);
    if (!raw_name) return unexpected(std::move(raw_name).error());
    for (const std::string_view written_child : children) {
      const std::vector<std::string_view> child = unpacked(written_child);
      if (child.size() != 4) continue;
      const auto child_step = static_cast<Step>(number_of(child[1]));
      const std::string path =
          fmt::format("{}/{}/{}", boards ? "board" : "project", stages::percent_encoded(*name), child[2]);
      const std::string_view extra = child_step == Step::kComponents ? parent.raw : *raw_name;
      step.next.push_back(request_for(scope_of(child[0], boards ? "board " + *name : *name), child_step,
                                      {path, child[3], work_.cloud, extra, ""}));
    }
  }
  return step;
}

// Searches for the issues of each listed project, in scopes of their own, and behind the last page for all that are in
// none of those. So a project that the list did not name, for whatever reason, costs time, never issues. The name of
// each scope stands for just the projects that it has or leaves out: an issue that is looked for in vain in a scope
// that it was found in before has really gone.
Result<PageStep> JiraReading::issue_projects() {
  PageStep step;
  if (auto pages = page_.add_offset_pages(step); !pages) return unexpected(std::move(pages).error());
  const std::uint64_t total = page_.listing().total.value_or(0);
  const std::uint64_t per_search = std::max<std::uint64_t>(1, (total + kMaxPartitions - 1) / kMaxPartitions);
  std::vector<std::string_view> known;
  for (std::string_view rest = work_.more; !rest.empty();) {
    known.push_back(rest.substr(0, rest.find(',')));
    rest.remove_prefix(std::min(rest.size(), known.back().size() + 1));
  }
  std::unordered_set<std::string_view> listed(known.begin(), known.end());
  std::vector<Request> searches;
  std::vector<std::string_view> group;
  std::string name;
  const auto search = [&](std::string partition, std::string_view clause) {
    const std::string query = clause.empty() ? std::string(work_.query) : narrowed(work_.query, clause);
    searches.push_back(request_for(sibling(request_, std::move(partition)), search_of(work_.extra).step,
                                   {"search/jql", query, "", work_.extra, kMaxCuts}));
  };
  const auto search_group = [&] {
    if (group.empty()) return;
    if (group.size() > 1) name = fmt::format("{} and {} more, {}", name, group.size() - 1, mark_of(group));
    search(name, in_projects(group));
    group.clear();
  };
  std::vector<std::string> ids;
  ids.reserve(page_.listing().items.size());
  for (const Item& project : page_.listing().items) {
    auto raw = page_.member(project, "id");
    if (!raw) return unexpected(std::move(raw).error());
    auto key = page_.member(project, "key");
    if (!key) return unexpected(std::move(key).error());
    std::string id(*raw);
    if (id.size() > 2 && id.front() == '"') id = id.substr(1, id.size() - 2);
    if (!is_digits(id) || listed.count(id) != 0) continue;
    ids.push_back(std::move(id));
    listed.insert(ids.back());
    known.push_back(ids.back());
    if (group.empty()) {
      const auto text = key->empty() ? Result<std::string>(std::string()) : json::decoded(*key);
      name = text && !text->empty() ? fmt::format("{} ({})", *text, ids.back()) : ids.back();
    }
    group.push_back(ids.back());
    if (group.size() >= per_search) search_group();
  }
  search_group();
  if (!step.next.empty()) {
    step.next.front().context =
        context_of({"", work_.query, "", work_.extra, fmt::format("{}", fmt::join(known, ","))});
  } else {
    search(fmt::format("none of {} projects, {}", known.size(), mark_of(known)), outside_projects(known));
  }
  step.next.insert(step.next.end(), std::make_move_iterator(searches.begin()), std::make_move_iterator(searches.end()));
  return step;
}

// The id of the site, and then what waited for it.
Result<PageStep> JiraReading::cloud() {
  std::optional<std::string> cloud;
  for (const Item& site : page_.listing().items) {
    auto url = page_.member(site, "url");
    if (!url) return unexpected(std::move(url).error());
    const auto text = url->empty() ? Result<std::string>(std::string()) : json::decoded(*url);
    if (!text) return page_.wrong(text.error());
    std::string_view address = *text;
    while (address.ends_with('/')) address.remove_suffix(1);
    if (address != options_.jira_host) continue;
    auto id = page_.segment(site, "id");
    if (!id) return unexpected(std::move(id).error());
    cloud = stages::percent_encoded(*id);
  }
  if (!cloud) {
    return page_.wrong(
        Error(ErrorKind::kRejected, fmt::format("the OAuth token is not for this site: none of its {} sites is {}",
                                                page_.listing().items.size(), options_.jira_host)));
  }
  PageStep step;
  for (const std::string_view waiting : unpacked(work_.extra)) {
    const std::vector<std::string_view> one = unpacked(waiting);
    if (one.size() != 6) continue;
    auto scope = std::make_shared<ScopeSpec>();
    scope->resources = unpacked_indexes(one[1]);
    scope->dependents = unpacked_indexes(one[2]);
    scope->partition = one[3];
    const auto next_step = static_cast<Step>(number_of(one[0]));
    Request& next =
        step.next.emplace_back(request_for(std::move(scope), next_step, {"board", one[4], *cloud, one[5], ""}));
    if (next_step == Step::kBoards) next.cursor = chain_cursor();
  }
  return step;
}

}  // namespace riptide::sources::jira
