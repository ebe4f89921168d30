// Everything that can go wrong at Port's side, each with the exit code, the report and the catalogue that it must
// leave.
#include <algorithm>

#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using loopback::Fault;
using loopback::Reply;
using ::testing::HasSubstr;
using Interference = FakePort::Interference;

constexpr const char* kConfig = R"({"resources":[
  {"kind":"space","selector":{"query":"true"},"port":{"entity":{"mappings":
    {"identifier":".Id","blueprint":"\"octopusSpace\"","title":".Name"}}}},
  {"kind":"machine","selector":{"query":"true"},"port":{"entity":{"mappings":
    {"identifier":".Id","blueprint":"\"octopusMachine\"","relations":{"space":".SpaceId"}}}}}]})";
constexpr const char* kOurs = "port-ocean/octopus/0.1.0/my-octopus-integration/exporter";
const Identity kStale{"octopusMachine", "Machines-long-gone"};

// What a run must leave behind.
struct Expected {
  int code = 0;
  std::string said;                ///< In what it printed.
  bool everything = true;          ///< All that the server lists is in the catalogue; else only `kinds`.
  std::set<std::string> without;   ///< Blueprints of which nothing is there.
  bool stale_gone = true;          ///< What disappeared was removed.
  std::uint64_t rejected = 0;      ///< In the report.
  std::uint64_t status_429 = 0;    ///< At least.
  std::size_t most_requests = 40;  ///< Of the route that fails.
};

struct Case {
  std::string name;
  FakePort::Options port;
  Expected expected;
  std::map<std::string, std::string> environment = {};
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

FakePort::Options with(std::vector<Interference> interfere) {
  FakePort::Options options;
  options.interfere = std::move(interfere);
  return options;
}

Interference once(std::string route, Reply reply) {
  return {.route = std::move(route), .reply = [reply](const Reply&) { return reply; }, .after = 1, .times = 1};
}

Interference always(std::string route, Reply reply) {
  return {.route = std::move(route), .reply = [reply](const Reply&) { return reply; }};
}

// The request is carried out, and its answer then spoilt.
Interference spoilt(std::string route, std::function<Reply(Reply)> spoil, std::size_t times = 1) {
  return {.route = std::move(route),
          .reply = [spoil](const Reply& usual) { return spoil(usual); },
          .times = times,
          .applied = true};
}

Reply refusal(int status, const std::string& message = "because") {
  return Reply::json(R"({"ok":false,"error":"an_error","message":")" + message + "\"}").with_status(status);
}

Reply html(int status) {
  Reply reply = Reply::text(status, "<html><body>Bad gateway</body></html>");
  reply.headers.emplace_back("Content-Type", "text/html");
  return reply;
}

std::string http_date(int seconds_from_now) {
  const std::time_t then = std::time(nullptr) + seconds_from_now;
  std::tm parts{};
  gmtime_r(&then, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](std::string name, FakePort::Options port, Expected expected,
                       std::map<std::string, std::string> environment = {}) {
    all.push_back({std::move(name), std::move(port), std::move(expected), std::move(environment)});
  };
  const Expected fine;
  const auto failed = [](std::string said) {
    return Expected{.code = 4, .said = std::move(said), .everything = false, .stale_gone = false};
  };
  const auto slow_down = [](const char* name, const std::string& value) {
    Reply reply = refusal(429);
    return *name == '\0' ? reply : reply.with_header(name, value);
  };
  const Expected slowed{.status_429 = 1};
  const std::map<std::string, std::string> short_time = {{"OCEAN__RIPTIDE__PORT_TIMEOUT", "300ms"}};

  // Credentials.
  add("401 in the middle", with({once("upsert", refusal(401))}), fine);
  add("401 for ever", with({always("upsert", refusal(401))}), failed("does not accept the credentials"));
  add("403", with({always("upsert", refusal(403))}), failed("does not accept the credentials"));
  add("the token is refused", with({always("token", refusal(401))}), failed("OCEAN__PORT__CLIENT_ID"));
  add("the token is no JSON", with({always("token", Reply::text(200, "hello"))}), failed("token"));
  add("the token is missing", with({always("token", Reply::json(R"({"ok":true})"))}), failed("accessToken"));
  add("the token breaks headers",
      with({always("token", Reply::json(R"({"accessToken":"a\nb","tokenType":"Bearer"})"))}),
      failed("control character"));

  // What Port has against entities.
  FakePort::Options partial;
  partial.refuse = [](const Json& entity) -> std::optional<FakePort::Complaint> {
    if (entity["identifier"].text() != "Spaces-1") return std::nullopt;
    return FakePort::Complaint{422, "invalid_request", "a title is missing"};
  };
  add("207 partial", partial, {.code = 1, .said = "a title is missing", .everything = false, .rejected = 1});
  partial.refuse = [](const Json& entity) -> std::optional<FakePort::Complaint> {
    if (entity["identifier"].text() != "Spaces-1") return std::nullopt;
    return FakePort::Complaint{404, "not_found", "nothing found", true};
  };
  add("207 with unknown", partial, {.code = 1, .said = "nothing found", .everything = false, .rejected = 1});
  add("207 without an index",
      with({spoilt("upsert",
                   [](const Reply& usual) {
                     std::string body = usual.body;
                     body.replace(body.find("\"index\":0,"), 10, "");
                     return Reply::json(body).with_status(207);
                   })}),
      {.code = 1, .said = "says nothing of it", .rejected = 1});
  FakePort::Options no_blueprint;
  no_blueprint.any_blueprint = false;
  no_blueprint.blueprints = {R"({"identifier":"octopusSpace","title":"Space","schema":{"properties":{}}})"};
  add("404 blueprint", no_blueprint,
      {.code = 1,
       .said = "no blueprint octopusMachine",
       .everything = false,
       .without = {"octopusMachine"},
       .rejected = 60});
  add("404 of somebody else", with({always("upsert", html(404))}), failed("OCEAN__PORT__BASE_URL"));
  add("302", with({always("upsert", Reply::redirect("http://127.0.0.1:9/"))}), failed("OCEAN__PORT__BASE_URL"));
  FakePort::Options few;
  few.accepted_entities = 3;
  add("413", few, Expected{.most_requests = 60});
  FakePort::Options tiny;
  tiny.accepted_bytes = 100;
  add("413 of single entities", tiny,
      {.code = 1,
       .said = "too large for Port",
       .everything = false,
       .without = {"octopusMachine"},
       .rejected = 60,
       .most_requests = 130});
  add("422 of a batch", with({once("upsert", refusal(422, "no such property"))}),
      {.code = 1, .said = "no such property", .everything = false, .rejected = 20});

  // Too much at once.
  add("429 retry-after seconds", with({once("upsert", slow_down("Retry-After", "1"))}), slowed);
  add("429 retry-after date", with({once("upsert", slow_down("Retry-After", http_date(60)))}), slowed);
  add("429 retry-after of the past", with({once("upsert", slow_down("Retry-After", http_date(-60)))}), slowed);
  add("429 retry-after nonsense", with({once("upsert", slow_down("Retry-After", "soon"))}), slowed);
  add("429 x-ratelimit-reset seconds", with({once("upsert", slow_down("x-ratelimit-reset", "2"))}), slowed);
  add("429 x-ratelimit-reset epoch",
      with({once("upsert", slow_down("x-ratelimit-reset", std::to_string(std::time(nullptr) + 30)))}), slowed);
  add("429 without a header", with({once("upsert", slow_down("", ""))}), slowed);
  add("429 for ever", with({always("upsert", slow_down("Retry-After", "0"))}), failed("slow down"));

  // Port is broken.
  add("500", with({always("upsert", refusal(500))}), failed("HTTP 500"));
  add("500 of a GET", with({{.route = "integration", .reply = [](const Reply&) { return refusal(500); }, .times = 2}}),
      fine);
  add("502", with({once("upsert", html(502))}), fine);
  add("503 in HTML", with({once("upsert", html(503))}), fine);
  add("504 for ever", with({always("upsert", html(504))}), failed("HTTP 504"));

  // The way to Port is broken.
  add("reset before it was applied", with({once("upsert", Reply::json("{}").with_fault(Fault::kNoAnswer))}), fine);
  add("reset after it was applied",
      with({spoilt("upsert", [](const Reply& usual) { return usual.with_fault(Fault::kReset, 5); })}), fine);
  add("a short body after it was applied",
      with({spoilt("upsert", [](const Reply& usual) { return usual.with_fault(Fault::kCloseEarly, 9); })}), fine);
  add("hang", with({once("upsert", Reply::json("{}").with_fault(Fault::kHang))}), fine, short_time);
  add("hang for ever", with({always("upsert", Reply::json("{}").with_fault(Fault::kHang))}),
      failed("no complete answer"), short_time);
  add("slow drip",
      with({spoilt(
          "upsert", [](const Reply& usual) { return usual.with_drip(200, milliseconds(10)); }, 2)}),
      fine);

  // Answers that are none.
  add("another JSON", with({always("upsert", Reply::json("[1,2]"))}), failed("not a JSON object"));
  add("JSON of something else", with({always("upsert", Reply::json(R"({"hello":"world"})"))}), failed("neither"));
  add("truncated JSON",
      with({spoilt("upsert",
                   [](const Reply& usual) { return Reply::json(usual.body.substr(0, usual.body.size() / 2)); })}),
      failed("Port's answer"));
  add("an empty 200", with({always("upsert", Reply::text(200, ""))}), failed("Port's answer"));

  // What is owned, and its removal.
  const auto kept = [](std::string said) { return Expected{.code = 4, .said = std::move(said), .stale_gone = false}; };
  FakePort::Options halfway = with({once("owned", refusal(500))});
  halfway.owned_page = 30;
  add("the listing fails half way", halfway, kept("HTTP 500"));
  add("the listing goes in circles",
      with({spoilt(
          "owned",
          [](const Reply& usual) { return Reply::json(usual.body.substr(0, usual.body.rfind("null")) + "\"0\"}"); },
          SIZE_MAX)}),
      kept("the same cursor twice"));
  add("the listing lacks a name",
      with({always("owned", Reply::json(R"({"ok":true,"entities":[{"blueprint":"octopusMachine"}],"next":null})"))}),
      kept("without identifier"));
  add("the listing is of a stranger", with({always("owned", html(200))}), kept("not a JSON object"));
  add("the listing of what is unchanged fails", with({once("owned", refusal(500))}), kept("HTTP 500"));
  add("a blueprint cannot be had", with({always("blueprint", refusal(422, "no"))}), kept("422"));
  add("the deletion fails", with({always("delete", refusal(500))}), kept("HTTP 500"));
  add("the deletion is refused", with({always("delete", refusal(422, "has dependents"))}), kept("422"));
  add("the deletion removes nothing", with({always("delete", Reply::json(R"({"ok":true,"deletedEntities":[]})"))}),
      {.stale_gone = false});
  add("the deletion finds no blueprint", with({always("delete", refusal(404))}), {.stale_gone = false});

  // The integration.
  add("404 integration, in the middle", with({always("resync_state", refusal(404, "no such integration"))}),
      {.said = "the resync's state did not reach the target"});
  add("the integration is no JSON", with({always("integration", Reply::text(200, "hello"))}), failed("Port"));
  return all;
}

class PortFaultTest : public Workspace, public ::testing::WithParamInterface<Case> {};

TEST_P(PortFaultTest, LeavesWhatItMust) {
  const Case& one = GetParam();
  const Expected& expected = one.expected;
  const auto server = serve({.spaces = 3, .total_records = 60, .kinds = only("machine", {20, 20, 20})});
  point_at(server->url());
  FakePort::Options options = one.port;
  options.config = kConfig;
  FakePort port(std::move(options));
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  for (const auto& [name, value] : one.environment) environment_[name] = value;
  const Identity theirs{"octopusMachine", "of-another"};
  port.put(kStale, kOurs);
  port.put(theirs, "port-ocean/octopus/0.2.166/other/exporter");

  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(expected.code));
  EXPECT_THAT(ended.err, HasSubstr(expected.said));
  EXPECT_TRUE(port.has(theirs));
  EXPECT_EQ(port.has(kStale), !expected.stale_gone);
  std::set<Identity> there = keys_of(port.catalogue());
  there.erase(theirs);
  there.erase(kStale);
  std::set<Identity> wanted = listed(*server);
  if (expected.everything) {
    EXPECT_EQ(there, wanted);
  } else {
    EXPECT_TRUE(std::includes(wanted.begin(), wanted.end(), there.begin(), there.end()));
    EXPECT_TRUE(expected.code == 4 || there.size() + expected.rejected == wanted.size());
    for (const Identity& identity : there) EXPECT_FALSE(expected.without.contains(identity.first)) << identity.first;
  }
  if (expected.code != 4) {
    EXPECT_EQ(report().total("rejected"), expected.rejected);
    EXPECT_EQ(report().total("abandoned"), 0u);
    std::uint64_t slowed = 0;
    for (const Json& host : report().json()["hosts"].items()) slowed += host["status_429"].count();
    EXPECT_GE(slowed, expected.status_429);
  }
  EXPECT_LE(port.count("token"), 20u);
  EXPECT_LE(port.count("upsert"), expected.most_requests) << "nothing is asked for again and again";
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, PortFaultTest, ::testing::ValuesIn(cases()), name_of);

}  // namespace
}  // namespace riptide::e2e
