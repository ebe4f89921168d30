// A run that failed somewhere, on a cassette, failing again where its source is not.
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <sstream>

#include "fake_port.hpp"
#include "loopback_server.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using loopback::Fault;
using loopback::LoopbackServer;
using loopback::ReceivedRequest;
using loopback::Reply;
using loopback::Script;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The text of a gzip file of many members, as `gzip -dc` gives it.
std::string unzipped(const std::filesystem::path& path) {
  std::string text;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return text;
  char buffer[64 << 10];
  for (int got = 0; (got = gzread(file, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  gzclose(file);
  return text;
}

// A report without what differs from run to run: its id, the time, and what follows from time.
std::string timeless(const std::string& report) {
  // Errors stand in the order in which they came.
  const Json json = Json::parse(report);
  std::vector<std::string> errors;
  for (const Json& error : json["errors"].items()) errors.push_back(error.canonical());
  std::sort(errors.begin(), errors.end());
  std::string out;
  for (const char* const part : {"status", "exit_code", "kinds", "errors_total"}) out += json[part].canonical() + "\n";
  for (const Json& kind : json["sinks"][0]["kinds"].items()) {
    for (const std::string& count : kind.keys()) {
      if (count != "requests") out += count + " " + kind[count].canonical() + "\n";  // Batches are cut by time too.
    }
  }
  for (const std::string& error : errors) out += error + "\n";
  for (const Json& host : json["hosts"].items()) {
    for (const char* const count : {"host", "requests", "retries", "status_429"}) out += host[count].canonical() + " ";
  }
  std::vector<std::string> scopes;
  for (const Json& scope : json["scopes"].items()) {
    // A scope names the first of its errors to come; all of them are above.
    std::string line;
    for (const char* const part : {"kind", "partition", "pages_expected", "pages_read"})
      line += scope[part].canonical();
    scopes.push_back(std::move(line));
  }
  std::sort(scopes.begin(), scopes.end());
  for (const std::string& scope : scopes) out += "\n" + scope;
  return out;
}

constexpr const char* kMapping = R"(
resources:
  - kind: /teams
    selector: {query: "true", data_path: .items}
    port: {entity: {mappings: {identifier: .id, title: .name, blueprint: '"team"'}}}
  - kind: /teams/{team}/members
    selector:
      query: "true"
      data_path: .items
      path_parameters:
        team: {endpoint: /teams, data_path: .items, field: .id}
    port: {entity: {mappings: {identifier: '.__team + "/" + .id', blueprint: '"member"', properties: {mail: .email}}}}
)";

Reply page(const ReceivedRequest& request, std::size_t total, const std::string& prefix) {
  const std::size_t offset = std::stoul(request.parameter("offset").value_or("0"));
  const std::size_t limit = std::stoul(request.parameter("limit").value_or("0"));
  std::string items;
  for (std::size_t i = offset; i < std::min(total, offset + limit); ++i) {
    if (!items.empty()) items += ",";
    const std::string id = prefix + std::to_string(i);
    items += R"({"id":")" + id + R"(","name":"N )" + id + R"(","email":")" + id + R"(@example.org"})";
  }
  return Reply::json(R"({"total":)" + std::to_string(total) + R"(,"items":[)" + items + "]}");
}

class RecordTest : public Workspace {
 protected:
  void start(const Script& script) {
    server_ = std::make_unique<LoopbackServer>(script);
    environment_["OCEAN__INTEGRATION__TYPE"] = "custom";
    environment_["OCEAN__INTEGRATION__CONFIG__BASE_URL"] = server_->url();
    environment_["OCEAN__INTEGRATION__CONFIG__PAGINATION_TYPE"] = "offset";
    environment_["OCEAN__INTEGRATION__CONFIG__PAGE_SIZE"] = "10";
    environment_["OCEAN__INTEGRATION__CONFIG__TOTAL_PATH"] = "total";
    environment_["OCEAN__RIPTIDE__RETRY_BASE"] = "5ms";
    environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "4";
    write("mapping.yml", kMapping);
  }

  // Everything that goes wrong on the way: overload, broken connections, a page that is none, a team that is gone.
  static Script faulty() {
    Script script;
    const auto count = std::make_shared<std::map<std::string, int>>();
    script.otherwise([count](const ReceivedRequest& request) {
      const int nth = (*count)[request.target]++;
      if (request.path == "/teams") return page(request, 12, "t");
      if (request.path == "/teams/t3/members") return Reply::text(404, "gone");
      if (request.path == "/teams/t4/members") return Reply::text(503, "never");
      if (request.path == "/teams/t5/members" && nth == 0) return Reply::json(R"({"total":24,"items":[{"id":)");
      if (request.path == "/teams/t6/members" && nth < 2) {
        return page(request, 24, "m").with_fault(Fault::kReset, 20);
      }
      if (request.path == "/teams/t7/members" && nth == 0) return Reply::text(429).with_header("Retry-After", "1");
      return page(request, 24, "m");
    });
    return script;
  }

  // Runs a verb; its report is in report.json. The run is none that `sync` of the fixture would check.
  [[nodiscard]] Ended verb(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--progress", "none", "--report", "report.json"});
    return riptide(std::move(arguments));
  }

  // Nothing is left of the configuration and of the server.
  void elsewhere() {
    server_.reset();
    environment_.clear();
    std::filesystem::remove(path("mapping.yml"));
  }

  [[nodiscard]] std::vector<std::string> sorted_lines(std::string_view name) const {
    std::vector<std::string> lines;
    std::istringstream in(read(name));
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  std::unique_ptr<LoopbackServer> server_;
};

TEST_F(RecordTest, AFailingRunFailsAgainWithoutItsServerAndItsConfiguration) {
  start(faulty());
  const Ended recorded =
      verb({"record", "--mapping", "mapping.yml", "--sink", "ndjson:before.ndjson", "--out", "run.cassette"});
  ASSERT_THAT(recorded, ExitsWith(3));
  EXPECT_THAT(recorded.last_line(), ::testing::EndsWith("sync --replay run.cassette"));
  const std::string before = timeless(read("report.json"));
  EXPECT_THAT(before, AllOf(HasSubstr("t3"), HasSubstr("t4")));
  const std::uint64_t asked = report().json()["hosts"][0]["requests"].count();
  EXPECT_EQ(server_->num_requests(), asked);
  elsewhere();

  for (int round = 0; round < 3; ++round) {
    const Ended replayed = verb({"sync", "--replay", "run.cassette", "--sink", "ndjson:before.ndjson"});
    ASSERT_THAT(replayed, ExitsWith(3));
    EXPECT_EQ(timeless(read("report.json")), before);
    EXPECT_THAT(replayed.err, Not(HasSubstr("does not know")));
  }
  // A complete sink file is only made by a run that is complete: what was written meanwhile is beside it.
  ASSERT_THAT(verb({"sync", "--replay", "run.cassette", "--sink", "ndjson:after.ndjson"}), ExitsWith(3));
  EXPECT_EQ(sorted_lines("after.ndjson.partial"), sorted_lines("before.ndjson.partial"));
  EXPECT_FALSE(sorted_lines("after.ndjson.partial").empty());
}

TEST_F(RecordTest, RecordingAloneWritesNothingElseAndAReplayIntoASinkIsThatRun) {
  start(Script().otherwise([](const ReceivedRequest& request) {
    return page(request, request.path == "/teams" ? 12 : 24, request.path == "/teams" ? "t" : "m");
  }));
  const Ended recorded = verb({"record", "--mapping", "mapping.yml", "--out", "run.cassette"});
  ASSERT_THAT(recorded, ExitsWith(0));
  EXPECT_THAT(recorded.err, HasSubstr("are on run.cassette"));
  EXPECT_FALSE(exists("riptide.db"));
  EXPECT_EQ(report().json()["sinks"][0]["sink"].text(), "null");
  ASSERT_THAT(sync({"--mapping", "mapping.yml", "--sink", "ndjson:live.ndjson"}), ExitsWith(0));
  elsewhere();

  ASSERT_THAT(verb({"sync", "--replay", "run.cassette", "--sink", "ndjson:taped.ndjson"}), ExitsWith(0));
  EXPECT_EQ(sorted_lines("taped.ndjson"), sorted_lines("live.ndjson"));
  EXPECT_EQ(sorted_lines("taped.ndjson").size(), 12u + 12u * 24u);
  EXPECT_THAT(verb({"record", "--out", "run.cassette"}), ExitsWith(2)) << "never overwritten";

  const Ended planned = riptide({"plan", "--replay", "run.cassette", "--progress", "none"});
  ASSERT_THAT(planned, ExitsWith(0));
  EXPECT_EQ(Json::parse(planned.out)["changes"].items().size(), 12u + 12u * 24u);
}

TEST_F(RecordTest, FaultsOnPurposeAreTheSameForTheSameSeed) {
  start(Script().otherwise([](const ReceivedRequest& request) {
    return page(request, request.path == "/teams" ? 12 : 24, request.path == "/teams" ? "t" : "m");
  }));
  ASSERT_THAT(verb({"record", "--mapping", "mapping.yml", "--out", "run.cassette"}), ExitsWith(0));
  elsewhere();
  const auto spoiled = [&](const std::string& seed) {
    const Ended ended = verb({"sync", "--replay", "run.cassette", "--inject",
                              "429:0.2,reset:0.2,500:0.1,truncate:0.1,timeout:0.05", "--seed", seed});
    EXPECT_THAT(ended.exit_code, ::testing::AnyOf(0, 3));
    return timeless(read("report.json"));
  };
  const std::string once = spoiled("7");
  EXPECT_EQ(spoiled("7"), once);
  EXPECT_EQ(spoiled("7"), once);
  EXPECT_NE(spoiled("8"), once);
  EXPECT_THAT(verb({"sync", "--replay", "run.cassette", "--inject", "teapot:0.1"}), ExitsWith(2));
}

TEST_F(RecordTest, ATapeThatIsCutOffPlaysWhatItHasAndSaysWhatItDoesNot) {
  start(Script().otherwise([](const ReceivedRequest& request) {
    return page(request, request.path == "/teams" ? 12 : 24, request.path == "/teams" ? "t" : "m");
  }));
  ASSERT_THAT(verb({"record", "--mapping", "mapping.yml", "--out", "run.cassette"}), ExitsWith(0));
  elsewhere();
  const std::string whole = read("run.cassette");
  write("cut.cassette", std::string_view(whole).substr(0, whole.size() / 2));
  const Ended cut = verb({"sync", "--replay", "cut.cassette"});
  ASSERT_THAT(cut, ExitsWith(3));
  EXPECT_THAT(cut.err, AllOf(HasSubstr("is cut off after"), HasSubstr("does not know the request: GET http://"),
                             HasSubstr("the nearest that it knows: GET http://")));
  EXPECT_GT(report().total("read"), 0u);
  write("none.cassette", "no cassette at all");
  EXPECT_THAT(verb({"sync", "--replay", "none.cassette"}), ExitsWith(2));
  EXPECT_THAT(verb({"sync", "--replay", "missing.cassette"}), ExitsWith(2));
}

TEST_F(RecordTest, ARecordingThatIsKilledIsReadableUpToItsLastWholeEntry) {
  Script script;
  script.at("/teams", [](const ReceivedRequest& request) { return page(request, 12, "t"); });
  script.at("/teams/t9/members", Reply::json("{}").with_gate("never"));
  script.otherwise([](const ReceivedRequest& request) { return page(request, 24, "m"); });
  start(script);
  Process process(
      command({riptide_path(), "record", "--mapping", "mapping.yml", "--out", "run.cassette", "--progress", "none"}));
  ASSERT_TRUE(server_->wait_for_requests(25));
  ASSERT_TRUE(
      eventually([&] { return unzipped(path("run.cassette")).find("/teams/t8/members") != std::string::npos; }));
  process.send(SIGKILL);
  EXPECT_EQ(process.wait().signal, SIGKILL);
  elsewhere();
  const Ended replayed = verb({"sync", "--replay", "run.cassette"});
  ASSERT_THAT(replayed, ExitsWith(3));
  EXPECT_THAT(replayed.err, HasSubstr("is cut off"));
  EXPECT_GE(report().total("read"), 12u);
}

TEST_F(RecordTest, NoSecretNorTokenIsOnACassette) {
  const std::string key = "API-it's \"$HOME\" %41%2F <k&y>#1;\\z";
  Script script;
  script.at("/token", Reply::json(R"({"access_token": "TOKEN-123456", "expires_in": 3600, "user": {"id": "user-77"}})")
                          .with_header("Set-Cookie", "session=COOKIE-1"));
  script.otherwise([key](const ReceivedRequest& request) {
    if (request.header("Authorization") != "Bearer TOKEN-123456") return Reply::text(401, "who is that?");
    if (request.path != "/teams") {
      return Reply::text(403,
                         request.header("Authorization").value_or("") + " may not, nor " + key + "; " + request.query)
          .with_header("X-Echo", key);
    }
    return page(request, 3, "t").with_header("Set-Cookie", "session=COOKIE-2");
  });
  start(script);
  std::string quoted;
  for (const char c : key) quoted += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  environment_["OCEAN__INTEGRATION__CONFIG__AUTH_TYPE"] = "custom";
  environment_["OCEAN__INTEGRATION__CONFIG__CUSTOM_AUTH_REQUEST"] =
      R"({"endpoint": "/token", "body": {"client": "client-name", "secret": ")" + quoted + "\"}}";
  environment_["OCEAN__INTEGRATION__CONFIG__CUSTOM_AUTH_REQUEST_TEMPLATE"] =
      R"({"headers": {"Authorization": "Bearer {{.access_token}}"}, "queryParams": {"as": "{{.user.id}}"}})";
  const Ended recorded = verb({"record", "--mapping", "mapping.yml", "--out", "run.cassette", "--redact", "email"});
  ASSERT_THAT(recorded, ExitsWith(3));
  ASSERT_EQ(server_->requests_to("/token").size(), 1u);
  EXPECT_THAT(recorded.err + read("report.json"), AllOf(Not(HasSubstr("%41%2F")), Not(HasSubstr("client-name"))))
      << "a secret within a setting is one by itself";
  const std::uint64_t asked = report().json()["hosts"][0]["requests"].count();
  elsewhere();

  const std::string tape = unzipped(path("run.cassette"));
  ASSERT_THAT(tape, HasSubstr("/teams/t1/members"));
  for (const std::string& secret :
       {key, quoted, std::string("TOKEN-123456"), std::string("COOKIE-"), std::string("client-name"),
        std::string("user-77"), std::string("%41%2F"), std::string("<k&y>"), std::string("$HOME"), std::string("it's"),
        std::string("@example.org")}) {
    EXPECT_THAT(tape, Not(HasSubstr(secret)));
  }
  struct stat status {};
  ASSERT_EQ(::stat(path("run.cassette").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  ASSERT_THAT(verb({"sync", "--replay", "run.cassette"}), ExitsWith(3)) << "credentials are fetched from the tape";
  EXPECT_EQ(report().json()["sinks"][0]["kinds"][0]["read"].count(), 3u);
  EXPECT_EQ(report().json()["hosts"][0]["requests"].count(), asked);
}

TEST_F(RecordTest, TheMappingInPortIsRecordedAndPortIsLeftAlone) {
  const auto octopus = serve({.spaces = 2, .total_records = 60, .api_key = "API-KEY-OF-OCTOPUS"});
  point_at(octopus->url(), "API-KEY-OF-OCTOPUS");
  FakePort port;
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  ASSERT_THAT(sync({}), ExitsWith(0)) << "the integration is there now";
  const auto catalogue = port.catalogue();
  ASSERT_THAT(verb({"record", "--out", "run.cassette"}), ExitsWith(0));
  EXPECT_EQ(port.catalogue(), catalogue);
  EXPECT_THAT(unzipped(path("run.cassette")), AllOf(HasSubstr("in Port"), Not(HasSubstr("API-KEY-OF-OCTOPUS"))));
  environment_.clear();
  ASSERT_THAT(verb({"sync", "--replay", "run.cassette"}), ExitsWith(0));
  EXPECT_EQ(report().total("read"), 62u);
}

}  // namespace
}  // namespace riptide::e2e
