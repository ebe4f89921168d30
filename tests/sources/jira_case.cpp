// Both Jiras, against the made-up one's answers, without its sockets.

#include <algorithm>
#include <mutex>

#include "jira_api.hpp"
#include "jira_world.hpp"
#include "riptide/sources/jira.hpp"
#include "riptide/sources/jira_server.hpp"
#include "source_case.hpp"

namespace riptide::test {
namespace {

// Three projects with issues, one of them with enough to be cut, and one that no listing shows.
simulator::JiraOptions small_jira() {
  simulator::JiraOptions options;
  options.projects = 5;
  options.issues = {7, 0, 13, 2, 4};
  options.unlisted_projects = 1;
  options.users = 7;
  options.teams = 4;
  options.members_per_team = 5;
  options.releases_per_project = 4;
  options.components_per_project = 2;
  options.boards = 4;
  options.sprints_per_board = 5;
  options.epics_per_board = 7;
  options.worklogs_per_issue = 4;
  options.record_bytes = 1'200;
  return options;
}

// Takes `name` and what follows it away, up to one of `ends`, or beyond a closing quote.
void drop(std::string& text, std::string_view name, char end) {
  const std::size_t at = text.find(name);
  if (at == std::string::npos) return;
  std::size_t stop = std::min(text.find(end, at + name.size()), text.size());
  if (end == '"') stop = std::min(stop + 1, text.size());
  text.erase(at, stop - at);
}

Server serve_jira(const simulator::JiraOptions& usual, const Trouble& trouble) {
  struct State {
    State(const simulator::JiraOptions& options) : world(options), api(world) { api.set_base("http://jira.test"); }
    simulator::JiraWorld world;
    simulator::JiraApi api;
    std::size_t answers = 0;
  };
  simulator::JiraOptions options = usual;
  if (trouble.empty) {
    options = {.projects = 0, .users = 0, .teams = 0, .boards = 0};
    options.lists_users = usual.lists_users;
  }
  return [trouble, state = std::make_shared<State>(options)](const stages::HttpRequest& http) {
    if (trouble.grows_after && state->answers++ == *trouble.grows_after) state->world.create_issue(0);
    const std::size_t host_end = http.url.find('/', http.url.find("://") + 3);
    std::string target = http.url.substr(host_end);
    std::string body = http.body;
    if (trouble.repeats) {
      for (const char* const name : {"startAt=", "nextPageToken=", "cursor=", "after="}) drop(target, name, '&');
      drop(body, ",\"nextPageToken\":\"", '"');
    }
    const std::string_view method = http.method == stages::Method::kPost ? "POST" : "GET";
    simulator::ByteBuffer out;
    const auto said =
        state->api.answer({.method = method, .target = target, .body = body}, simulator::Api::Encoding::kPlain, out);
    return answer(said.status, out.body());
  };
}

std::unique_ptr<stages::Source> make_jira() {
  sources::jira::Options options;
  options.jira_host = "http://jira.test";
  options.user_email = pipeline::Secret("somebody@example.test");
  options.user_token = pipeline::Secret("TOKEN");
  options.organization_id = "org-1";
  options.page_size = 3;
  options.split_after_pages = 2;
  options.split_over = 8;
  return *sources::jira::JiraSource::create(std::move(options));
}

std::unique_ptr<stages::Source> make_jira_server() {
  sources::jira_server::Options options;
  options.host = "http://jira.test";
  options.token = pipeline::Secret("TOKEN");
  return *sources::jira_server::JiraServerSource::create(std::move(options));
}

}  // namespace

SourceCase jira_case() {
  // 5 projects, but one is not listed; 26 issues; boards 1 and 4 are scrum, 2 kanban, 3 simple.
  const std::size_t projects = 4;
  const std::size_t issues = 26;
  const std::size_t listed_backlogs = 7 + 0 + 2;
  return {.name = "jira",
          .make = make_jira,
          .resources = {{0, "project", {}},
                        {1, "issue", {{"jql", "\"\""}}},
                        {2, "user", {}},
                        {3, "team", {{"includeMembers", "true"}}},
                        {4, "release", {}},
                        {5, "component", {}},
                        {6, "board", {}},
                        {7, "sprint", {{"sprintState", "null"}}},
                        {8, "backlog", {{"jql", "null"}}},
                        {9, "epic", {{"status", "[\"incomplete\"]"}}},
                        {10, "worklog", {{"jql", "\"\""}}}},
          .system = [](const Trouble& trouble) { return serve_jira(small_jira(), trouble); },
          .records = projects + issues + 7 + 4 + projects * (4 + 2) + 4 + 3 * 5 + listed_backlogs + 4 * 4 + issues * 4,
          // Of the project that is cut: two pages of issues, and the worklogs of a page.
          .twice = 6 + 3 * 4,
          .leaves_out = "\"id\""};
}

SourceCase jira_server_case() {
  return {.name = "jira_server",
          .make = make_jira_server,
          .resources = {{0, "project", {}}, {1, "issue", {{"jql", "\"\""}}}, {2, "user", {}}},
          .system =
              [](const Trouble& trouble) {
                simulator::JiraOptions options = small_jira();
                options.max_results = 4;
                return serve_jira(options, trouble);
              },
          .records = 4 + 26 + 7,
          .tolerates = [](const stages::Request& request,
                          int status) { return status == 404 && request.scope->resources.front() != 0; }};
}

}  // namespace riptide::test
