#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "jira_auth.hpp"
#include "jira_reading.hpp"
#include "packed_fields.hpp"
#include "riptide/sources/jira.hpp"
#include "riptide/stages/server_url.hpp"
#include "work.hpp"

namespace riptide::sources::jira {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;
using stages::Request;
using stages::ScopeSpec;

constexpr std::string_view kGatewayPath = "/ex/jira/";

stages::ScopeRef scope_of(std::vector<std::uint32_t> resources, std::vector<std::uint32_t> dependents,
                          std::string partition) {
  auto scope = std::make_shared<ScopeSpec>();
  scope->resources = std::move(resources);
  scope->dependents = std::move(dependents);
  scope->partition = std::move(partition);
  return scope;
}

// What the requests of a run begin with, once it is known how the site is addressed.
struct Opening {
  Step step;
  stages::ScopeRef scope;
  std::string query;
  std::string extra;
};

bool belongs_to_board(Step step) noexcept {
  return step == Step::kSprints || step == Step::kEpics || step == Step::kBacklog || step == Step::kAgileBacklog;
}

void append_parameter(std::string_view parameter, std::string& url) {
  if (parameter.empty()) return;
  url += url.find('?') == std::string::npos ? '?' : '&';
  url += parameter;
}

// The body of a search: query, page and what it wants of each issue.
std::string search_body(const Request& request, const Work& work, std::uint32_t page_size) {
  const Step step = step_of(request);
  std::string jql(work.query);
  std::string_view members = search_of(work.extra).members;
  const bool one = step == Step::kOldestIssue || step == Step::kNewestIssue;
  if (one) {
    jql += step == Step::kOldestIssue ? " ORDER BY created ASC" : " ORDER BY created DESC";
    members = R"(,"fields":["created"])";
    page_size = 1;
  }
  std::string body = "{\"jql\":";
  json::append_quoted(jql, body);
  if (step == Step::kIssueCount) return body + "}";
  body += fmt::format(",\"maxResults\":{}", page_size);
  body += members;
  if (const TokenPlace place = token_place(request.cursor); !place.token.empty() && !one) {
    body += ",\"nextPageToken\":";
    json::append_quoted(place.token, body);
  }
  body += '}';
  return body;
}

}  // namespace

Result<std::unique_ptr<JiraSource>> JiraSource::create(Options options) {
  Result<std::string> host = stages::checked_server_url(options.jira_host, "OCEAN__INTEGRATION__CONFIG__JIRA_HOST");
  if (!host) return unexpected(std::move(host).error());
  options.jira_host = *std::move(host);
  const bool oauth = options.oauth_token != nullptr;
  if (options.user_token.empty() || (!oauth && options.user_email.empty())) {
    return unexpected(
        ErrorKind::kConfig,
        fmt::format("the Jira user's {} is missing: set OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_{}",
                    options.user_token.empty() ? "token" : "email", options.user_token.empty() ? "TOKEN" : "EMAIL"));
  }
  if (options.page_size == 0 || options.page_size > kMaxPageSize) {
    return unexpected(ErrorKind::kConfig,
                      fmt::format("pageSize must be from 1 to {}: {}", kMaxPageSize, options.page_size));
  }
  std::unique_ptr<stages::Auth> auth;
  if (oauth) {
    auth = std::make_unique<RenewedBearer>(options.oauth_token, options.user_token);
  } else {
    auth = std::make_unique<FixedAuthorization>(
        pipeline::Secret(stages::basic_authorization(options.user_email.reveal(), options.user_token.reveal())),
        "OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_EMAIL and OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_TOKEN");
  }
  return std::unique_ptr<JiraSource>(new JiraSource(std::move(options), std::move(auth)));
}

JiraSource::JiraSource(Options options, std::unique_ptr<stages::Auth> auth)
    : options_(std::move(options)), auth_(std::move(auth)) {
  const std::size_t at = options_.jira_host.find(kGatewayPath);
  if (options_.oauth_token == nullptr || at == std::string::npos) return;
  cloud_ = options_.jira_host.substr(at + kGatewayPath.size());
  options_.gateway_url = options_.jira_host.substr(0, at);
}

std::vector<std::string> JiraSource::notices(std::span<const stages::SourceResource> resources) const {
  const auto plan = plan_of(resources, {options_.organization_id, options_.partition});
  if (!plan || !plan->teams_left_out) return {};
  return {"no teams are read: set OCEAN__INTEGRATION__CONFIG__ATLASSIAN_ORGANIZATION_ID to read them"};
}

Result<std::vector<Request>> JiraSource::start(std::span<const stages::SourceResource> resources) const {
  auto plan = plan_of(resources, {options_.organization_id, options_.partition});
  if (!plan) return unexpected(std::move(plan).error());
  std::vector<Request> requests;
  std::vector<Opening> boards;  // What is asked of the agile API.
  std::string of_projects;
  std::string of_boards;
  std::vector<std::uint32_t> project_dependents;
  std::vector<std::uint32_t> board_dependents;
  for (const Plan::Block& block : plan->blocks) {
    const bool of_project = block.step == Step::kVersions || block.step == Step::kComponents;
    if (of_project || belongs_to_board(block.step)) {
      append_packed(packed({packed_indexes(block.resources), std::to_string(static_cast<std::uint32_t>(block.step)),
                            block.path, block.query}),
                    of_project ? of_projects : of_boards);
      auto& dependents = of_project ? project_dependents : board_dependents;
      dependents.insert(dependents.end(), block.resources.begin(), block.resources.end());
      continue;
    }
    if (block.step == Step::kBoards) {
      boards.push_back({Step::kBoards, scope_of(block.resources, {}, "*"), block.query, ""});
      continue;
    }
    if (block.partitioned) {
      Request& first = requests.emplace_back(request_for(scope_of(block.resources, {}, std::string(kProjectList)),
                                                         Step::kIssueProjects, {"", block.query, "", block.extra, ""}));
      first.cursor = chain_cursor();
      continue;
    }
    requests.push_back(request_for(scope_of(block.resources, {}, "*"), block.step,
                                   {block.path, block.query, "", block.extra, block.more}));
  }
  if (!of_projects.empty()) {
    requests.push_back(request_for(scope_of({}, project_dependents, "projects"), Step::kProjectParents,
                                   {"project/search", "", "", of_projects, ""}));
  }
  if (!of_boards.empty()) {
    boards.push_back({Step::kBoardParents, scope_of({}, board_dependents, "boards"), "", of_boards});
  }
  if (boards.empty()) return requests;
  if (options_.oauth_token == nullptr || !cloud_.empty()) {
    for (const Opening& one : boards) {
      Request& first =
          requests.emplace_back(request_for(one.scope, one.step, {"board", one.query, cloud_, one.extra, ""}));
      if (one.step == Step::kBoards) first.cursor = chain_cursor();
    }
    return requests;
  }
  // With OAuth the agile API has another host, which knows the site by its id.
  std::string waiting;
  std::vector<std::uint32_t> dependents;
  for (const Opening& one : boards) {
    append_packed(packed({std::to_string(static_cast<std::uint32_t>(one.step)), packed_indexes(one.scope->resources),
                          packed_indexes(one.scope->dependents), one.scope->partition, one.query, one.extra}),
                  waiting);
    const auto& concerned = one.scope->resources.empty() ? one.scope->dependents : one.scope->resources;
    dependents.insert(dependents.end(), concerned.begin(), concerned.end());
  }
  requests.push_back(request_for(scope_of({}, dependents, "site"), Step::kCloud,
                                 {"oauth/token/accessible-resources", "", "", waiting, ""}));
  return requests;
}

std::vector<stages::HostLimits> JiraSource::host_limits() const {
  std::vector<stages::HostLimits> limits = {{options_.jira_host, kMaxInFlight, {}}};
  if (options_.oauth_token) limits.push_back({options_.gateway_url, kMaxInFlight, {}});
  return limits;
}

stages::HttpRequest JiraSource::render(const Request& request) const {
  const Step step = step_of(request);
  const StepTraits& traits = traits_of(step);
  const Work work = work_of(request);
  stages::HttpRequest http;
  http.retryable = true;  // All of them only read, those that are POST too.
  http.auth = auth_.get();
  http.headers.push_back({"Accept", "application/json"});

  const bool by_id = !work.cloud.empty();
  const std::string by_id_url = fmt::format("{}{}{}/rest", options_.gateway_url, kGatewayPath, work.cloud);
  switch (traits.api) {
    case Api::kPlatform:
      http.url = options_.jira_host + "/rest/api/3/";
      break;
    case Api::kAgile:
      http.url = by_id ? by_id_url + "/agile/latest/" : options_.jira_host + "/rest/agile/1.0/";
      break;
    case Api::kSoftware:
      http.url = (by_id ? by_id_url : options_.jira_host + "/rest") + "/software/1.0/";
      break;
    case Api::kTeams:
      http.url = options_.jira_host + "/gateway/api/public/teams/v1/org/";
      break;
    case Api::kGateway:
      http.url = options_.gateway_url + "/";
      break;
  }
  http.url += step == Step::kIssueProjects                               ? "project/search"
              : step == Step::kIssueCount                                ? "search/approximate-count"
              : step == Step::kOldestIssue || step == Step::kNewestIssue ? "search/jql"
                                                                         : work.path;
  const bool search = traits.paging == Paging::kSearch || step == Step::kIssueCount;
  if (search) {
    http.method = stages::Method::kPost;
    http.headers.push_back({"Content-Type", "application/json"});
    http.body = search_body(request, work, options_.page_size);
    return http;
  }
  if (step != Step::kIssueProjects) append_parameter(work.query, http.url);
  const std::string token = stages::percent_encoded(token_place(request.cursor).token);
  switch (traits.paging) {
    case Paging::kOffset:
      append_parameter(
          fmt::format("startAt={}&maxResults={}", request.offset, take_of(request.cursor, options_.page_size)),
          http.url);
      break;
    case Paging::kToken:
      append_parameter(fmt::format("maxResults={}", options_.page_size), http.url);
      if (!token.empty()) append_parameter("nextPageToken=" + token, http.url);
      break;
    case Paging::kCursor:
      if (!token.empty()) append_parameter("cursor=" + token, http.url);
      break;
    case Paging::kAfter:
      http.method = stages::Method::kPost;
      http.headers.push_back({"Content-Type", "application/json"});
      http.body = "{}";
      append_parameter(fmt::format("first={}", options_.page_size), http.url);
      if (!token.empty()) append_parameter("after=" + token, http.url);
      break;
    case Paging::kSearch:
    case Paging::kNone:
      break;
  }
  return http;
}

Result<stages::PageStep> JiraSource::read(const Request& request, const stages::HttpResponse& response,
                                          json::Document& document) const {
  return JiraReading(options_, request, response, document).read();
}

}  // namespace riptide::sources::jira
