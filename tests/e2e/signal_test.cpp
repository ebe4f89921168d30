// SIGINT and SIGTERM: what is in flight is settled, nothing is deleted, the report is written; a second one stops at
// once.
#include <signal.h>

#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class SignalTest : public Workspace {
 protected:
  void start(std::chrono::milliseconds latency, std::size_t records = 5000) {
    server_ = serve({.spaces = 4, .total_records = records, .latency = latency});
    point_at(server_->url());
    environment_["OCEAN__RIPTIDE__IN_FLIGHT"] = "4";
  }
  std::unique_ptr<simulator::OctopusServer> server_;
};

TEST_F(SignalTest, StopsInOrderAndTheLastLineGoesOn) {
  start(10ms);
  // A row that the server does not have any more: a stopped run must leave it.
  Identity stale;
  {
    const auto quick = serve({.spaces = 4, .total_records = 5000});
    point_at(quick->url());
    ASSERT_THAT(sync({}), ExitsWith(0));
    point_at(server_->url());
    environment_["OCEAN__RIPTIDE__IN_FLIGHT"] = "4";
    const std::string space = server_->spaces()[0];
    stale = {blueprint_of("machine"), server_->ids(space, "machine")[0]};
    ASSERT_TRUE(server_->remove(space, "machine", stale.second));
  }
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    SCOPED_TRACE(code);
    std::filesystem::remove(path("report.json"));
    const auto asked_before = server_->stats().requests;
    const Command command = sync_command({});
    Process process(command);
    ASSERT_TRUE(eventually([&] { return server_->stats().requests > asked_before + 20; }));
    process.send(signal);
    const Ended ended = process.wait();
    ASSERT_THAT(ended, ExitsWith(code));
    check_end_of_sync(command, ended, read("report.json"));
    const Report stopped = report();
    EXPECT_EQ(stopped.json()["status"].text(), "stopped");
    EXPECT_EQ(stopped.total("deleted"), 0u);
    EXPECT_EQ(stopped.total("abandoned"), 0u) << "what was in flight is settled";
    EXPECT_GT(stopped.total("read"), 0u);
    EXPECT_LT(stopped.total("read"), 5003u);
    EXPECT_TRUE(identities(path("riptide.db")).contains(stale));
    EXPECT_THAT(ended.err, HasSubstr("nothing was deleted"));
    // Which server it was is in the settings: what was updated is what the report says.
    EXPECT_EQ(Database(path("riptide.db"))
                  .value("select count(*) from entities where run_id = '" + stopped.json()["run_id"].text() + "'"),
              std::to_string(stopped.total("created") + stopped.total("updated")));
    if (signal == SIGTERM) {
      EXPECT_THAT(paste(ended), ExitsWith(0));
      EXPECT_EQ(identities(path("riptide.db")), listed(*server_));
    }
  }
}

TEST_F(SignalTest, NdjsonStaysPartial) {
  start(10ms);
  const Command command = sync_command({"--sink", "ndjson:all.ndjson"});
  Process process(command);
  ASSERT_TRUE(eventually([&] { return server_->stats().requests > 20; }));
  process.send(SIGTERM);
  const Ended ended = process.wait();
  ASSERT_THAT(ended, ExitsWith(143));
  check_end_of_sync(command, ended, read("report.json"));
  EXPECT_FALSE(exists("all.ndjson"));
  EXPECT_EQ(lines_of(read("all.ndjson.partial")).size(), report().total("updated"));
  EXPECT_THAT(ended.err, HasSubstr("all.ndjson.partial"));
}

TEST_F(SignalTest, PortGetsWhatWasReadAndNoDeletion) {
  start(10ms);
  FakePort port;
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  port.put({"octopusMachine", "stale"}, "port-ocean/octopus/0.2.166/my-octopus-integration/exporter");
  const Command command = sync_command({});
  Process process(command);
  ASSERT_TRUE(eventually([&] { return port.count("upsert") > 10; }));
  process.send(SIGINT);
  const Ended ended = process.wait();
  ASSERT_THAT(ended, ExitsWith(130));
  check_end_of_sync(command, ended, read("report.json"));
  EXPECT_EQ(port.count("delete"), 0u);
  EXPECT_TRUE(port.has({"octopusMachine", "stale"}));
  EXPECT_EQ(port.catalogue().size(), report().total("created") + 1);
}

TEST_F(SignalTest, ASecondSignalStopsAtOnce) {
  start(60s, 100);  // A server that does not answer: the first signal would wait for it.
  const Command command = sync_command({});
  Process process(command);
  ASSERT_TRUE(eventually([&] { return server_->stats().requests > 0; }));
  process.send(SIGINT);
  ASSERT_TRUE(eventually([&] { return process.err().find("SIGINT") != std::string::npos; })) << process.err();
  ASSERT_TRUE(process.running()) << "what is in flight is waited for";
  process.send(SIGTERM);
  EXPECT_TRUE(eventually([&] { return !process.running(); }, 20s));
  const Ended ended = process.wait();
  EXPECT_THAT(ended, ExitsWith(130)) << "the first signal names the code";
  EXPECT_EQ(ended.last_line().find(riptide_path()), 0u) << ended.err;
}

TEST_F(SignalTest, PortIsToldOfARunThatASecondSignalStopped) {
  start(60s, 100);
  FakePort port;
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  Process process(sync_command({}));
  ASSERT_TRUE(eventually([&] { return server_->stats().requests > 0 && port.count("resync_state") > 0; }));
  process.send(SIGINT);
  ASSERT_TRUE(eventually([&] { return process.err().find("SIGINT") != std::string::npos; })) << process.err();
  process.send(SIGINT);
  EXPECT_THAT(process.wait(), ExitsWith(130));
  EXPECT_EQ(Json::parse(port.bodies("resync_state").back())["status"].text(), "aborted");

  // A kill tells nothing; the next run does.
  Process killed(sync_command({}));
  ASSERT_TRUE(eventually([&] { return port.count("resync_state") > 2; }));
  killed.send(SIGKILL);
  (void)killed.wait();
  EXPECT_EQ(Json::parse(port.bodies("resync_state").back())["status"].text(), "running");
  const auto quick = serve({.spaces = 4, .total_records = 100});
  point_at(quick->url());
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(Json::parse(port.bodies("resync_state").back())["status"].text(), "completed");
}

TEST_F(SignalTest, APortThatDoesNotAnswerDoesNotHoldASecondSignalUp) {
  start(60s, 100);
  std::atomic<bool> silent{false};
  FakePort::Options options;
  options.instead = [&](const loopback::ReceivedRequest&) -> std::optional<loopback::Reply> {
    if (silent) return loopback::Reply::json("{}").with_delay(30s);
    return std::nullopt;
  };
  FakePort port(options);
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  Process process(sync_command({}));
  ASSERT_TRUE(eventually([&] { return server_->stats().requests > 0 && port.count("resync_state") > 0; }));
  silent = true;
  process.send(SIGINT);
  ASSERT_TRUE(eventually([&] { return process.err().find("SIGINT") != std::string::npos; })) << process.err();
  process.send(SIGINT);
  EXPECT_TRUE(eventually([&] { return !process.running(); }, 5s));
  EXPECT_THAT(process.wait(), ExitsWith(130));
}

TEST_F(SignalTest, AStopWhileWaitingForARetryIsPrompt) {
  simulator::OctopusOptions options{.spaces = 2, .total_records = 100};
  options.faults.rules = {{.target = "machines", .fault = simulator::Fault::kUnavailable}};
  options.faults.retry_after = 3600s;
  server_ = serve(options);
  point_at(server_->url());
  environment_["OCEAN__RIPTIDE__RETRY_CAP"] = "3600s";
  const Command command = sync_command({});
  Process process(command);
  ASSERT_TRUE(eventually([&] { return process.err().find("503") != std::string::npos; })) << process.err();
  process.send(SIGTERM);
  EXPECT_TRUE(eventually([&] { return !process.running(); }, 20s));
  const Ended ended = process.wait();
  EXPECT_THAT(ended, ExitsWith(143));
  check_end_of_sync(command, ended, read("report.json"));
}

TEST_F(SignalTest, AStopWhilePortIsAskedForTheMappingIsPrompt) {
  server_ = serve({.spaces = 1, .total_records = 10});
  point_at(server_->url());
  FakePort port({.instead = [](const loopback::ReceivedRequest& request) {
    std::optional<loopback::Reply> reply;
    if (request.method == "GET") reply = loopback::Reply::json("{}").with_delay(60s);
    return reply;
  }});
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  const Command command = sync_command({});
  Process process(command);
  ASSERT_TRUE(port.server().wait_for_requests(2));
  process.send(SIGINT);
  EXPECT_TRUE(eventually([&] { return !process.running(); }, 20s));
  const Ended ended = process.wait();
  EXPECT_THAT(ended, ExitsWith(130));
  check_end_of_sync(command, ended, read("report.json"));
}

}  // namespace
}  // namespace riptide::e2e
