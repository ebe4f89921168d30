// A source that misbehaves: exit codes 1 and 3, the rest delivered, nothing deleted, and the command that goes on.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "loopback_server.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using loopback::Reply;
using simulator::Fault;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// A port of 127.0.0.1 where nobody listens (any more).
std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

class BadSourceTest : public Workspace {
 protected:
  void start(simulator::OctopusOptions options) {
    server_ = serve(std::move(options));
    point_at(server_->url());
  }

  // A catalogue with one row that the server does not have: what must still be there after an incomplete run.
  void plant_stale_row() {
    ASSERT_THAT(sync({}), ExitsWith(0));
    const std::string space = server_->spaces()[0];
    stale_ = {blueprint_of("machine"), server_->ids(space, "machine")[0]};
    ASSERT_TRUE(server_->remove(space, "machine", stale_.second));
  }

  std::unique_ptr<simulator::OctopusServer> server_;
  Identity stale_;
};

TEST_F(BadSourceTest, AWrongKeyIsSaidAfterOneMoreTry) {
  start({.spaces = 2, .total_records = 40, .api_key = "RIGHT"});
  environment_["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = "WRONG";
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("401"), HasSubstr("OCTOPUS_API_KEY"))) << "the setting to change is named";
  EXPECT_LE(server_->stats().requests, 2u);
  EXPECT_EQ(report().json()["scopes_total"].count() > 0, true);
  environment_["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = "RIGHT";
  EXPECT_THAT(paste(ended), ExitsWith(0)) << "the last line goes on";
  EXPECT_EQ(identities(path("riptide.db")), listed(*server_));
}

TEST_F(BadSourceTest, ADeadHostIsNamed) {
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  point_at("http://" + address);
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, HasSubstr(address));
  point_at("http://no-such-host.invalid");
  const Ended unresolved = sync({});
  ASSERT_THAT(unresolved, ExitsWith(3));
  EXPECT_THAT(unresolved.err, HasSubstr("no-such-host.invalid"));
}

TEST_F(BadSourceTest, ACertificateThatNobodySignedIsRefused) {
  Command make = command({});
  make.arguments = {"/usr/bin/openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-keyout",
                    "key.pem",
                    "-out",
                    "certificate.pem",
                    "-subj",
                    "/CN=127.0.0.1",
                    "-days",
                    "2"};
  if (!std::filesystem::exists("/usr/bin/openssl") || run(make).exit_code != 0) {
    GTEST_SKIP() << "there is no openssl to serve TLS with";
  }
  const std::string port = std::to_string(free_port());
  Command serve_tls = command({});
  serve_tls.arguments = {"/usr/bin/openssl", "s_server", "-accept", "127.0.0.1:" + port, "-key", "key.pem", "-cert",
                         "certificate.pem",  "-www"};
  Process tls(std::move(serve_tls));
  ASSERT_TRUE(eventually([&] { return tls.out().find("ACCEPT") != std::string::npos; })) << tls.err();
  point_at("https://127.0.0.1:" + port);
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, HasSubstr("certificate"));
  EXPECT_THAT(ended.err, HasSubstr("127.0.0.1:" + port));

  environment_["OCEAN__SSL__THIRD_PARTY__VERIFY"] = "false";
  const Ended loud = sync({});
  EXPECT_THAT(loud.err, HasSubstr("NOT checked")) << "turning the check off is said loudly";
  EXPECT_THAT(loud, ExitsWith(3)) << "what answers there is a page of HTML";
}

TEST_F(BadSourceTest, AKindThatTheServerDoesNotHaveIsIncomplete) {
  start({.spaces = 2, .total_records = 40});
  write("mapping.yaml", small_mapping({"machine", "widget"}));
  const Ended ended = sync({"--mapping", "mapping.yaml"});
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("widget"), HasSubstr("404")));
  EXPECT_EQ(identities(path("riptide.db")).size(), server_->total("machine"));
}

TEST_F(BadSourceTest, ADeadSpaceStopsNeitherTheOthersNorThePastingOfTheLastLine) {
  simulator::OctopusOptions options{.spaces = 5, .total_records = 500};

  start(std::move(options));
  plant_stale_row();
  const auto all = listed(*server_);
  server_.reset();

  options = {.spaces = 5, .total_records = 500};
  options.faults.rules = {{.target = "/Spaces-2/", .fault = Fault::kUnavailable, .times = 4 * 3},
                          {.target = "/Spaces-3/releases", .fault = Fault::kStatus, .status = 500, .times = 3}};
  options.faults.retry_after.reset();
  server_ = serve(std::move(options));
  point_at(server_->url());
  ASSERT_TRUE(server_->remove(server_->spaces()[0], "machine", stale_.second));
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, HasSubstr("Spaces-2"));
  const Report after = report();
  EXPECT_EQ(after.json()["scopes_total"].count(), 5u);
  EXPECT_EQ(after.total("deleted"), 0u);
  EXPECT_TRUE(identities(path("riptide.db")).contains(stale_)) << "nothing is deleted";
  std::set<std::string> open;
  for (const Json& scope : after.json()["scopes"].items()) {
    open.insert(scope["kind"].text() + " of " + scope["partition"].text());
    EXPECT_NE(scope["error"].text(), "");
  }
  EXPECT_THAT(open,
              ::testing::UnorderedElementsAre("project of Spaces-2", "release of Spaces-2", "deployment of Spaces-2",
                                              "machine of Spaces-2", "release of Spaces-3"));
  std::size_t elsewhere = 0;
  for (const std::string& space : server_->spaces()) {
    for (const char* const kind : {"project", "release", "deployment", "machine"}) {
      if (!open.contains(std::string(kind) + " of " + space)) elsewhere += server_->ids(space, kind).size();
    }
  }
  EXPECT_EQ(after.total("read"), elsewhere + 5) << "all others arrive";

  // The faults are used up: the command of the last line, in a shell, finishes the work.
  EXPECT_THAT(paste(ended), ExitsWith(0));
  EXPECT_EQ(identities(path("riptide.db")), listed(*server_));
}

TEST_F(BadSourceTest, A5xxForEverIsRetriedThenOpen) {
  simulator::OctopusOptions options{.spaces = 3, .total_records = 300};
  options.faults.rules = {{.target = "/Spaces-2/", .fault = Fault::kStatus, .status = 502}};
  start(std::move(options));
  const Ended ended = sync({"--sink", "ndjson:all.ndjson"});
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, HasSubstr("502"));
  EXPECT_EQ(report().json()["hosts"][0]["retries"].count(), 4u * 2u) << "three attempts each";
  EXPECT_FALSE(exists("all.ndjson"));
  EXPECT_GT(lines_of(read("all.ndjson.partial")).size(), 100u);
  EXPECT_THAT(ended.err, HasSubstr("all.ndjson.partial"));
}

TEST_F(BadSourceTest, APageOfHtmlIsNoPage) {
  simulator::OctopusOptions options{.spaces = 2, .total_records = 200};
  options.faults.rules = {{.target = "/Spaces-1/machines", .fault = Fault::kHtml}};
  start(std::move(options));
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("/Spaces-1/machines"), AnyOf(HasSubstr("JSON"), HasSubstr("HTML"))));
}

TEST_F(BadSourceTest, NothingButHtmlIsNoServer) {
  simulator::OctopusOptions options{.spaces = 2, .total_records = 200};
  options.faults.rules = {{.target = "", .fault = Fault::kHtml}};
  start(std::move(options));
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.err, HasSubstr("/api/spaces"));
}

TEST_F(BadSourceTest, ARecordThatIsNotAnObjectIsInvalidAndBlocksTheDeleting) {
  std::atomic<bool> good{true};
  const loopback::LoopbackServer octopus([&](const loopback::ReceivedRequest& request) {
    const auto listing = [](const std::string& items, int count) {
      return Reply::json("{\"Items\":[" + items +
                         "],\"ItemsPerPage\":50,\"LastPageNumber\":0,\"TotalResults\":" + std::to_string(count) + "}");
    };
    const std::string machine = R"({"Id":"Machines-1","SpaceId":"Spaces-1","Name":"one"})";
    if (request.path == "/api/spaces") return listing(R"({"Id":"Spaces-1","Name":"Default"})", 1);
    if (request.path != "/api/Spaces-1/machines") return listing("", 0);
    if (good) return listing(machine + R"(,{"Id":"Machines-2","SpaceId":"Spaces-1","Name":"two"})", 2);
    return listing(machine + R"(,17,"text",[{"Id":"Machines-3"}],null)", 5);
  });
  point_at(octopus.url());
  ASSERT_THAT(sync({}), ExitsWith(0));
  good = false;
  const Ended ended = sync({});
  ASSERT_THAT(ended, ExitsWith(1));
  EXPECT_EQ(report().of("machine", "invalid"), 4u);
  EXPECT_EQ(report().of("machine", "unchanged"), 1u);
  EXPECT_THAT(ended.err, HasSubstr("not an object"));
  EXPECT_TRUE(identities(path("riptide.db")).contains({"octopusMachine", "Machines-2"}));
  good = true;
  EXPECT_THAT(sync({}), ExitsWith(0));
}

TEST_F(BadSourceTest, APageThatIsNotUtf8IsReadWithReplacements) {
  const loopback::LoopbackServer octopus([&](const loopback::ReceivedRequest& request) {
    const auto listing = [](const std::string& items, int count) {
      return Reply::json("{\"Items\":[" + items +
                         "],\"ItemsPerPage\":50,\"LastPageNumber\":0,\"TotalResults\":" + std::to_string(count) + "}");
    };
    if (request.path == "/api/spaces") return listing(R"({"Id":"Spaces-1","Name":"Default"})", 1);
    if (request.path != "/api/Spaces-1/machines") return listing("", 0);
    return listing("{\"Id\":\"Machines-1\",\"SpaceId\":\"Spaces-1\",\"Name\":\"caf\xE9\"}", 1);
  });
  point_at(octopus.url());
  const Ended ended = sync({"--sink", "ndjson:all.ndjson"});
  ASSERT_THAT(ended, ExitsWith(0));
  EXPECT_THAT(read("all.ndjson"), HasSubstr("caf\xEF\xBF\xBD"));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("not UTF-8"), HasSubstr("/api/Spaces-1/machines")));
  EXPECT_EQ(report().json()["hosts"][0]["retries"].count(), 0u);
}

TEST_F(BadSourceTest, ACleanNullIdentifierIsInvalidAndDoesNotBlock) {
  start({.spaces = 1, .total_records = 80});
  write("mapping.yaml", small_mapping({"machine"}));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  const std::string space = server_->spaces()[0];
  const std::string victim = server_->ids(space, "machine")[3];
  const std::string gone = server_->ids(space, "machine")[4];
  ASSERT_TRUE(server_->remove(space, "machine", gone));
  write("mapping.yaml", small_mapping({"machine"}, "'if .Id == \"" + victim + "\" then null else .Id end'"));
  const Ended ended = sync({"--mapping", "mapping.yaml"});
  ASSERT_THAT(ended, ExitsWith(1));
  EXPECT_EQ(report().total("invalid"), 1u);
  EXPECT_THAT(ended.err, HasSubstr("identifier"));
  EXPECT_FALSE(identities(path("riptide.db")).contains({"octopusMachine", gone}));

  ASSERT_TRUE(server_->remove(space, "machine", server_->ids(space, "machine")[5]));
  write("mapping.yaml", small_mapping({"machine"}, "'if .Id == \"" + victim + "\" then error(\"no\") else .Id end'"));
  const Ended blocked = sync({"--mapping", "mapping.yaml"});
  ASSERT_THAT(blocked, ExitsWith(1));
  EXPECT_EQ(report().total("deleted"), 0u) << "an identity that could not be computed may be any of the rows";
  EXPECT_THAT(blocked.err, HasSubstr("nothing was deleted"));
}

TEST_F(BadSourceTest, FilteredRecordsAreCountedAndGo) {
  start({.spaces = 1, .total_records = 80});
  write("mapping.yaml", small_mapping({"machine"}));
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  std::string filtered = small_mapping({"machine"});
  filtered.replace(filtered.find("\"true\""), 6, "'.Id | endswith(\"3\") | not'");
  write("mapping.yaml", filtered);
  ASSERT_THAT(sync({"--mapping", "mapping.yaml"}), ExitsWith(0));
  EXPECT_GT(report().total("filtered"), 0u);
  EXPECT_EQ(report().total("filtered"), report().total("deleted"));
}

}  // namespace
}  // namespace riptide::e2e
