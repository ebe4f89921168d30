// Jira with the default mapping, by the real program: what arrives, what a second run finds, what partitions change.
#include <algorithm>
#include <atomic>
#include <fstream>

#include "riptide/simulator/jira_server.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::HasSubstr;

class JiraTest : public Workspace {
 protected:
  void start(simulator::JiraOptions options, const std::string& type = "jira") {
    // somebody@example.test:TOKEN
    if (options.authorization.empty() && type == "jira") {
      options.authorization = "Basic c29tZWJvZHlAZXhhbXBsZS50ZXN0OlRPS0VO";
    }
    auto started = simulator::JiraServer::start(std::move(options));
    server_ = std::move(std::get<0>(started));
    environment_["OCEAN__INTEGRATION__TYPE"] = type;
    environment_["OCEAN__RIPTIDE__RETRY_BASE"] = "5ms";
    if (type == "jira") {
      environment_["OCEAN__INTEGRATION__CONFIG__JIRA_HOST"] = server_->url();
      environment_["OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_EMAIL"] = "somebody@example.test";
      environment_["OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_TOKEN"] = "TOKEN";
      environment_["OCEAN__INTEGRATION__CONFIG__ATLASSIAN_ORGANIZATION_ID"] = "org-1";
    } else {
      environment_["OCEAN__INTEGRATION__CONFIG__JIRA_SERVER_HOST"] = server_->url();
      environment_["OCEAN__INTEGRATION__CONFIG__TOKEN"] = "PAT";
    }
  }

  [[nodiscard]] std::set<std::string> issues_in(const std::string& file) const {
    std::set<std::string> keys;
    for (const auto& [blueprint, identifier] : identities(path(file))) {
      if (blueprint == "jiraIssue" || blueprint == "jiraServerIssue") keys.insert(identifier);
    }
    return keys;
  }
  [[nodiscard]] std::set<std::string> issues_found(const std::string& jql) const {
    const std::vector<std::string> keys = server_->find(jql);
    return {keys.begin(), keys.end()};
  }

  std::unique_ptr<simulator::JiraServer> server_;
};

constexpr const char* kDefaultIssues = "(statusCategory != Done) OR (created >= -1w) OR (updated >= -1w)";

TEST_F(JiraTest, TheDefaultMappingFillsTheCatalogueAndASecondRunFindsItUnchanged) {
  start({.projects = 12, .issues_per_project = 90});
  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  EXPECT_EQ(issues_in("all.db"), issues_found(kDefaultIssues));
  const Database database(path("all.db"));
  EXPECT_EQ(database.value("select count(*) from jiraProject"), "12");
  EXPECT_EQ(database.value("select count(*) from jiraUser"), "120");
  EXPECT_EQ(database.value("select count(*) from jiraTeam"), "7");
  EXPECT_EQ(database.value("select json_array_length(members) from jiraTeam where identifier = 'team-3'"), "60");
  EXPECT_EQ(database.value("select totalIssues from jiraProject where identifier = 'PAAAB'"), "90");
  EXPECT_EQ(database.value("select url from jiraProject where identifier = 'PAAAB'"),
            server_->url() + "/projects/PAAAB");
  EXPECT_EQ(database.value("select count(*) from jiraIssue i join jiraProject p on i.project = p.identifier "
                           "join jiraUser u on i.assignee = u.identifier"),
            std::to_string(issues_found(kDefaultIssues).size()));

  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  EXPECT_EQ(report().total("unchanged"), report().total("read"));

  const std::string gone = *issues_in("all.db").begin();
  ASSERT_TRUE(server_->remove_issue(gone));
  const auto made = server_->create_issue(3);
  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  EXPECT_EQ(report().of("issue", "created"), 1u);
  EXPECT_EQ(report().of("issue", "deleted"), 1u);
  EXPECT_EQ(issues_in("all.db"), issues_found(kDefaultIssues));
  EXPECT_TRUE(issues_in("all.db").contains(*made));
}

TEST_F(JiraTest, PartitionsReadTheSameIssuesSideBySide) {
  // One project dominates, one cannot be listed, one is empty.
  start({.projects = 14,
         .issues = {2600, 10, 75, 0, 60, 51, 50, 49, 120, 3, 8, 90, 33, 40},
         .unlisted_projects = 1,
         .record_bytes = 1000,
         .utc_offset = std::chrono::minutes(330),
         .latency = std::chrono::milliseconds(3)});
  write("mapping.yaml", R"(resources:
  - kind: issue
    selector: {query: "true", jql: "status in ('To Do', \"In Progress\", Done) ORDER BY created"}
    port: {entity: {mappings: {identifier: .key, blueprint: '"jiraIssue"', title: .fields.summary}}}
)");
  environment_["OCEAN__INTEGRATION__CONFIG__PARTITION"] = "none";
  ASSERT_THAT(sync({"--mapping", "mapping.yaml", "--sink", "sqlite:chain.db"}), ExitsWith(0));
  EXPECT_EQ(server_->stats().max_in_service, 1u);
  EXPECT_EQ(report().json()["kinds"][0]["scopes_closed"].count(), 1u);
  EXPECT_EQ(issues_in("chain.db"), issues_found(""));

  environment_.erase("OCEAN__INTEGRATION__CONFIG__PARTITION");
  ASSERT_THAT(sync({"--mapping", "mapping.yaml", "--sink", "sqlite:parts.db"}), ExitsWith(0));
  EXPECT_GE(server_->stats().max_in_service, 5u);
  EXPECT_LE(server_->stats().max_in_service, 10u) << "the limit of the host";
  const auto rows = [this](const char* file) {
    return Database(path(file)).rows("select identifier, title from entities order by identifier");
  };
  EXPECT_TRUE(rows("parts.db") == rows("chain.db"));
  // The list, the 13 projects of it, and what is in none of them.
  EXPECT_EQ(report().json()["kinds"][0]["scopes_closed"].count(), 15u);
  EXPECT_EQ(report().of("issue", "duplicate"), 500u) << "of the project that was cut after ten pages";
}

TEST_F(JiraTest, WorklogsAreTheSameProjectByProject) {
  start({.projects = 9,
         .issues = {130, 10, 75, 0, 60, 5, 1, 9, 12},
         .unlisted_projects = 1,
         .worklogs_per_issue = 3,
         .record_bytes = 600,
         .latency = std::chrono::milliseconds(1)});
  write("mapping.yaml", R"(resources:
  - kind: worklog
    selector: {query: "true", jql: "status in (Done, 'To Do') ORDER BY created"}
    port: {entity: {mappings: {identifier: .id, blueprint: '"worklog"', relations: {issue: .__issueKey}}}}
)");
  environment_["OCEAN__INTEGRATION__CONFIG__PARTITION"] = "none";
  ASSERT_THAT(sync({"--mapping", "mapping.yaml", "--sink", "sqlite:chain.db"}), ExitsWith(0));
  EXPECT_EQ(report().json()["kinds"][0]["scopes_closed"].count(), 1u);
  const std::size_t issues = issues_found("status in (Done, 'To Do')").size();
  ASSERT_GT(issues, 50u);
  EXPECT_EQ(report().of("worklog", "created"), issues * 3);

  environment_.erase("OCEAN__INTEGRATION__CONFIG__PARTITION");
  ASSERT_THAT(sync({"--mapping", "mapping.yaml", "--sink", "sqlite:parts.db"}), ExitsWith(0));
  EXPECT_LE(server_->stats().max_in_service, 10u) << "the limit of the host";
  const auto rows = [this](const char* file) {
    return Database(path(file)).rows("select identifier, relations from entities order by identifier");
  };
  EXPECT_TRUE(rows("parts.db") == rows("chain.db"));
  // The list, the 8 projects of it, and what is in none of them.
  EXPECT_EQ(report().json()["kinds"][0]["scopes_closed"].count(), 10u);
  EXPECT_EQ(report().of("worklog", "duplicate"), 0u);
}

TEST_F(JiraTest, IssuesMadeWhileTheirProjectIsCutAreReadToo) {
  std::atomic<bool> made{false};
  simulator::JiraServer* server = nullptr;
  start({.projects = 2, .issues = {2300, 5}, .record_bytes = 600, .before_answer = [&](std::string_view target) {
           if (target.find("approximate-count") == std::string_view::npos || made.exchange(true)) return;
           server->create_issue(0);
         }});
  server = server_.get();
  write("mapping.yaml", R"(resources:
  - kind: issue
    selector: {query: "true", jql: ""}
    port: {entity: {mappings: {identifier: .key, blueprint: '"jiraIssue"'}}}
)");
  ASSERT_THAT(sync({"--mapping", "mapping.yaml", "--sink", "sqlite:all.db"}), ExitsWith(0));
  EXPECT_TRUE(made);
  EXPECT_EQ(issues_in("all.db"), issues_found(""));
}

TEST_F(JiraTest, ADeadPartitionOrListDeletesNothing) {
  start({.projects = 4, .issues_per_project = 30});
  ASSERT_THAT(sync({"--sink", "sqlite:all.db", "--kind", "issue"}), ExitsWith(0));
  const auto before = identities(path("all.db"));
  for (const char* const target : {"project = 10002", "/project/search", "project not in"}) {
    start({.projects = 4,
           .issues_per_project = 29,
           .faults = {.rules = {{.target = target, .fault = simulator::Fault::kStatus, .status = 404}}}});
    const Ended ended = sync({"--sink", "sqlite:all.db", "--kind", "issue"});
    EXPECT_THAT(ended, ExitsWith(3)) << target;
    EXPECT_EQ(report().total("deleted"), 0u);
    const auto after = identities(path("all.db"));
    EXPECT_TRUE(std::includes(after.begin(), after.end(), before.begin(), before.end()));
    EXPECT_GE(report().json()["scopes"].items().size(), 1u);
  }
}

TEST_F(JiraTest, FaultsOnTheWayChangeNothing) {
  start({.projects = 6,
         .issues_per_project = 120,
         .faults = {.rates = {.too_many_requests = 0.03,
                              .unavailable = 0.03,
                              .reset = 0.03,
                              .short_body = 0.03,
                              .truncated_json = 0.03,
                              .html = 0.03},
                    .retry_after = std::nullopt}});
  ASSERT_THAT(sync({"--sink", "sqlite:all.db"}), ExitsWith(0));
  EXPECT_EQ(issues_in("all.db"), issues_found(kDefaultIssues));
  EXPECT_GT(report().json()["hosts"][0]["retries"].count(), 0u);
}

TEST_F(JiraTest, RefusedCredentialsNameTheirSettings) {
  start({.authorization = "Basic somebody-else"});
  const Ended ended = sync({"--sink", "null"});
  EXPECT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, HasSubstr("OCEAN__INTEGRATION__CONFIG__ATLASSIAN_USER_TOKEN"));
  EXPECT_THAT(ended.err, ::testing::Not(HasSubstr("c29tZWJv")));
}

TEST_F(JiraTest, ATokenFileIsReadAgainWhenItsTokenIsRefused) {
  // The file is renewed just before the first answer that would refuse the old token.
  write("token", "OLD\n");
  std::atomic<int> answers{0};
  const auto file = path("token");
  start({.projects = 1,
         .issues_per_project = 3,
         .users = 3,
         .authorization = "Bearer NEW",
         .before_answer = [&answers, file](std::string_view) {
           if (answers++ == 0) std::ofstream(file) << "NEW\n";
         }});
  environment_["OCEAN__OAUTH_ACCESS_TOKEN_FILE_PATH"] = file;
  const Ended ended = sync({"--sink", "sqlite:all.db", "--kind", "project", "--kind", "issue"});
  EXPECT_THAT(ended, ExitsWith(0));
  EXPECT_EQ(issues_in("all.db"), issues_found(kDefaultIssues));
  EXPECT_GT(server_->stats().by_status[401], 0u);
}

TEST_F(JiraTest, TeamsNeedAnOrganization) {
  start({.projects = 1, .issues_per_project = 3, .users = 3});
  environment_.erase("OCEAN__INTEGRATION__CONFIG__ATLASSIAN_ORGANIZATION_ID");
  const Ended ended = sync({"--sink", "sqlite:all.db"});
  EXPECT_THAT(ended, ExitsWith(0));
  EXPECT_THAT(ended.err, HasSubstr("OCEAN__INTEGRATION__CONFIG__ATLASSIAN_ORGANIZATION_ID"));
  EXPECT_EQ(report().of("team", "read"), 0u);
}

TEST_F(JiraTest, DataCenterPagesAreReadAtOnce) {
  for (const bool lists_users : {true, false}) {
    start({.projects = 5,
           .issues_per_project = 200,
           .users = 250,
           .authorization = "Bearer PAT",
           .lists_users = lists_users,
           .latency = std::chrono::milliseconds(3)},
          "jira-server");
    const std::string file = lists_users ? "ten.db" : "nine.db";
    ASSERT_THAT(sync({"--sink", "sqlite:" + file}), ExitsWith(0));
    EXPECT_EQ(issues_in(file), issues_found("status != Done"));
    const Database database(path(file));
    EXPECT_EQ(database.value("select count(*) from jiraServerUser"), "250");
    EXPECT_EQ(database.value("select count(*) from jiraServerProject"), "5");
    EXPECT_GE(server_->stats().max_in_service, 8u);
  }
}

TEST_F(JiraTest, LintGraphAndMapKnowTheTypes) {
  for (const char* const type : {"jira", "jira-server"}) {
    start({.projects = 1}, type);
    EXPECT_THAT(riptide({"lint"}), ExitsWith(0)) << type;
    const Ended graph = riptide({"graph", "--format", "json"});
    EXPECT_THAT(graph, ExitsWith(0));
    EXPECT_THAT(graph.out, HasSubstr(std::string(type) + " resync"));
    const Ended map = riptide({"map", "--type", type, "--kind", "project"},
                              R"({"key":"PAY","name":"Pay","self":"https://jira.test/rest/api/3/project/1"})");
    EXPECT_THAT(map, ExitsWith(0));
    EXPECT_THAT(map.out, HasSubstr("https://jira.test/projects/PAY"));
  }
  write("bad.yaml", R"(resources:
  - kind: sprint
    selector: {query: "true", sprintState: [done]}
    port: {entity: {mappings: {identifier: .id, blueprint: '"jiraSprint"'}}}
)");
  start({.projects = 1});
  const Ended wrong = riptide({"lint", "bad.yaml"});
  EXPECT_THAT(wrong, ExitsWith(2));
  EXPECT_THAT(wrong.err,
              HasSubstr("bad.yaml:3:45: resources[0].selector.sprintState[0]: must be one of active, closed"));
}

}  // namespace
}  // namespace riptide::e2e
