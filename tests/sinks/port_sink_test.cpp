#include <fmt/format.h>
#include <gmock/gmock.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "entities.hpp"
#include "riptide/sinks/port.hpp"

namespace riptide::sinks::port {
namespace {

using namespace std::chrono_literals;
using pipeline::ErrorKind;
using stages::Outcome;
using test::batch_of;
using test::service;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Account::Options account_options() {
  Account::Options options;
  options.base_url = "https://api.port.test/";
  options.client_id = "client \"1\"";
  options.client_secret = pipeline::Secret("s3cret");
  options.integration_type = "octopus";
  options.integration = "my-octopus-integration";
  options.riptide_version = "0.1.0";
  return options;
}

std::shared_ptr<const Account> account() { return *Account::create(account_options()); }

PortSink::Options sink_options() {
  PortSink::Options options;
  options.account = account();
  options.context.run_id = "run 1";
  return options;
}

PortSink sink() { return PortSink(sink_options()); }

stages::HttpResponse answer(int status, std::string_view body) {
  stages::HttpResponse response;
  response.status = status;
  response.body = pipeline::make_page(body);
  response.safe_url = "https://api.port.test/v1/x";
  return response;
}

std::string header_of(const stages::HttpRequest& http, std::string_view name) {
  for (const stages::Header& header : http.headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

stages::Batch two() {
  stages::Batch batch = batch_of({service("a"), service("b")});
  batch.blueprint = "service";
  return batch;
}

TEST(PortAccount, NamesTheSettingThatIsMissing) {
  const auto message = [](void (*change)(Account::Options&)) {
    Account::Options options = account_options();
    change(options);
    const auto made = Account::create(std::move(options));
    EXPECT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::kConfig);
    EXPECT_THAT(made.error().message, Not(HasSubstr("s3cret")));
    return made.error().message;
  };
  EXPECT_THAT(message([](auto& options) { options.client_id = ""; }), HasSubstr("OCEAN__PORT__CLIENT_ID"));
  EXPECT_THAT(message([](auto& options) { options.client_secret = pipeline::Secret(); }),
              HasSubstr("OCEAN__PORT__CLIENT_SECRET"));
  EXPECT_THAT(message([](auto& options) { options.base_url = "api.port.test"; }), HasSubstr("OCEAN__PORT__BASE_URL"));
  EXPECT_THAT(message([](auto& options) { options.integration = "a\nb"; }),
              HasSubstr("OCEAN__INTEGRATION__IDENTIFIER"));
  EXPECT_THAT(message([](auto& options) { options.integration_type = ""; }), HasSubstr("OCEAN__INTEGRATION__TYPE"));
}

TEST(PortAccount, AsksForATokenAndReadsIt) {
  const auto who = account();
  const auto http = who->token_request();
  ASSERT_TRUE(http);
  EXPECT_EQ(http->method, stages::Method::kPost);
  EXPECT_EQ(http->url, "https://api.port.test/v1/auth/access_token");
  EXPECT_EQ(http->body, R"({"clientId":"client \"1\"","clientSecret":"s3cret"})");
  EXPECT_EQ(header_of(*http, "User-Agent"), "port-ocean/octopus/0.2.166/my-octopus-integration");
  EXPECT_EQ(header_of(*http, "X-Riptide-Version"), "0.1.0");
  EXPECT_EQ(header_of(*http, "Content-Type"), "application/json");
  EXPECT_TRUE(http->retryable);
  EXPECT_EQ(http->auth, nullptr);

  const auto token =
      who->read_token(answer(200, R"({"ok":true,"accessToken":"t.\u0061","expiresIn":10800,"tokenType":"Bearer"})"));
  ASSERT_TRUE(token);
  ASSERT_THAT(token->headers, SizeIs(1));
  EXPECT_EQ(token->headers[0].name, "Authorization");
  EXPECT_EQ(token->headers[0].value, "Bearer t.a");
  EXPECT_EQ(token->lifetime, 10800s);
  EXPECT_EQ(who->read_token(answer(200, R"({"accessToken":"t","expiresIn":3.7})"))->lifetime, 3s);
  EXPECT_EQ(who->read_token(answer(200, R"({"accessToken":"t","expiresIn":18446744073709551615})"))->lifetime,
            24h * 365);
  EXPECT_EQ(who->read_token(answer(200, R"({"accessToken":"t"})"))->lifetime, std::nullopt);
}

TEST(PortAccount, AMalformedTokenIsAnErrorWithoutTheToken) {
  const auto who = account();
  for (const char* body : {"", "<html>", "[]", "{}", R"({"accessToken":null})", R"({"accessToken":""})",
                           R"({"accessToken":"s3cret\r\nX: y"})", R"({"accessToken":"s3cret","expiresIn":-1})",
                           R"({"accessToken":"s3cret","expiresIn":1e9})", R"({"accessToken":"s3cret",)"}) {
    const auto token = who->read_token(answer(200, body));
    ASSERT_FALSE(token) << body;
    EXPECT_EQ(token.error().kind, ErrorKind::kMalformed);
    EXPECT_THAT(token.error().message, Not(HasSubstr("s3cret")));
  }
}

TEST(PortAccount, StandsInForAVersionOfOceansIntegration) {
  EXPECT_EQ(ocean_version("octopus"), "0.2.166");
  EXPECT_EQ(ocean_version("jira"), "0.7.99");
  EXPECT_EQ(ocean_version("custom"), "0.6.108");
  EXPECT_EQ(ocean_version("file"), "0.48.12");
}

TEST(PortIntegration, ReadsTheMappingThere) {
  const auto who = account();
  const stages::HttpRequest http = integration_request(*who);
  EXPECT_EQ(http.method, stages::Method::kGet);
  EXPECT_EQ(http.url,
            "https://api.port.test/v1/integration/my-octopus-integration?oceanCoreVersion=0.48.12&isPolling=false");
  EXPECT_EQ(header_of(http, "User-Agent"), "port-ocean/octopus/0.2.166/my-octopus-integration");
  EXPECT_EQ(http.auth, who.get());
  EXPECT_EQ(http.body, "");
  EXPECT_EQ(header_of(http, "Content-Type"), "");

  json::Document document;
  const auto config = read_integration_config(
      answer(200, R"({"ok":true,"integration":{"identifier":"x","config": {"resources": [ ] } ,"version":"1"}})"),
      document);
  ASSERT_TRUE(config);
  EXPECT_EQ(*config, R"({"resources": [ ] })");
}

TEST(PortIntegration, OneThatIsAbsentOrHasNoMappingIsNoError) {
  json::Document document;
  for (const auto& [status, body] :
       std::vector<std::pair<int, const char*>>{{404, R"({"ok":false,"error":"not_found","message":"..."})"},
                                                {200, R"({"integration":null})"},
                                                {200, R"({"integration":{}})"},
                                                {200, R"({"integration":{"config":null}})"},
                                                {200, R"({"integration":{"config":{ }}})"}}) {
    const auto config = read_integration_config(answer(status, body), document);
    ASSERT_TRUE(config) << body << config.error().message;
    EXPECT_EQ(*config, std::nullopt) << body;
  }
}

TEST(PortIntegration, ErrorsSayWhatToChange) {
  json::Document document;
  struct {
    int status;
    const char* body;
    ErrorKind kind;
    const char* hint;
  } const cases[] = {
      {401, R"({"ok":false,"error":"invalid_token"})", ErrorKind::kAuth, "OCEAN__PORT__CLIENT_ID"},
      {404, "<html>nginx</html>", ErrorKind::kConfig, "check OCEAN__PORT__BASE_URL"},
      {302, "", ErrorKind::kConfig, "check OCEAN__PORT__BASE_URL"},
      {503, "", ErrorKind::kTransport, "HTTP 503"},
      {200, "<html>", ErrorKind::kMalformed, "not a JSON object"},
      {200, "{}", ErrorKind::kMalformed, "no `integration`"},
      {200, R"({"integration":{"config":[]}})", ErrorKind::kMalformed, "not an object"},
      {200, R"({"integration":{"config":{"a":}}})", ErrorKind::kMalformed, "JSON"},
  };
  for (const auto& one : cases) {
    const auto config = read_integration_config(answer(one.status, one.body), document);
    ASSERT_FALSE(config) << one.status << one.body;
    EXPECT_EQ(config.error().kind, one.kind) << one.status << one.body;
    EXPECT_THAT(config.error().message, HasSubstr(one.hint));
  }
}

TEST(PortSink, KeepsToPortsLimits) {
  const stages::SinkLimits limits = sink().limits();
  EXPECT_EQ(limits.max_records, 20u);
  EXPECT_EQ(limits.max_bytes, 1048576u);
  EXPECT_TRUE(limits.one_blueprint);
  const stages::Batch batch = two();
  EXPECT_EQ(sink().encode(batch).body.size(),
            batch.bytes.size() + limits.envelope_bytes + (batch.entities.size() - 1) * limits.separator_bytes);
  EXPECT_EQ(sink().max_delete(), 100u);
  EXPECT_FALSE(sink().owns_by_kind());
}

TEST(PortSink, EncodesABatchAsOceanDoes) {
  const PortSink port = sink();
  const stages::HttpRequest http = port.encode(two());
  EXPECT_EQ(http.method, stages::Method::kPost);
  EXPECT_EQ(http.url,
            "https://api.port.test/v1/blueprints/service/entities/bulk?upsert=true&merge=true"
            "&create_missing_related_entities=true&validation_only=false&ocean_info_event_type=resync"
            "&ocean_info_resync_id=run%201");
  EXPECT_EQ(http.body,
            R"({"entities":[{"identifier":"a","blueprint":"service","title":"Service","properties":{"size":1}},)"
            R"({"identifier":"b","blueprint":"service","title":"Service","properties":{"size":1}}]})");
  EXPECT_EQ(header_of(http, "User-Agent"), "port-ocean/octopus/0.2.166/my-octopus-integration/exporter");
  EXPECT_EQ(header_of(http, "X-Riptide-Version"), "0.1.0");
  EXPECT_EQ(header_of(http, "Content-Type"), "application/json");
  EXPECT_TRUE(http.retryable);
  EXPECT_EQ(http.auth, port.auth());

  PortSink::Options options = sink_options();
  options.context.merge = false;
  options.context.create_missing_related = false;
  stages::Batch odd = batch_of({service("a")});
  odd.blueprint = "a/b?ü";
  EXPECT_THAT(PortSink(options).encode(odd).url,
              AllOf(HasSubstr("/blueprints/a%2Fb%3F%C3%BC/entities/bulk?"), HasSubstr("&merge=false&"),
                    HasSubstr("&create_missing_related_entities=false&")));
  odd.blueprint.clear();
  EXPECT_THAT(PortSink(options).encode(odd).url, HasSubstr("/blueprints/service/entities/bulk?"));
}

TEST(PortSink, ReadsAnOutcomeForEachEntity) {
  json::Document document;
  stages::Batch batch = batch_of({service("a"), service("b"), service("c"), service("d"), service("e")});
  const auto read =
      sink().read(batch, answer(207, R"({"ok":false,"entities":[{"identifier":"b","index":1,"created":true},
                      {"created":false,"index":0,"identifier":"\u0061"},{"index":2,"identifier":"C!","created":false},
                      {"index":3,"identifier":"d","created":true},{"index":99,"identifier":"x","created":true},7],
                      "errors":[{"index":3,"identifier":"d","statusCode":422,"error":"invalid_request","message":"no \"x\""}]})"),
                  document);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(read->split);
  ASSERT_THAT(read->outcomes, SizeIs(5));
  EXPECT_EQ(read->outcomes[0].kind, Outcome::Kind::kUpdated);
  EXPECT_EQ(read->outcomes[0].identifier, "");
  EXPECT_EQ(read->outcomes[1].kind, Outcome::Kind::kCreated);
  EXPECT_EQ(read->outcomes[2].kind, Outcome::Kind::kUpdated);
  EXPECT_EQ(read->outcomes[2].identifier, "C!");
  EXPECT_EQ(read->outcomes[3].kind, Outcome::Kind::kRejected);
  EXPECT_EQ(read->outcomes[3].message, "422 invalid_request: no \"x\"");
  EXPECT_EQ(read->outcomes[4].kind, Outcome::Kind::kRejected);
  EXPECT_EQ(read->outcomes[4].message, "Port's answer says nothing of it");
}

TEST(PortSink, AnswersOfOneListOnly) {
  json::Document document;
  auto read =
      sink().read(two(), answer(200, R"({"entities":[{"index":0,"identifier":"a","created":true}]})"), document);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->outcomes[0].kind, Outcome::Kind::kCreated);
  EXPECT_EQ(read->outcomes[1].kind, Outcome::Kind::kRejected);
  read = sink().read(two(), answer(200, R"({"errors":[{"index":1}]})"), document);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->outcomes[1].message, "Port refuses it without a reason");
}

TEST(PortSink, TheIdentifierOfASearchIsPorts) {
  json::Document document;
  test::EntityParts searched;
  searched.identifier = R"({"combinator":"and","rules":[]})";
  const auto read =
      sink().read(batch_of({searched}),
                  answer(200, R"({"entities":[{"index":0,"identifier":"found","created":false}]})"), document);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->outcomes[0].identifier, "found");
}

TEST(PortSink, ABatchThatIsTooLargeIsSplit) {
  json::Document document;
  auto read = sink().read(two(), answer(413, "too large"), document);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->split);
  EXPECT_THAT(read->outcomes, IsEmpty());
  read = sink().read(batch_of({service("a")}), answer(413, "too large"), document);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->split);
  ASSERT_THAT(read->outcomes, SizeIs(1));
  EXPECT_EQ(read->outcomes[0].kind, Outcome::Kind::kRejected);
  EXPECT_THAT(read->outcomes[0].message, HasSubstr("too large"));
}

TEST(PortSink, ARefusedBatchIsRejectedEntityByEntity) {
  json::Document document;
  for (const int status : {400, 404, 409, 422}) {
    const auto read = sink().read(
        two(), answer(status, R"({"ok":false,"error":"not_found","message":"Blueprint \"service\" was not found"})"),
        document);
    ASSERT_TRUE(read) << status;
    ASSERT_THAT(read->outcomes, SizeIs(2));
    for (const Outcome& outcome : read->outcomes) {
      EXPECT_EQ(outcome.kind, Outcome::Kind::kRejected);
      EXPECT_EQ(outcome.message, fmt::format("{} not_found: Blueprint \"service\" was not found", status));
    }
  }
}

TEST(PortSink, WhatConcernsAllBatchesFailsTheSink) {
  json::Document document;
  struct {
    int status;
    const char* body;
    ErrorKind kind;
    const char* hint;
  } const cases[] = {
      {401, R"({"ok":false})", ErrorKind::kAuth, "OCEAN__PORT__CLIENT_SECRET"},
      {403, R"({"ok":false})", ErrorKind::kAuth, "OCEAN__PORT__CLIENT_SECRET"},
      {429, R"({"ok":false})", ErrorKind::kTransport, "slow down"},
      {408, "", ErrorKind::kTransport, "HTTP 408"},
      {500, "", ErrorKind::kTransport, "HTTP 500"},
      {404, "<html>", ErrorKind::kConfig, "OCEAN__PORT__BASE_URL"},
      {301, "", ErrorKind::kConfig, "OCEAN__PORT__BASE_URL"},
      {200, "", ErrorKind::kMalformed, "not a JSON object"},
      {200, "<html>", ErrorKind::kMalformed, "not a JSON object"},
      {200, "[]", ErrorKind::kMalformed, "not a JSON object"},
      {200, "{}", ErrorKind::kMalformed, "neither `entities` nor `errors`"},
      {200, R"({"entities":{}})", ErrorKind::kMalformed, "neither `entities` nor `errors`"},
      {200, R"({"entities":[{"index":0)", ErrorKind::kMalformed, ""},
      {200, R"({"entities":[{"index":0,}]})", ErrorKind::kMalformed, ""},
  };
  for (const auto& one : cases) {
    const auto read = sink().read(two(), answer(one.status, one.body), document);
    ASSERT_FALSE(read) << one.status << one.body;
    EXPECT_EQ(read.error().kind, one.kind) << one.status << one.body;
    EXPECT_THAT(read.error().message, HasSubstr(one.hint));
  }
}

TEST(PortSink, ListsWhatTheIntegrationOwns) {
  json::Document document;
  const PortSink port = sink();
  stages::HttpRequest http = port.owned_request("");
  EXPECT_EQ(http.url, "https://api.port.test/v1/blueprints/entities/datasource-entities");
  EXPECT_EQ(
      http.body,
      R"({"datasource_prefix":"port-ocean/octopus/","datasource_suffix":"/my-octopus-integration/exporter","limit":5000})");
  EXPECT_EQ(header_of(http, "User-Agent"), "port-ocean/octopus/0.2.166/my-octopus-integration/exporter");
  EXPECT_TRUE(http.retryable);

  auto page = port.read_owned(
      answer(200,
             R"({"ok":true,"entities":[{"identifier":"a\u0062","blueprint":"service","title":null}],"next":"c\"1"})"),
      document);
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_THAT(page->entities, SizeIs(1));
  EXPECT_EQ(page->entities[0].identifier, "ab");
  EXPECT_EQ(page->entities[0].blueprint, "service");
  ASSERT_TRUE(page->cursor);
  EXPECT_THAT(port.owned_request(*page->cursor).body, HasSubstr(R"("limit":5000,"from":"c\"1"})"));

  for (const char* last : {R"({"entities":[],"next":null})", R"({"entities":[]})", R"({"entities":[],"next":""})",
                           R"({"entities":[],"next":false})"}) {
    page = port.read_owned(answer(200, last), document);
    ASSERT_TRUE(page);
    EXPECT_FALSE(page->cursor) << last;
  }
}

TEST(PortSink, WhatIsOwnedIsKnownCompletelyOrNotAtAll) {
  json::Document document;
  for (const char* body :
       {"", "{}", "[]", R"({"entities":null})", R"({"entities":[7]})", R"({"entities":[{"identifier":"a"}]})",
        R"({"entities":[{"blueprint":"a"}]})", R"({"entities":[{"identifier":1,"blueprint":"a"}]})",
        R"({"entities":[{"identifier":"a","blueprint":"b"})"}) {
    const auto page = sink().read_owned(answer(200, body), document);
    ASSERT_FALSE(page) << body;
    EXPECT_EQ(page.error().kind, ErrorKind::kMalformed);
  }
  EXPECT_EQ(sink().read_owned(answer(401, "{}"), document).error().kind, ErrorKind::kAuth);
  EXPECT_EQ(sink().read_owned(answer(502, "{}"), document).error().kind, ErrorKind::kTransport);
}

TEST(PortSink, ListsWhatNobodyChangedSince) {
  const auto request = sink().unchanged_request("7", std::chrono::system_clock::time_point(1'767'225'600s));
  ASSERT_TRUE(request);
  EXPECT_THAT(request->body,
              AllOf(HasSubstr(R"("before":"2026-01-01T00:00:00.000000+00:00")"), HasSubstr(R"("from":7)")));
  EXPECT_THAT(sink().owned_request("").body, Not(HasSubstr("before"))) << "the threshold divides by all";
}

TEST(PortSink, TellsWhereTheRelationsOfABlueprintLead) {
  const PortSink port = sink();
  const auto request = port.relations_request("a/b");
  ASSERT_TRUE(request);
  EXPECT_THAT(request->url, ::testing::EndsWith("/v1/blueprints/a%2Fb"));
  json::Document document;
  const auto relations = port.read_relations(
      answer(200, R"({"blueprint":{"relations":{"x":{"target":"t","many":true},"y":{"target":"u"}}}})"), document);
  ASSERT_TRUE(relations);
  ASSERT_THAT(*relations, SizeIs(2));
  EXPECT_EQ((*relations)[1].name + (*relations)[1].target, "yu");
  EXPECT_THAT(*port.read_relations(answer(404, R"({"ok":false,"error":"not_found"})"), document), IsEmpty());
  EXPECT_FALSE(port.read_relations(answer(200, "[]"), document));
  EXPECT_FALSE(port.read_relations(answer(200, R"({"blueprint":{"relations":{"x":{}}}})"), document));
  EXPECT_FALSE(port.read_relations(answer(500, ""), document));
  PortSink::Options strict = sink_options();
  strict.context.create_missing_related = false;
  EXPECT_FALSE(PortSink(strict).relations_request("a")) << "Port makes up nothing";
  EXPECT_TRUE(PortSink(strict).parents_first());
}

TEST(PortSink, ReadsRelationsWhereTheOrderOfDeletionsHangsOnThem) {
  PortSink::Options options = sink_options();
  options.context.delete_dependents = false;
  json::Document document;
  constexpr std::string_view kPage =
      R"({"entities":[{"identifier":"a","blueprint":"b","relations":{"x":"p","y":["q",null,7],"z":null}}],"next":null})";
  const auto page = PortSink(options).read_owned(answer(200, kPage), document);
  ASSERT_TRUE(page);
  EXPECT_THAT(page->entities.front().related, ElementsAre("p", "q"));
  EXPECT_THAT(sink().read_owned(answer(200, kPage), document)->entities.front().related, IsEmpty());
}

TEST(PortSink, DeletesInBulk) {
  json::Document document;
  const std::vector<std::string> identifiers = {"a", "b\"", "c"};
  PortSink::Options options = sink_options();
  options.context.delete_dependents = false;
  const PortSink port(options);
  const stages::HttpRequest http = port.delete_request("a b", identifiers);
  EXPECT_EQ(http.method, stages::Method::kPost);
  EXPECT_EQ(http.url,
            "https://api.port.test/v1/blueprints/a%20b/bulk/entities/delete?delete_dependents=false"
            "&ocean_info_event_type=resync&ocean_info_resync_id=run%201");
  EXPECT_EQ(http.body, R"({"entities":["a","b\"","c"]})");
  EXPECT_TRUE(http.retryable);

  const auto deleted = [&](int status, const char* body) {
    return port.read_deleted(identifiers, answer(status, body), document);
  };
  EXPECT_EQ(*deleted(200, R"({"ok":true,"deletedEntities":["a","b\"","c"]})"), 3u);
  EXPECT_EQ(*deleted(200, R"({"ok":true,"deletedEntities":["c","c","other"]})"), 1u);
  EXPECT_EQ(*deleted(404, R"({"ok":false,"error":"not_found"})"), 0u);
  EXPECT_EQ(deleted(404, "<html>").error().kind, ErrorKind::kConfig);
  EXPECT_EQ(deleted(422, R"({"ok":false,"error":"dependents"})").error().kind, ErrorKind::kRejected);
  EXPECT_EQ(deleted(403, "{}").error().kind, ErrorKind::kAuth);
  EXPECT_EQ(deleted(429, "{}").error().kind, ErrorKind::kTransport);
  EXPECT_EQ(deleted(200, "{}").error().kind, ErrorKind::kMalformed);
  EXPECT_EQ(deleted(200, R"({"deletedEntities":["a")").error().kind, ErrorKind::kMalformed);
}

TEST(PortSink, MutatedAnswersAreOutcomesOrErrors) {
  json::Document document;
  const PortSink port = sink();
  const stages::Batch batch = two();
  const std::vector<std::string> identifiers = {"a", "b"};
  const std::string bodies[] = {
      R"({"ok":true,"entities":[{"index":0,"identifier":"a","created":true}],"errors":[{"index":1,"message":"x"}]})",
      R"({"ok":true,"entities":[{"identifier":"a","blueprint":"b"}],"next":"c"})",
      R"({"ok":true,"deletedEntities":["a","b"]})",
      R"({"ok":true,"integration":{"config":{"resources":[]}},"accessToken":"t","expiresIn":5})",
  };
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    std::string body = bodies[random() % std::size(bodies)];
    for (auto edits = random() % 4; edits > 0 && !body.empty(); --edits) {
      static constexpr std::string_view kBytes = "{}[]\",:\\0-e9 n\n\x01\xc3";
      const std::size_t at = random() % body.size();
      if (random() % 2 == 0) {
        body[at] = kBytes[random() % kBytes.size()];
      } else {
        body.erase(at, 1 + random() % 5);
      }
    }
    const stages::HttpResponse response = answer(random() % 4 == 0 ? 422 : 200, body);
    const auto read = port.read(batch, response, document);
    if (read) {
      EXPECT_THAT(read->outcomes, SizeIs(2)) << body;
    }
    const auto deleted = port.read_deleted(identifiers, response, document);
    if (deleted) {
      EXPECT_LE(*deleted, 2u);
    }
    (void)port.read_owned(response, document).has_value();
    (void)read_integration_config(response, document).has_value();
    (void)port.auth()->read_token(response).has_value();
  }
}

}  // namespace
}  // namespace riptide::sinks::port
