#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jira/jira_auth.hpp"
#include "jira/jql.hpp"
#include "jira/page_reader.hpp"
#include "jira/selector.hpp"
#include "jira/work.hpp"
#include "riptide/sources/jira_server.hpp"
#include "riptide/stages/server_url.hpp"

namespace riptide::sources::jira_server {
namespace {

using jira::Step;
using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::unexpected;
using stages::PageStep;
using stages::Request;
using stages::ScopeSpec;

constexpr std::string_view kDefaultIssues = "status != Done";
constexpr std::uint64_t kUsersInPage = 100;

// How many records a page of a step is asked for; 0 leaves it to the server.
std::uint64_t take_of(Step step) noexcept { return step == Step::kServerUserSearch ? kUsersInPage : 0; }

std::string_view kind_of(Step step) noexcept { return jira::traits_of(step).what; }

}  // namespace

Result<std::unique_ptr<JiraServerSource>> JiraServerSource::create(Options options) {
  Result<std::string> host = stages::checked_server_url(options.host, "OCEAN__INTEGRATION__CONFIG__JIRA_SERVER_HOST");
  if (!host) return unexpected(std::move(host).error());
  options.host = *std::move(host);
  if (options.token.empty() && (options.username.empty() || options.password.empty())) {
    return unexpected(ErrorKind::kConfig,
                      "the Jira credentials are missing: set OCEAN__INTEGRATION__CONFIG__TOKEN, or "
                      "OCEAN__INTEGRATION__CONFIG__USERNAME and OCEAN__INTEGRATION__CONFIG__PASSWORD");
  }
  const bool bearer = !options.token.empty();
  auto auth = std::make_unique<jira::FixedAuthorization>(
      pipeline::Secret(bearer ? "Bearer " + options.token.reveal()
                              : stages::basic_authorization(options.username, options.password.reveal())),
      bearer ? "OCEAN__INTEGRATION__CONFIG__TOKEN"
             : "OCEAN__INTEGRATION__CONFIG__USERNAME and OCEAN__INTEGRATION__CONFIG__PASSWORD");
  return std::unique_ptr<JiraServerSource>(new JiraServerSource(std::move(options), std::move(auth)));
}

JiraServerSource::JiraServerSource(Options options, std::unique_ptr<stages::Auth> auth)
    : options_(std::move(options)), auth_(std::move(auth)) {}

Result<std::vector<Request>> JiraServerSource::start(std::span<const stages::SourceResource> resources) const {
  std::vector<Request> requests;
  std::vector<std::shared_ptr<ScopeSpec>> scopes;
  json::Document document;
  for (const stages::SourceResource& resource : resources) {
    Step step = Step::kServerProjects;
    std::string path = "project";
    std::string query;
    if (resource.kind == "issue") {
      auto jql = jira::SelectorReader(resource, document).optional_text("jql", std::string(kDefaultIssues));
      if (!jql) return unexpected(std::move(jql).error());
      step = Step::kServerIssues;
      path = "search";
      query = "jql=" + stages::percent_encoded(jql->value_or(std::string(kDefaultIssues)));
    } else if (resource.kind == "user") {
      step = Step::kServerUsers;
      path = "user/list";
    } else if (resource.kind != "project") {
      return unexpected(ErrorKind::kConfig,
                        fmt::format("resource {} of the mapping has a kind that Jira Server does not have: '{}'; use "
                                    "project, issue or user",
                                    resource.index, resource.kind));
    }
    const auto context = jira::context_of({path, query, "", "", ""});
    const auto same = std::find_if(requests.begin(), requests.end(), [&](const Request& one) {
      return jira::step_of(one) == step && *one.context == *context;
    });
    if (same != requests.end()) {
      scopes[static_cast<std::size_t>(same - requests.begin())]->resources.push_back(resource.index);
      continue;
    }
    scopes.push_back(std::make_shared<ScopeSpec>());
    scopes.back()->resources.push_back(resource.index);
    Request& request = requests.emplace_back();
    request.scope = scopes.back();
    request.step = static_cast<std::uint32_t>(step);
    request.context = context;
  }
  return requests;
}

stages::HttpRequest JiraServerSource::render(const Request& request) const {
  const jira::Work work = jira::work_of(request);
  stages::HttpRequest http;
  http.retryable = true;
  http.auth = auth_.get();
  http.headers.push_back({"Accept", "application/json"});
  http.url = fmt::format("{}/rest/api/2/{}", options_.host, work.path);
  const Step step = jira::step_of(request);
  if (step == Step::kServerIssues) {
    http.url += fmt::format("?{}&startAt={}", work.query, request.offset);
    const std::uint64_t piece = jira::take_of(request.cursor, 0);
    if (piece != 0) http.url += fmt::format("&maxResults={}", piece);
  } else if (step == Step::kServerUsers) {
    http.url += fmt::format("?maxResults={}", kUsersInPage);
    const std::string_view token = jira::token_place(request.cursor).token;
    if (!token.empty()) http.url += "&cursor=" + stages::percent_encoded(token);
  } else if (step == Step::kServerUserSearch) {
    // Two quotes stand for every name.
    http.url += fmt::format("?username=%27%27&startAt={}&maxResults={}", request.offset, kUsersInPage);
  }
  return http;
}

Error JiraServerSource::refused(const Request& request, const stages::HttpResponse& response) const {
  if (response.ok()) {
    return Error(ErrorKind::kAuth,
                 fmt::format("Jira answers as to nobody: it does not accept the credentials; check {}, url={}",
                             auth_->settings(), response.safe_url));
  }
  Error error = stages::http_error(response);
  if (response.status == 401) {
    error.message += fmt::format(" (Jira does not accept the credentials: check {})", auth_->settings());
  } else if (response.status == 403) {
    error.message += fmt::format(" (the user may not read the {}: grant it, or leave the kind out)",
                                 kind_of(jira::step_of(request)));
  } else if (response.status == 404 || (response.status >= 300 && response.status < 400)) {
    error.message += " (is this the address of a Jira Server? check OCEAN__INTEGRATION__CONFIG__JIRA_SERVER_HOST)";
  }
  return error;
}

Result<PageStep> JiraServerSource::read(const Request& request, const stages::HttpResponse& response,
                                        json::Document& document) const {
  const Step step = jira::step_of(request);
  PageStep read;
  if (response.status == 404 && step == Step::kServerIssues) return read;  // As Ocean: there are none.
  if (response.status == 404 && step == Step::kServerUsers) {
    // Before version 10.
    read.next.push_back(jira::next_of(request, Step::kServerUserSearch, {"user/search", "", "", "", ""}));
    return read;
  }
  if (!response.ok() || jira::is_anonymous(response)) return unexpected(refused(request, response));
  jira::PageReader page(request, response, document, take_of(step));
  if (auto listed = page.read(); !listed) return unexpected(std::move(listed).error());
  const bool chain = step == Step::kServerUsers;
  auto pages = chain ? page.add_token_page(read) : page.add_offset_pages(read);
  if (!pages) return unexpected(std::move(pages).error());
  if (auto added = page.add_records("", read); !added) return unexpected(std::move(added).error());
  return read;
}

}  // namespace riptide::sources::jira_server
