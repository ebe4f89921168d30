// What is asked for each kind and selector, and what answers mean beyond the contract of all sources.

#include "riptide/sources/jira.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "riptide/sources/jira_server.hpp"
#include "walk_source.hpp"

namespace riptide::sources::jira {
namespace {

using pipeline::ErrorKind;
using stages::PageStep;
using stages::Request;
using stages::SourceResource;
using test::answer;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Options options() {
  Options made;
  made.jira_host = "https://jira.test/";
  made.user_email = pipeline::Secret("me@example.test");
  made.user_token = pipeline::Secret("TOKEN");
  made.organization_id = "org";
  return made;
}

std::unique_ptr<JiraSource> source(Options with = options()) {
  auto made = JiraSource::create(std::move(with));
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}

std::string asked(const JiraSource& jira, const Request& request) {
  const stages::HttpRequest http = jira.render(request);
  return std::string(to_string(http.method)) + " " + http.url + (http.body.empty() ? "" : " " + http.body);
}

Request only(const JiraSource& jira, const SourceResource& resource) {
  auto started = jira.start(std::vector{resource});
  EXPECT_TRUE(started) << started.error().message;
  EXPECT_THAT(*started, SizeIs(1));
  return started->front();
}

PageStep read(const JiraSource& jira, const Request& request, std::string_view body, int status = 200) {
  json::Document document;
  auto step = jira.read(request, answer(status, body), document);
  EXPECT_TRUE(step) << step.error().message;
  return step ? *std::move(step) : PageStep();
}

pipeline::Error refused(const JiraSource& jira, const Request& request, const stages::HttpResponse& response) {
  json::Document document;
  auto step = jira.read(request, response, document);
  EXPECT_FALSE(step);
  return step ? pipeline::Error() : step.error();
}

struct FirstCase {
  const char* name;
  SourceResource resource;
  const char* asked;
};

class JiraFirst : public ::testing::TestWithParam<FirstCase> {};

TEST_P(JiraFirst, RequestIsAsOceanAsks) {
  const auto jira = source();
  EXPECT_EQ(asked(*jira, only(*jira, GetParam().resource)), GetParam().asked);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, JiraFirst,
    ::testing::Values(
        FirstCase{"project",
                  {0, "project", {}},
                  "GET https://jira.test/rest/api/3/project/search?expand=insight&startAt=0&maxResults=50"},
        FirstCase{"project_expand",
                  {0, "project", {{"expand", "\"lead,url\""}}},
                  "GET https://jira.test/rest/api/3/project/search?expand=lead%2Curl&startAt=0&maxResults=50"},
        FirstCase{"user", {0, "user", {}}, "GET https://jira.test/rest/api/3/users/search?startAt=0&maxResults=50"},
        FirstCase{"team", {0, "team", {}}, "GET https://jira.test/gateway/api/public/teams/v1/org/org/teams"},
        FirstCase{"issue", {0, "issue", {}}, "GET https://jira.test/rest/api/3/project/search?startAt=0&maxResults=50"},
        FirstCase{
            "issue_chain",
            {0, "issue", {{"partition", "\"none\""}, {"jql", "\"a = \\\"b\\\" ORDER BY rank\""}}},
            R"(POST https://jira.test/rest/api/3/search/jql {"jql":"a = \"b\" ORDER BY rank","maxResults":50,"fields":["*all"]})"},
        FirstCase{
            "issue_of_a_project",
            {0,
             "issue",
             {{"jql", "\"project = X ORDER BY rank\""},
              {"fields", "\"summary, status\""},
              {"expand", "\"changelog\""}}},
            R"(POST https://jira.test/rest/api/3/search/jql {"jql":"project = X","maxResults":50,"fields":["summary","status"],"expand":"changelog"})"},
        FirstCase{"issue_blank",
                  {0, "issue", {{"partition", "\"none\""}, {"jql", "\"  \""}, {"fields", "null"}}},
                  R"(POST https://jira.test/rest/api/3/search/jql {"jql":"","maxResults":50})"},
        FirstCase{"board",
                  {0, "board", {{"boardType", "\"scrum\""}, {"projectKey", "\"PAY\""}}},
                  "GET https://jira.test/rest/agile/1.0/board?type=scrum&projectKeyOrId=PAY&startAt=0&maxResults=50"},
        FirstCase{"sprint", {0, "sprint", {}}, "GET https://jira.test/rest/agile/1.0/board?startAt=0&maxResults=50"},
        FirstCase{
            "release", {0, "release", {}}, "GET https://jira.test/rest/api/3/project/search?startAt=0&maxResults=50"},
        FirstCase{
            "worklog", {0, "worklog", {}}, "GET https://jira.test/rest/api/3/project/search?startAt=0&maxResults=50"},
        FirstCase{
            "worklog_of_a_project",
            {0, "worklog", {{"jql", "\"project = X\""}}},
            R"(POST https://jira.test/rest/api/3/search/jql {"jql":"project = X","maxResults":50,"fields":["key"]})"},
        FirstCase{
            "worklog_chain",
            {0, "worklog", {{"partition", "\"none\""}}},
            R"(POST https://jira.test/rest/api/3/search/jql {"jql":"updated >= -1w","maxResults":50,"fields":["key"]})"}),
    [](const auto& each) { return each.param.name; });

struct ChildCase {
  const char* name;
  SourceResource resource;
  const char* asked;
};

class JiraChildren : public ::testing::TestWithParam<ChildCase> {};

TEST_P(JiraChildren, AreAskedOfTheirParents) {
  const auto jira = source();
  const PageStep parents =
      read(*jira, only(*jira, GetParam().resource), R"({"total":1,"maxResults":50,"values":[{"id":8,"key":"PAY"}]})");
  ASSERT_THAT(parents.next, SizeIs(1));
  EXPECT_THAT(parents.records.spans, IsEmpty());
  EXPECT_EQ(asked(*jira, parents.next.front()), GetParam().asked);
  EXPECT_THAT(parents.next.front().scope->resources, ElementsAre(0));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, JiraChildren,
    ::testing::Values(
        ChildCase{"release",
                  {0, "release", {}},
                  "GET https://jira.test/rest/api/3/project/PAY/version?startAt=0&maxResults=50"},
        ChildCase{"component",
                  {0, "component", {{"nameFilter", "\"a b\""}}},
                  "GET "
                  "https://jira.test/rest/api/3/project/PAY/"
                  "component?componentSource=jira&query=a%20b&startAt=0&maxResults=50"},
        ChildCase{"sprint",
                  {0, "sprint", {{"sprintState", "[\"active\",\"future\"]"}}},
                  "GET https://jira.test/rest/agile/1.0/board/8/sprint?state=active,future&startAt=0&maxResults=50"},
        ChildCase{"sprint_all",
                  {0, "sprint", {{"sprintState", "null"}}},
                  "GET https://jira.test/rest/agile/1.0/board/8/sprint?startAt=0&maxResults=50"},
        ChildCase{"epic",
                  {0, "epic", {}},
                  "GET https://jira.test/rest/agile/1.0/board/8/epic?done=false&startAt=0&maxResults=50"},
        ChildCase{"epic_both",
                  {0, "epic", {{"status", "[\"complete\",\"incomplete\"]"}}},
                  "GET https://jira.test/rest/agile/1.0/board/8/epic?startAt=0&maxResults=50"},
        ChildCase{"backlog",
                  {0, "backlog", {{"jql", "\"a = 1\""}, {"fields", "[\"x\",\"y\"]"}}},
                  "GET https://jira.test/rest/software/1.0/board/8/backlog?jql=a%20%3D%201&fields=x%2Cy&maxResults=50"},
        ChildCase{"backlog_agile",
                  {0, "backlog", {{"jql", "null"}, {"useSoftwareApi", "false"}}},
                  "GET https://jira.test/rest/agile/1.0/board/8/backlog?startAt=0&maxResults=50"}),
    [](const auto& each) { return each.param.name; });

TEST(JiraSource, JoinsTheMembersOfATeamOverTheirPages) {
  const auto jira = source();
  const Request teams = only(*jira, {4, "team", {{"includeMembers", "true"}}});
  const PageStep page = read(*jira, teams, R"({"entities":[{"teamId":"t1","displayName":"One"}],"cursor":"c 2"})");
  ASSERT_THAT(page.next, SizeIs(2));
  EXPECT_THAT(asked(*jira, page.next[0]), HasSubstr("/teams?cursor=c%202"));
  EXPECT_EQ(asked(*jira, page.next[1]),
            "POST https://jira.test/gateway/api/public/teams/v1/org/org/teams/t1/members?first=50 {}");
  const PageStep first =
      read(*jira, page.next[1], R"({"results":[{"accountId":"a"}],"pageInfo":{"hasNextPage":true,"endCursor":"e"}})");
  EXPECT_THAT(first.records.spans, IsEmpty());
  ASSERT_THAT(first.next, SizeIs(1));
  EXPECT_THAT(asked(*jira, first.next[0]), HasSubstr("first=50&after=e"));
  const PageStep last =
      read(*jira, first.next[0], R"({"results":[{"accountId":"b"}],"pageInfo":{"hasNextPage":false,"endCursor":"f"}})");
  ASSERT_THAT(last.records.spans, SizeIs(1));
  ASSERT_TRUE(last.page);
  const auto record = pipeline::view_of(last.page, last.records, last.records.spans[0]);
  EXPECT_EQ(record.json, R"({"teamId":"t1","displayName":"One"})");
  ASSERT_THAT(record.overlay, SizeIs(1));
  EXPECT_EQ(record.overlay[0].key, "__members");
  EXPECT_EQ(record.overlay_value(record.overlay[0]), R"([{"accountId":"a"},{"accountId":"b"}])");
}

TEST(JiraSource, SkipsBoardsThatCannotHaveWhatIsAsked) {
  const auto jira = source();
  const auto of_board = [&jira](const SourceResource& resource) {
    return read(*jira, only(*jira, resource), R"({"total":1,"values":[{"id":8}]})").next.front();
  };
  const Request sprints = of_board({0, "sprint", {}});
  const Request backlog = of_board({0, "backlog", {}});
  const Request agile = of_board({0, "backlog", {{"useSoftwareApi", "false"}}});
  const char* const no_sprints = R"({"errorMessages":["x","The board does not support sprints"]})";
  const char* const no_backlog = R"({"errorMessages":["Backlogs are not supported on this board: 8"]})";
  EXPECT_THAT(read(*jira, sprints, no_sprints, 400).next, IsEmpty());
  EXPECT_THAT(read(*jira, backlog, no_backlog, 400).next, IsEmpty());
  EXPECT_EQ(refused(*jira, agile, answer(400, no_backlog)).kind, ErrorKind::kRejected);
  EXPECT_EQ(refused(*jira, sprints, answer(400, no_backlog)).kind, ErrorKind::kRejected);
  EXPECT_EQ(refused(*jira, sprints, answer(404, no_sprints)).kind, ErrorKind::kNotFound);
  EXPECT_EQ(refused(*jira, sprints, answer(400, "no JSON")).kind, ErrorKind::kRejected);
}

// With a wrong token some listings answer 200 and are empty: everything would be deleted.
TEST(JiraSource, AnAnswerToNobodyIsAnAuthError) {
  const auto jira = source();
  stages::HttpResponse response = answer(200, R"({"total":0,"values":[]})");
  response.headers.push_back({"x-seraph-loginreason", "AUTHENTICATED_FAILED"});
  const auto error = refused(*jira, only(*jira, {0, "project", {}}), response);
  EXPECT_EQ(error.kind, ErrorKind::kAuth);
  EXPECT_THAT(error.message, HasSubstr("ATLASSIAN_USER_TOKEN"));
}

TEST(JiraSource, ACircleOfTokensIsFoundHoweverLong) {
  const auto jira = source();
  for (const int length : {1, 2, 3, 7, 40}) {
    int asked_for = 0;
    const auto walk = test::walk_source(
        *jira, std::vector<SourceResource>{{0, "issue", {{"partition", "\"none\""}}}}, [&](const stages::HttpRequest&) {
          const int token = asked_for < 5 ? asked_for : 5 + asked_for % length;
          ++asked_for;
          return answer(200,
                        fmt::format(R"({{"issues":[{{"id":"{0}","key":"A-{0}"}}],"nextPageToken":"t{0}"}})", token));
        });
    EXPECT_FALSE(walk.endless) << length;
    EXPECT_THAT(walk.errors, ElementsAre(HasSubstr("round in a circle")));
    EXPECT_LT(asked_for, 200);
  }
}

TEST(JiraSource, EmptyPagesOfASearchAreFollowedButNotForEver) {
  const auto jira = source();
  int pages = 0;
  const auto walk = test::walk_source(
      *jira, std::vector<SourceResource>{{0, "issue", {{"partition", "\"none\""}}}}, [&](const stages::HttpRequest&) {
        return answer(200, fmt::format(R"({{"issues":[],"nextPageToken":"t{}"}})", ++pages));
      });
  EXPECT_THAT(walk.errors, ElementsAre(HasSubstr("one empty page after the other")));
}

TEST(JiraSource, ManyProjectsShareTheirSearches) {
  const auto jira = source();
  const Request list = only(*jira, {0, "issue", {{"jql", "\"a = 1\""}}});
  std::string values;
  for (int i = 0; i < 50; ++i) values += fmt::format(R"({}{{"id":"{}","key":"K{}"}})", i == 0 ? "" : ",", 100 + i, i);
  const PageStep page = read(*jira, list, R"({"total":1000,"maxResults":50,"values":[)" + values + "]}");
  ASSERT_THAT(page.next, SizeIs(1 + 10)) << "the list goes on, and five projects a search";
  EXPECT_THAT(asked(*jira, page.next[0]), HasSubstr("startAt=50"));
  EXPECT_THAT(asked(*jira, page.next[1]), HasSubstr(R"x("jql":"(a = 1) AND project in (100, 101, 102, 103, 104)")x"));
  EXPECT_THAT(page.next[1].scope->partition, HasSubstr("K0 (100) and 4 more"));
}

TEST(JiraSource, WhatNoProjectHasIsAskedForToo) {
  const auto jira = source();
  const Request list = only(*jira, {0, "issue", {{"jql", "\"a = 1\""}}});
  const PageStep page =
      read(*jira, list, R"({"total":3,"values":[{"id":"1","key":"A"},{"key":"NOID"},{"id":"x","key":"B"}]})");
  ASSERT_THAT(page.next, SizeIs(2));
  EXPECT_THAT(asked(*jira, page.next[0]), HasSubstr("(a = 1) AND project = 1\""));
  EXPECT_THAT(asked(*jira, page.next[1]), HasSubstr("(a = 1) AND project not in (1)\""));
  const PageStep none = read(*jira, list, R"({"total":0,"values":[]})");
  ASSERT_THAT(none.next, SizeIs(1));
  EXPECT_THAT(asked(*jira, none.next[0]), HasSubstr(R"({"jql":"a = 1",)"));
}

TEST(JiraSource, FindsIssuesWithWorklogsProjectByProject) {
  const auto jira = source();
  const Request list = only(*jira, {0, "worklog", {{"jql", "\"a = 1\""}, {"apiQueryParams", R"({"startedAfter":7})"}}});
  const PageStep projects = read(*jira, list, R"({"total":1,"values":[{"id":"1","key":"A"}]})");
  ASSERT_THAT(projects.next, SizeIs(2));
  EXPECT_EQ(
      asked(*jira, projects.next[0]),
      R"(POST https://jira.test/rest/api/3/search/jql {"jql":"(a = 1) AND project = 1","maxResults":50,"fields":["key"]})");
  EXPECT_EQ(projects.next[0].scope->partition, "A (1)");
  EXPECT_THAT(asked(*jira, projects.next[1]), HasSubstr("(a = 1) AND project not in (1)\""));

  const char* const issues = R"({"issues":[{"key":"A-1"}],"nextPageToken":"t"})";
  const PageStep found = read(*jira, projects.next[0], issues);
  EXPECT_THAT(found.records.spans, IsEmpty());
  ASSERT_THAT(found.next, SizeIs(2));
  EXPECT_THAT(asked(*jira, found.next[0]), HasSubstr("search/approximate-count")) << "before its worklogs are many";
  EXPECT_EQ(asked(*jira, found.next[1]),
            "GET https://jira.test/rest/api/3/issue/A-1/worklog?startedAfter=7&startAt=0&maxResults=50");
  EXPECT_EQ(found.next[1].scope, projects.next[0].scope);
  const PageStep counted = read(*jira, found.next[0], R"({"count":60})");
  ASSERT_THAT(counted.next, SizeIs(1));
  EXPECT_THAT(asked(*jira, counted.next[0]), AllOf(HasSubstr("nextPageToken\":\"t"), HasSubstr(R"("fields":["key"])")));

  const Request chain = only(*jira, {0, "worklog", {{"partition", "\"none\""}}});
  const PageStep page = read(*jira, chain, issues);
  ASSERT_THAT(page.next, SizeIs(2));
  EXPECT_THAT(asked(*jira, page.next[0]), HasSubstr("nextPageToken")) << "what is not partitioned is not cut either";
}

TEST(JiraSource, AsksForTheIdOfTheSiteWithOAuth) {
  Options oauth = options();
  oauth.oauth_token = [] { return Result<pipeline::Secret>(pipeline::Secret("T1\n")); };
  const auto jira = source(oauth);
  const Request cloud = only(*jira, {0, "sprint", {}});
  EXPECT_EQ(asked(*jira, cloud), "GET https://api.atlassian.com/oauth/token/accessible-resources");
  EXPECT_THAT(cloud.scope->dependents, ElementsAre(0));
  const PageStep sites =
      read(*jira, cloud, R"([{"id":"no","url":"https://x.test"},{"id":"c1","url":"https://jira.test"}])");
  ASSERT_THAT(sites.next, SizeIs(1));
  EXPECT_EQ(asked(*jira, sites.next[0]),
            "GET https://api.atlassian.com/ex/jira/c1/rest/agile/latest/board?startAt=0&maxResults=50");
  const PageStep boards = read(*jira, sites.next[0], R"({"total":1,"values":[{"id":8}]})");
  EXPECT_EQ(
      asked(*jira, boards.next.at(0)),
      "GET https://api.atlassian.com/ex/jira/c1/rest/agile/latest/board/8/sprint?state=active&startAt=0&maxResults=50");
  EXPECT_THAT(refused(*jira, cloud, answer(200, "[]")).message, HasSubstr("not for this site"));

  oauth.jira_host = "https://api.atlassian.com/ex/jira/c9";
  const auto by_id = source(oauth);
  EXPECT_EQ(asked(*by_id, only(*by_id, {0, "board", {}})),
            "GET https://api.atlassian.com/ex/jira/c9/rest/agile/latest/board?startAt=0&maxResults=50");
}

TEST(JiraSource, SignsWithBasicOrWithTheFilesTokenOfTheMoment) {
  EXPECT_EQ(source()->auth()->fixed()->headers.front().value, "Basic bWVAZXhhbXBsZS50ZXN0OlRPS0VO");
  EXPECT_FALSE(source()->auth()->fixed()->lifetime);
  Options oauth = options();
  Result<pipeline::Secret> token = pipeline::Secret("T1\n");
  oauth.oauth_token = [&token] { return token; };
  const auto jira = source(oauth);
  EXPECT_EQ(jira->auth()->fixed()->headers.front().value, "Bearer T1");
  EXPECT_TRUE(jira->auth()->fixed()->lifetime);
  token = pipeline::Secret("T2");
  EXPECT_EQ(jira->auth()->fixed()->headers.front().value, "Bearer T2");
  token = pipeline::unexpected(ErrorKind::kConfig, "gone");
  EXPECT_EQ(jira->auth()->fixed()->headers.front().value, "Bearer TOKEN");
}

TEST(JiraSource, BlocksThatReadTheSameShareAScope) {
  const auto jira = source();
  const auto started = jira->start(std::vector<SourceResource>{{0, "user", {}},
                                                               {1, "issue", {{"jql", "\"a = 1\""}}},
                                                               {2, "user", {}},
                                                               {3, "issue", {{"jql", "\"a = 2\""}}},
                                                               {4, "issue", {{"jql", "\"a = 1\""}}}});
  ASSERT_TRUE(started);
  std::vector<std::vector<std::uint32_t>> scopes;
  for (const Request& request : *started) scopes.push_back(request.scope->resources);
  EXPECT_THAT(scopes, ElementsAre(ElementsAre(0, 2), ElementsAre(1, 4), ElementsAre(3)));
}

TEST(JiraSource, WithoutAnOrganizationThereAreNoTeams) {
  Options none = options();
  none.organization_id.clear();
  const auto jira = source(none);
  const std::vector<SourceResource> teams = {{0, "team", {}}};
  EXPECT_THAT(*jira->start(teams), IsEmpty());
  EXPECT_THAT(jira->notices(teams), ElementsAre(HasSubstr("ATLASSIAN_ORGANIZATION_ID")));
  EXPECT_THAT(source()->notices(teams), IsEmpty());
}

TEST(JiraSource, SaysWhichFieldOfASelectorIsWrong) {
  const auto jira = source();
  const auto message = [&jira](const std::string& kind, const std::string& field, const std::string& json) {
    const auto started = jira->start(std::vector<SourceResource>{{7, kind, {{field, json}}}});
    EXPECT_FALSE(started) << kind << " " << field << " " << json;
    if (started) return std::string();
    EXPECT_EQ(started.error().kind, ErrorKind::kConfig);
    return started.error().message;
  };
  EXPECT_THAT(message("issue", "jql", "null"), AllOf(HasSubstr("resource 7"), HasSubstr("selector.jql")));
  EXPECT_THAT(message("worklog", "jql", "null"), HasSubstr("selector.jql"));
  EXPECT_THAT(message("issue", "fields", "[\"a\"]"), HasSubstr("selector.fields"));
  EXPECT_THAT(message("issue", "partition", "\"board\""), HasSubstr("auto, none"));
  EXPECT_THAT(message("worklog", "partition", "\"board\""), HasSubstr("auto, none"));
  EXPECT_THAT(message("team", "includeMembers", "7"), HasSubstr("true or false"));
  EXPECT_THAT(message("sprint", "sprintState", "[\"active\",\"active\"]"), HasSubstr("each once"));
  EXPECT_THAT(message("sprint", "sprintState", "\"active\""), HasSubstr("a list of"));
  EXPECT_THAT(message("board", "boardType", "\"next-gen\""), HasSubstr("scrum, kanban, simple"));
  EXPECT_THAT(message("component", "componentSource", "\"x\""), HasSubstr("jira, compass, auto"));
  EXPECT_THAT(message("worklog", "apiQueryParams", "[]"), HasSubstr("a block with"));
  EXPECT_THAT(message("worklog", "apiQueryParams", R"({"startedAfter":true})"), HasSubstr("startedAfter"));
  EXPECT_THAT(message("service", "x", "1"), HasSubstr("does not have"));
}

TEST(JiraSource, SaysWhichSettingIsWrong) {
  Options wrong = options();
  wrong.jira_host = "jira.test";
  EXPECT_THAT(JiraSource::create(wrong).error().message, HasSubstr("CONFIG__JIRA_HOST"));
  wrong = options();
  wrong.user_token = {};
  EXPECT_THAT(JiraSource::create(wrong).error().message, HasSubstr("ATLASSIAN_USER_TOKEN"));
  wrong = options();
  wrong.user_email = {};
  EXPECT_THAT(JiraSource::create(wrong).error().message, HasSubstr("ATLASSIAN_USER_EMAIL"));
  wrong = options();
  wrong.page_size = 0;
  EXPECT_THAT(JiraSource::create(wrong).error().message, HasSubstr("pageSize"));
  jira_server::Options server{.host = "https://jira.test"};
  EXPECT_THAT(jira_server::JiraServerSource::create(server).error().message, HasSubstr("CONFIG__TOKEN"));
}

}  // namespace
}  // namespace riptide::sources::jira
