// How an integration is made ready in Port, step by step, with a Port that is played.
#include "riptide/sinks/port_preparation.hpp"

#include <gmock/gmock.h>

#include <deque>
#include <map>

#include "riptide/sinks/port_life.hpp"

namespace riptide::sinks::port {
namespace {

using namespace std::chrono_literals;
using pipeline::ErrorKind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::shared_ptr<const Account> account() {
  Account::Options options;
  options.base_url = "https://api.port.test";
  options.client_id = "id";
  options.client_secret = pipeline::Secret("s3cret");
  options.integration_type = "octopus";
  options.integration = "mine";
  options.riptide_version = "0.1.0";
  return *Account::create(options);
}

stages::HttpResponse answer(int status, std::string_view body) {
  stages::HttpResponse response;
  response.status = status;
  response.body = pipeline::make_page(body);
  response.safe_url = "https://api.port.test/v1/x";
  return response;
}

constexpr std::string_view kNotFound = R"({"ok":false,"error":"not_found","message":"no"})";

// Answers by method and path; the last answer to a path repeats.
class PlayedPort final : public stages::Exchange {
 public:
  std::vector<Result<stages::HttpResponse>> ask(std::vector<stages::HttpRequest> requests,
                                                std::chrono::milliseconds pause) override {
    if (pause > 0ms) pauses.push_back(std::chrono::duration_cast<std::chrono::seconds>(pause).count());
    std::vector<Result<stages::HttpResponse>> all;
    for (const stages::HttpRequest& request : requests) {
      const std::string path = request.url.substr(std::string("https://api.port.test/v1/").size());
      const std::string key = std::string(stages::to_string(request.method)) + " " + path.substr(0, path.find('?'));
      asked.push_back(key);
      bodies[key] = request.body;
      auto& answers = script[key];
      if (answers.empty()) {
        all.emplace_back(answer(404, kNotFound));
        continue;
      }
      all.emplace_back(answers.front());
      if (answers.size() > 1) answers.pop_front();
    }
    return all;
  }
  void at(const std::string& key, int status, std::string_view body) { script[key].push_back(answer(status, body)); }

  std::map<std::string, std::deque<stages::HttpResponse>> script;
  std::vector<std::string> asked;
  std::map<std::string, std::string> bodies;
  std::vector<std::int64_t> pauses;
};

PreparationOptions options() {
  PreparationOptions out;
  out.account = account();
  out.defaults.mapping = R"({"resources":[1]})";
  out.defaults.blueprints = R"([{"identifier":"a","title":"A","schema":{},"relations":{"b":{"target":"b"}},
                                 "calculationProperties":{"x":{}}}])";
  return out;
}

PlayedPort port_with(std::string_view flags = "", std::string_view provisioned = "") {
  PlayedPort port;
  port.at("GET integration/provision-enabled", 200, R"({"integrations":[)" + std::string(provisioned) + "]}");
  port.at("GET organization", 200, R"({"organization":{"featureFlags":[)" + std::string(flags) + "]}}");
  return port;
}

TEST(PortPreparation, AReadOnlyLookChangesNothing) {
  PlayedPort port;
  port.at("GET integration/mine", 200,
          R"({"integration":{"config":{"resources":[]},"metricAttributes":{"ingestUrl":"https://m/"}}})");
  PreparationOptions wanted = options();
  wanted.read_only = true;
  const auto prepared = prepare(wanted, port);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->mapping, R"({"resources":[]})");
  EXPECT_EQ(prepared->metrics_url, "https://m");
  EXPECT_THAT(port.asked, ElementsAre("GET integration/mine"));
}

TEST(PortPreparation, TheStepsOfABlueprintAddUp) {
  PlayedPort port = port_with();
  port.at("GET integration/mine", 404, kNotFound);
  port.at("GET integration/mine", 200, R"({"integration":{"config":{"resources":[1]}}})");
  port.at("POST integration", 201, R"({"integration":{"config":{"resources":[1]}}})");
  port.at("PATCH integration/mine", 200, R"({"integration":{"config":{"resources":[1]}}})");
  std::vector<std::string> sent;
  port.at("POST blueprints", 201, "{}");
  port.at("PATCH blueprints/a", 200, "{}");
  const auto prepared = prepare(options(), port);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_THAT(port.bodies["POST integration"], HasSubstr(R"("createPortResourcesOrigin":"Default")"));
  EXPECT_EQ(port.bodies["POST blueprints"], R"({"identifier":"a","title":"A","schema":{}})");
  EXPECT_THAT(port.bodies["PATCH blueprints/a"], HasSubstr("calculationProperties")) << "the last step sends all";
  EXPECT_EQ(port.bodies["PATCH integration/mine"], R"({"arePortResourcesInitialized":true,"version":"0.2.166"})");
}

TEST(PortPreparation, PortIsWaitedForWhereItMakesTheDefaults) {
  PlayedPort port = port_with(R"("USE_PROVISIONED_DEFAULTS")", R"("octopus")");
  for (int i = 0; i < 4; ++i) {
    port.at("GET integration/mine", i == 0 ? 404 : 200, i == 0 ? kNotFound : R"({"integration":{"config":{}}})");
  }
  const std::string ready =
      R"({"integration":{"config":{"resources":[2]},"arePortResourcesInitialized":true,"version":"0.2.166",
         "installationAppType":"octopus","changelogDestination":{},"actionsProcessingEnabled":false,
         "incrementalSyncEnabled":false,"processingMode":"ocean-core"}})";
  port.at("GET integration/mine", 200, ready);
  port.at("POST integration", 201, R"({"integration":{}})");
  const auto prepared = prepare(options(), port);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->mapping, R"({"resources":[2]})");
  EXPECT_THAT(port.bodies["POST integration"], HasSubstr(R"("config":{})"));
  EXPECT_THAT(port.pauses, ElementsAre(3, 4, 6));
  EXPECT_THAT(port.asked, Not(Contains("POST blueprints")));
}

TEST(PortPreparation, PortThatNeverGetsReadyIsAnError) {
  PlayedPort port = port_with(R"("USE_PROVISIONED_DEFAULTS")", R"("octopus")");
  port.at("GET integration/mine", 404, kNotFound);
  port.at("GET integration/mine", 200, R"({"integration":{"config":{}}})");
  port.at("POST integration", 201, R"({"integration":{}})");
  const auto prepared = prepare(options(), port);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(port.pauses.size(), 29u);
}

TEST(PortPreparation, AnEmptyOriginGetsAnEmptyMapping) {
  PlayedPort port = port_with();
  port.at("GET integration/mine", 404, kNotFound);
  port.at("GET integration/mine", 200, R"({"integration":{"config":{"resources":[]}}})");
  port.at("POST integration", 201, R"({"integration":{}})");
  port.at("PATCH integration/mine", 200, R"({"integration":{}})");
  PreparationOptions wanted = options();
  wanted.origin = "Empty";
  ASSERT_TRUE(prepare(wanted, port));
  EXPECT_THAT(port.bodies["PATCH integration/mine"], HasSubstr(R"("resources":[])"));
  EXPECT_THAT(port.asked, Not(Contains("POST blueprints")));
}

TEST(PortPreparation, WhoMakesTheDefaultsMustBeKnownForANewIntegrationOnly) {
  PlayedPort port;
  port.at("GET integration/provision-enabled", 503, "down");
  port.at("GET organization", 503, "down");
  port.at("GET integration/mine", 404, kNotFound);
  const auto absent = prepare(options(), port);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::kTransport);
  PlayedPort other;
  other.script = port.script;
  other.script["GET integration/mine"].clear();
  other.at("GET integration/mine", 200,
           R"({"integration":{"config":{"resources":[3]},"arePortResourcesInitialized":true,"version":"0.2.166",
         "installationAppType":"octopus","changelogDestination":{},"actionsProcessingEnabled":false,
         "incrementalSyncEnabled":false,"processingMode":"ocean-core"}})");
  const auto there = prepare(options(), other);
  ASSERT_TRUE(there) << there.error().message;
  EXPECT_THAT(there->notices, Contains(HasSubstr("who makes the default resources")));
}

TEST(PortPreparation, BlueprintsThatCannotBeTakenBackAreNamed) {
  PlayedPort port = port_with();
  port.at("GET integration/mine", 404, kNotFound);
  port.at("POST integration", 201, R"({"integration":{"config":{"resources":[1]}}})");
  port.at("PATCH integration/mine", 200, R"({"integration":{}})");
  port.at("POST blueprints", 201, "{}");
  port.at("PATCH blueprints/a", 422, R"({"ok":false,"error":"invalid","message":"bad icon"})");
  port.at("DELETE blueprints/a", 500, "broken");
  const auto prepared = prepare(options(), port);
  ASSERT_FALSE(prepared);
  EXPECT_THAT(prepared.error().message, ::testing::AllOf(HasSubstr("bad icon"), HasSubstr("remove by hand: a")));
}

TEST(Masker, TakesCredentialsOutOfTexts) {
  const Masker masker({"  my-secret-value ", "", "my-secret-value-longer"});
  const std::pair<const char*, const char*> cases[] = {
      {"nothing here", "nothing here"},
      {"x my-secret-value-longer y my-secret-value", "x [REDACTED] y [REDACTED]"},
      {"apiKey = 'abcdefghijklmnopqrstuvwxyz012345'", "[REDACTED]"},
      {"key AKIAABCDEFGHIJKLMNOP!", "key [REDACTED]!"},
      {"-----BEGIN RSA PRIVATE KEY----- MII", "[REDACTED] MII"},
      {"AIzaabcdefghijklmnopqrstuvwxyz012345678", "[REDACTED]"},
      {"see https://user:password@host/path now", "see [REDACTED]now"},
      {"https://host/path?x=1", "https://host/path?x=1"},
      {"apikey is not there", "apikey is not there"},
  };
  for (const auto& [text, masked] : cases) EXPECT_EQ(masker.text(text), masked) << text;
}

TEST(Masker, MasksValuesAtAnyDepthAndNoKeys) {
  const Masker masker({"hide-me"});
  EXPECT_EQ(masker.json(R"({"hide-me": ["a hide-me b", {"k":"\"hide-me\""}], "n": 1.10, "u":"\u00e9"})"),
            R"({"hide-me": ["a [REDACTED] b", {"k":"\"[REDACTED]\""}], "n": 1.10, "u":"\u00e9"})");
}

TEST(Masker, HostileTextsEnd) {
  const Masker masker({});
  EXPECT_EQ(masker.text(std::string(1u << 20, 'a')), "[REDACTED]") << "too long to be looked through";
  (void)masker.text(std::string(60'000, 'a') + "://:@");
  (void)masker.text("apikey" + std::string(50'000, '\'') + "\xff\xfe");
  (void)masker.json(R"({"a":"unfinished)");
  (void)masker.json("\"\\");
}

TEST(PortLife, WithoutAddressesOnlyTheStateIsTold) {
  PortLife life({.account = account(), .run_id = "run"});
  EXPECT_EQ(life.started({}, {}).size(), 1u);
  EXPECT_TRUE(life.heartbeat().empty());
  EXPECT_FALSE(life.wants_log());
  EXPECT_EQ(
      life.ended({}, {}).front().request.body,
      R"({"status":"completed","lastResyncEnd":"1970-01-01T00:00:00.000000+00:00","nextResync":null,"intervalInMinuets":null})");
}

TEST(PortLife, NamesAreEscapedInPaths) {
  PortLife life({.account = account(), .run_id = "run", .metrics_url = "https://m"});
  stages::KindLife kind;
  kind.kind = "/api/v1/users";
  EXPECT_EQ(life.kind_changed(kind).front().request.url, "https://m/syncMetrics/resync/run/kind/%2Fapi%2Fv1%2Fusers-0");
  EXPECT_THAT(life.examples("/x", std::vector<std::string>{"{}"}).front().request.url,
              HasSubstr("/kinds/%2Fx/examples"));
}

TEST(PythonTime, HasMicrosecondsAndAZone) {
  EXPECT_EQ(python_time(std::chrono::system_clock::time_point(1'767'225'600s + 123'456us)),
            "2026-01-01T00:00:00.123456+00:00");
}

}  // namespace
}  // namespace riptide::sinks::port
