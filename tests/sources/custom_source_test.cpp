#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "riptide/sources/custom.hpp"
#include "walk_source.hpp"

namespace riptide::sources::custom {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Selector = std::vector<std::pair<std::string, std::string>>;

std::unique_ptr<CustomSource> make(Options options = {}) {
  if (options.base_url.empty()) options.base_url = "http://api.test/v1/";
  auto source = CustomSource::create(std::move(options));
  EXPECT_TRUE(source) << source.error().message;
  return *std::move(source);
}

std::string url_of(const CustomSource& source, const std::string& kind, const Selector& selector) {
  const std::vector<stages::SourceResource> resources = {{0, kind, selector}};
  const auto started = source.start(resources);
  EXPECT_TRUE(started) << started.error().message;
  return source.render(started->front()).url;
}

TEST(CustomSource, WritesTheAddress) {
  const auto source = make();
  EXPECT_EQ(url_of(*source, "/users", {}), "http://api.test/v1/users");
  EXPECT_EQ(url_of(*source, "users", {{"query_params", R"({"a": true, "b": ["x", "y z"], "n": 1.50, "o": null})"}}),
            "http://api.test/v1/users?a=true&b=x&b=y%20z&n=1.50&o=");
  EXPECT_EQ(url_of(*source, "/users?active=true", {}), "http://api.test/v1/users?active=true");
  EXPECT_EQ(
      url_of(*source, "/users?active=true", {{"pagination", R"({"type": "page", "page_size": 5, "start_page": 0})"}}),
      "http://api.test/v1/users?active=true&page=0&size=5");
}

TEST(CustomSource, SendsHeadersAndBody) {
  Options options;
  options.base_url = "http://api.test";
  options.auth.style = AuthStyle::kBearer;
  options.auth.api_token = pipeline::Secret("T");
  const auto source = make(options);
  const std::vector<stages::SourceResource> resources = {
      {0, "/search", {{"method", "\"post\""}, {"body", R"({"q": "x"})"}, {"headers", R"({"user-agent": "me"})"}}},
      {1, "/other", {{"headers", R"({"authorization": "Own"})"}}}};
  const auto started = source->start(resources);
  ASSERT_TRUE(started);
  const stages::HttpRequest search = source->render((*started)[0]);
  EXPECT_EQ(search.method, stages::Method::kPost);
  EXPECT_EQ(search.body, R"({"q":"x"})");
  EXPECT_FALSE(search.retryable);
  EXPECT_EQ(search.auth, source->auth());
  std::vector<std::string> headers;
  for (const auto& header : search.headers) headers.push_back(header.name + ": " + header.value);
  EXPECT_THAT(headers, UnorderedElementsAre("user-agent: me", "Content-Type: application/json"));
  const stages::HttpRequest other = source->render((*started)[1]);
  EXPECT_NE(other.auth, source->auth()) << "a selector's own header wins";
  EXPECT_THAT(other.auth->fixed()->headers, IsEmpty());
}

TEST(CustomSource, NamesMissingCredentials) {
  for (const auto& [style, variable] :
       {std::pair(AuthStyle::kBearer, "API_TOKEN"), std::pair(AuthStyle::kBasic, "PASSWORD"),
        std::pair(AuthStyle::kApiKey, "API_KEY"), std::pair(AuthStyle::kCustom, "customAuthRequest")}) {
    Options options;
    options.base_url = "http://api.test";
    options.auth.style = style;
    const auto source = CustomSource::create(options);
    ASSERT_FALSE(source);
    EXPECT_THAT(source.error().message, HasSubstr(variable));
  }
}

stages::HttpResponse ok(std::string_view body) { return test::answer(200, body); }

// Organisations, their repositories, and issues of each: two placeholders, one hanging on the other.
stages::HttpResponse nested(const stages::HttpRequest& http) {
  const std::string path = http.url.substr(std::string("http://api.test/v1").size());
  if (path == "/orgs")
    return ok(R"({"orgs": [{"id": "a/b", "live": true}, {"id": 7, "live": true}, {"id": "x", "live": 1}]})");
  if (path == "/orgs/a/b/repos") return ok(R"([{"name": "r 1"}, {"name": null}, {"name": "r2"}])");
  if (path == "/orgs/7/repos") return ok("[]");
  if (path == "/orgs/a/b/r%201/issues") return ok(R"([{"n": 1}, {"n": 2, "__org": "old"}, 5])");
  if (path == "/orgs/a/b/r2/issues") return ok(R"({"n": 3})");
  return test::answer(404, "{}");
}

TEST(CustomSource, ResolvesPlaceholdersThatHangOnEachOther) {
  const auto source = make();
  const std::vector<stages::SourceResource> resources = {
      {4,
       "/orgs/{org}/{repo}/issues",
       {{"path_parameters",
         R"({"org": {"endpoint": "/orgs", "data_path": ".orgs", "field": ".id", "filter": ".live"},
             "repo": {"endpoint": "/orgs/{org}/repos", "field": ".name"}})"}}}};
  const test::Walk walk = test::walk_source(*source, resources, nested);
  EXPECT_THAT(walk.errors, IsEmpty());
  std::vector<std::string> partitions;
  std::vector<std::string> records;
  for (const test::Visit& visit : walk.visits) {
    if (visit.request.scope->resources.empty()) {
      EXPECT_THAT(visit.request.scope->dependents, ElementsAre(4u));
      continue;
    }
    partitions.push_back(visit.request.scope->partition);
    for (const std::string& record : visit.records()) records.push_back(record);
    for (const auto& field : visit.step.records.overlay_fields) {
      EXPECT_THAT((std::vector<std::string>{"__org", "__repo"}), Contains(std::string(field.key)));
    }
  }
  EXPECT_THAT(partitions, UnorderedElementsAre("a%2Fb/r%201", "a%2Fb/r2"));
  EXPECT_THAT(records, UnorderedElementsAre(R"({"n": 1})", R"({"n": 2, "__org": "old"})", "5", R"({"n": 3})"));
}

TEST(CustomSource, BlocksThatAskTheSameShareOneListing) {
  const auto source = make();
  const std::vector<stages::SourceResource> resources = {
      {0, "/users", {{"query_params", R"({"a": 1})"}}},
      {1, "/users", {}},
      {2, "/users", {{"query_params", R"({"a": 1})"}}},
  };
  const auto started = source->start(resources);
  ASSERT_TRUE(started);
  ASSERT_EQ(started->size(), 2u);
  EXPECT_THAT((*started)[0].scope->resources, ElementsAre(0u, 2u));
  EXPECT_THAT((*started)[1].scope->resources, ElementsAre(1u));
}

// Teams, and what belongs to each.
stages::HttpResponse of_teams(const stages::HttpRequest& http) {
  const std::string path = http.url.substr(std::string("http://api.test/v1").size());
  if (path == "/teams") return ok(R"({"items": [{"id": "a", "big": true}, {"id": "b", "slug": "bee"}]})");
  if (path.starts_with("/teams?")) return ok(R"({"items": []})");
  return ok("[{\"of\": \"" + path + "\"}]");
}

struct Read {
  std::vector<std::string> urls;
  std::vector<std::string> records;  ///< With the blocks that they belong to.
  std::vector<std::string> errors;
  std::vector<std::string> open;  ///< Scopes, with the blocks that stay incomplete.
};

Read read_all(const CustomSource& source, const std::vector<stages::SourceResource>& resources,
              const test::Server& server) {
  Read read;
  const test::Walk walk = test::walk_source(source, resources, [&](const stages::HttpRequest& http) {
    read.urls.push_back(http.url.substr(std::string("http://api.test/v1").size()));
    return server(http);
  });
  const auto texts = [](const std::vector<std::uint32_t>& indexes) {
    return fmt::format("{}", fmt::join(indexes, ","));
  };
  for (const test::Visit& visit : walk.visits) {
    for (const std::string& record : visit.records()) {
      read.records.push_back(texts(visit.request.scope->resources) + " " + record);
    }
  }
  read.errors = walk.errors;
  for (const auto& scope : walk.scopes) {
    if (!scope.closed) read.open.push_back(texts(scope.spec->resources) + "|" + texts(scope.spec->dependents));
  }
  return read;
}

std::pair<std::string, std::string> from_teams(const std::string& name, const std::string& rest) {
  return {"path_parameters", R"({")" + name + R"(": {"endpoint": "/teams", "data_path": ".items", )" + rest + "}}"};
}

TEST(CustomSource, AListingOfValuesIsReadOnceForAllThatHangOnIt) {
  const auto source = make();
  const std::vector<stages::SourceResource> resources = {
      {0, "/teams/{team}/members", {from_teams("team", R"("field": ".id")")}},
      {1, "teams", {{"data_path", "\".items\""}}},
      {2, "/bots/{bot}", {from_teams("bot", R"("field": ".slug")")}},
      {3, "/big/{team}", {from_teams("team", R"("field": ".id", "filter": ".big")")}},
  };
  const auto started = source->start(resources);
  ASSERT_TRUE(started);
  ASSERT_EQ(started->size(), 1u);
  EXPECT_THAT(started->front().scope->resources, ElementsAre(1u));
  EXPECT_THAT(started->front().scope->dependents, ElementsAre(0u, 2u, 3u));
  EXPECT_EQ(started->front().scope->partition, "*");

  const Read read = read_all(*source, resources, of_teams);
  EXPECT_THAT(read.errors, IsEmpty());
  EXPECT_THAT(read.open, IsEmpty());
  EXPECT_THAT(read.urls, UnorderedElementsAre("/teams", "/teams/a/members", "/teams/b/members", "/bots/bee", "/big/a"));
  EXPECT_THAT(read.records, UnorderedElementsAre(R"(1 {"id": "a", "big": true})", R"(1 {"id": "b", "slug": "bee"})",
                                                 R"(0 {"of": "/teams/a/members"})", R"(0 {"of": "/teams/b/members"})",
                                                 R"(2 {"of": "/bots/bee"})", R"(3 {"of": "/big/a"})"));

  const Read dead = read_all(*source, resources, [](const auto&) { return test::answer(404, "{}"); });
  EXPECT_THAT(dead.open, ElementsAre("1|0,2,3"));
}

TEST(CustomSource, ListingsThatDifferInAnythingAreReadApart) {
  const auto source = make();
  for (const char* const other :
       {R"("query_params": {"a": 1})", R"("headers": {"X-A": "1"})", R"("method": "PUT")", R"("body": {"a": 1})",
        R"("pagination": {"type": "page"})", R"("data_path": ".items | .[:1]")"}) {
    const std::vector<stages::SourceResource> resources = {
        {0, "/x/{team}", {from_teams("team", R"("field": ".id")")}},
        {1, "/y/{team}", {from_teams("team", std::string(R"("field": ".id", )") + other)}}};
    const auto started = source->start(resources);
    ASSERT_TRUE(started) << other;
    EXPECT_EQ(started->size(), 2u) << other;
  }
}

TEST(CustomSource, ListingsThatNeedAValueAreSharedToo) {
  const auto source = make();
  const auto kind = [](std::uint32_t index, const std::string& path, const std::string& field) {
    return stages::SourceResource{
        index,
        path,
        {{"path_parameters", R"({"org": {"endpoint": "/orgs", "data_path": ".orgs", "field": ".id"},
                                              "repo": {"endpoint": "/orgs/{org}/repos", "field": ")" +
                                 field + "\"}}"}}};
  };
  const Read read = read_all(*source, {kind(0, "/a/{org}/{repo}", ".name"), kind(1, "/b/{org}/{repo}", ".id")},
                             [](const stages::HttpRequest& http) {
                               if (http.url.ends_with("/orgs")) return ok(R"({"orgs": [{"id": "x"}, {"id": "y"}]})");
                               if (http.url.ends_with("/repos")) return ok(R"([{"name": "n", "id": 7}])");
                               return ok("[{}]");
                             });
  EXPECT_THAT(read.errors, IsEmpty());
  EXPECT_THAT(read.urls,
              UnorderedElementsAre("/orgs", "/orgs/x/repos", "/orgs/y/repos", "/a/x/n", "/a/y/n", "/b/x/7", "/b/y/7"));
}

TEST(CustomSource, WhoCannotUseASharedListingFailsAlone) {
  const auto source = make();
  const Read read = read_all(*source,
                             {{0, "/teams", {{"data_path", "\".items\""}}},
                              {1, "/x/{team}", {from_teams("team", R"("field": ".id")")}},
                              {2, "/y/{team}", {from_teams("team", R"("field": ".id | tonumber")")}}},
                             of_teams);
  EXPECT_THAT(read.errors, ElementsAre(HasSubstr("path_parameters.team.field (.id | tonumber)")));
  EXPECT_THAT(read.open, ElementsAre("|2"));
  EXPECT_THAT(read.records, UnorderedElementsAre(HasSubstr("0 {\"id\": \"a\""), HasSubstr("0 {\"id\": \"b\""),
                                                 R"(1 {"of": "/x/a"})", R"(1 {"of": "/x/b"})"));
}

TEST(CustomSource, PlaceholdersThatDoNotHangOnEachOtherAreAllCombined) {
  const auto source = make();
  const Read read = read_all(
      *source, {{0, "/{region}/{service}", {{"path_parameters", R"({"region": {"endpoint": "/regions", "field": ".id"},
                                                        "service": {"endpoint": "/services", "field": ".id"}})"}}}},
      [](const stages::HttpRequest& http) {
        const bool values = http.url.ends_with("/regions") || http.url.ends_with("/services");
        return ok(values ? R"([{"id": 1}, {"id": 2}])" : "[{}]");
      });
  EXPECT_THAT(read.errors, IsEmpty());
  for (const char* const url : {"/1/1", "/1/2", "/2/1", "/2/2"}) {
    EXPECT_EQ(std::count(read.urls.begin(), read.urls.end(), url), 1) << url;
  }
}

TEST(CustomSource, BlocksThatDifferInNothingThatIsAskedShareOneListing) {
  const auto source = make();
  const auto started =
      source->start(std::vector<stages::SourceResource>{{3, "/users", {{"note", "\"mine\""}}}, {1, "users", {}}});
  ASSERT_TRUE(started);
  ASSERT_EQ(started->size(), 1u);
  EXPECT_THAT(started->front().scope->resources, ElementsAre(1u, 3u));
}

// What is documented and goes unsaid.
TEST(CustomSource, DefaultsHoldWhereNothingIsSet) {
  Options options;
  options.auth.style = AuthStyle::kApiKey;
  options.auth.api_key = pipeline::Secret("K");
  const auto keyed = make(options);
  EXPECT_EQ(keyed->auth()->fixed()->headers.front().name, "X-API-Key");
  EXPECT_EQ(keyed->host_limits().front().max_in_flight, 10u);

  EXPECT_EQ(url_of(*keyed, "/users", {}), "http://api.test/v1/users") << "no pages";
  for (const auto& [style, parameters] :
       {std::pair("page", "page=1&size=100"), std::pair("offset", "offset=0&limit=100"),
        std::pair("cursor", "limit=100")}) {
    EXPECT_EQ(url_of(*keyed, "/users", {{"pagination", std::string(R"({"type": ")") + style + "\"}"}}),
              std::string("http://api.test/v1/users?") + parameters);
  }
}

TEST(CustomSource, ALinkIsAskedForAsItIsWithHeadersAndBody) {
  for (const PageStyle style : {PageStyle::kNextLink, PageStyle::kHeaderLink}) {
    Options options;
    options.pagination.style = style;
    const auto source = make(options);
    const std::vector<stages::SourceResource> resources = {{0,
                                                            "/users",
                                                            {{"data_path", "\".items\""},
                                                             {"query_params", R"({"a": 1})"},
                                                             {"headers", R"({"X-A": "b"})"},
                                                             {"body", R"({"c": 2})"}}}};
    std::vector<std::string> urls;
    const auto walk = test::walk_source(*source, resources, [&](const stages::HttpRequest& http) {
      urls.push_back(http.url);
      EXPECT_TRUE(stages::has_header(http.headers, "X-A"));
      EXPECT_EQ(http.body, R"({"c":2})");
      const std::string next = "http://api.test/elsewhere?p=2";
      if (urls.size() > 1) return ok(R"({"items": [{"n": 2}]})");
      if (style == PageStyle::kNextLink) return ok(R"({"items": [{"n": 1}], "@odata.nextLink": ")" + next + "\"}");
      stages::HttpResponse response = ok(R"({"items": [{"n": 1}]})");
      response.headers.push_back({"link", "<" + next + ">; rel=\"next\""});
      return response;
    });
    EXPECT_THAT(walk.errors, IsEmpty());
    EXPECT_THAT(urls, ElementsAre("http://api.test/v1/users?a=1", "http://api.test/elsewhere?p=2"));
  }
}

TEST(CustomSource, AnAnswerThatIsItsOwnRecordCarriesNoValues) {
  const auto source = make();
  const std::vector<stages::SourceResource> resources = {
      {0, "/teams/{team}", {{"path_parameters", R"({"team": {"endpoint": "/teams", "field": ".id"}})"}}}};
  const auto walk = test::walk_source(*source, resources, [](const stages::HttpRequest& http) {
    return http.url.ends_with("/teams") ? ok(R"([{"id": true}, {"id": 7}])") : ok("{}");
  });
  EXPECT_THAT(walk.errors, IsEmpty());
  std::vector<std::string> partitions;
  for (const test::Visit& visit : walk.visits) {
    if (visit.request.scope->resources.empty()) continue;
    EXPECT_EQ(visit.step.records.spans.size(), 1u);
    EXPECT_THAT(visit.step.records.overlay_fields, IsEmpty());
    partitions.push_back(visit.request.scope->partition);
  }
  EXPECT_THAT(partitions, UnorderedElementsAre("True", "7")) << "written as Python writes them";
}

TEST(CustomSource, CredentialsDoNotFollowALinkToAnotherServer) {
  Options options;
  options.base_url = "http://api.test";
  options.pagination.style = PageStyle::kNextLink;
  options.pagination.next_link_path = "next";
  const auto source = make(options);
  const std::vector<stages::SourceResource> resources = {{0, "/users", {{"data_path", "\".items\""}}}};
  const auto walk = test::walk_source(*source, resources, [](const stages::HttpRequest& http) {
    if (http.url == "http://api.test/users") return ok(R"({"items": [{"a": 1}], "next": "/users?p=2"})");
    if (http.url == "http://api.test/users?p=2") return ok(R"({"items": [{"a": 2}], "next": "http://evil.test/x"})");
    return test::answer(500, "");
  });
  EXPECT_THAT(walk.errors, ElementsAre(HasSubstr("at another server")));
  EXPECT_EQ(walk.visits.size(), 1u);
}

TEST(CustomSource, FetchesCredentialsAndPutsThemWhereTheTemplateSays) {
  Options options;
  options.base_url = "http://api.test/v1";
  options.auth.style = AuthStyle::kCustom;
  options.auth.request = pipeline::Secret(
      R"({"endpoint": "/oauth/token", "bodyForm": "grant=x", "queryParams": {"q": "1"}, "reauthenticateIntervalSeconds": 300})");
  options.auth.template_ = pipeline::Secret(
      R"({"headers": {"Authorization": "Bearer {{.access_token}} of {{.user.names[0]}}"}, "queryParams": {"t": "{{.n}}"},
          "body": {"deep": {"token": "a\"{{.[\"access_token\"]}}"}}})");
  const auto source = make(options);
  const auto request = source->auth()->token_request();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->url, "http://api.test/v1/oauth/token?q=1");
  EXPECT_EQ(request->method, stages::Method::kPost);
  EXPECT_EQ(request->body, "grant=x");
  const auto credentials =
      source->auth()->read_token(ok(R"({"access_token": "t\"1", "n": 1.50, "user": {"names": ["me"]}})"));
  ASSERT_TRUE(credentials) << credentials.error().message;
  EXPECT_EQ(credentials->lifetime, std::chrono::seconds(240));
  ASSERT_EQ(credentials->headers.size(), 1u);
  EXPECT_EQ(credentials->headers[0].value, "Bearer t\"1 of me");
  EXPECT_EQ(credentials->query[0].second, "1.50");
  EXPECT_EQ(credentials->body, R"({"deep":{"token":"a\"t\"1"}})");
  EXPECT_THAT(source->auth()->read_token(ok(R"({"access_token": "t"})")).error().message, HasSubstr("has nothing at"));
}

TEST(CustomSource, RefusesTemplatesThatAreNone) {
  Options options;
  options.base_url = "http://api.test";
  options.auth.style = AuthStyle::kCustom;
  options.auth.request = pipeline::Secret(R"({"endpoint": "/t"})");
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {R"({"headers": {"A": "{{token}}"}})", "{{.path}}"},
           {R"({"headers": {"A": "{{.a b c}}"}})", "{{.a b c}}"},
           {R"({"header": {}})", "customAuthRequestTemplate.header is not known"},
           {R"({})", "needs headers, queryParams or body"},
           {"", "needs customAuthRequestTemplate"}}) {
    options.auth.template_ = pipeline::Secret(text);
    const auto source = CustomSource::create(options);
    ASSERT_FALSE(source) << text;
    EXPECT_THAT(source.error().message, HasSubstr(says));
  }
}

}  // namespace
}  // namespace riptide::sources::custom
