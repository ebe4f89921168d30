// A run that did not come to its end, and one that goes on from it: what is read again, what is sent again, what is
// said, and when it is refused.
#include <signal.h>

#include "fake_port.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using simulator::Fault;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class ResumeTest : public Workspace {
 protected:
  ResumeTest() { environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "1"; }
};

TEST_F(ResumeTest, AfterAnIncompleteRunOnlyWhatIsMissingIsRead) {
  simulator::OctopusOptions options{.spaces = 4, .total_records = 1600};
  options.faults.rules = {
      {.target = "/Spaces-2/machines", .fault = Fault::kStatus, .status = 404, .after = 1, .times = 3}};
  const auto server = serve(options);
  point_at(server->url());
  environment_["OCEAN__INTEGRATION__CONFIG__PAGE_SIZE"] = "10";
  const Ended first = sync({"--sink", "sqlite:a.db"});
  ASSERT_THAT(first, ExitsWith(3));
  EXPECT_THAT(first.last_line(), EndsWith(" --resume"));
  const auto asked = server->stats().requests;
  // 10 pages of 100 machines, 3 of which failed; the rest was given up.
  const Ended second = paste(first);
  ASSERT_THAT(second, ExitsWith(0));
  EXPECT_THAT(second.err, HasSubstr("goes on from run"));
  EXPECT_LE(server->stats().requests - asked, 11u);
  EXPECT_EQ(identities(path("a.db")), listed(*server));
  const Json resumed = report().json()["resumed"];
  EXPECT_EQ(resumed["run_ids"].items().size(), 1u);
  EXPECT_GT(resumed["records"].count(), 1400u);
  EXPECT_EQ(report().total("created"), 1604u) << "those of the run before included";
  EXPECT_EQ(report().total("abandoned"), 0u);
  // It is complete: nothing is left to go on from.
  const Ended third = sync({"--sink", "sqlite:a.db", "--resume"});
  EXPECT_THAT(third, ExitsWith(0));
  EXPECT_THAT(third.err, HasSubstr("no unfinished run"));
  EXPECT_EQ(report().total("unchanged"), 1604u);
  EXPECT_FALSE(report().json().find("resumed").has_value());
}

TEST_F(ResumeTest, DeletesWaitUntilEverythingIsReadAndThenHappen) {
  const auto options = [](bool dead) {
    simulator::OctopusOptions o{.spaces = 3, .total_records = 600};
    if (dead)
      o.faults.rules = {
          {.target = "/Spaces-3/projects", .fault = Fault::kStatus, .status = 404, .after = 1, .times = 1}};
    return o;
  };
  const auto server = serve(options(true));
  point_at(server->url());
  // A first run asks for these pages too: its requests use up the rule's `after`.
  ASSERT_THAT(sync({"--sink", "sqlite:a.db"}), ExitsWith(0));
  const auto before = identities(path("a.db"));
  const std::string gone = server->ids("Spaces-1", "machine").front();
  server->remove("Spaces-1", "machine", gone);
  const Ended first = sync({"--sink", "sqlite:a.db"});
  ASSERT_THAT(first, ExitsWith(3)) << first;
  EXPECT_EQ(identities(path("a.db")), before) << "nothing may go while a scope is open";
  ASSERT_THAT(sync({"--sink", "sqlite:a.db", "--resume"}), ExitsWith(0));
  EXPECT_EQ(identities(path("a.db")), listed(*server));
  EXPECT_EQ(report().total("deleted"), 1u);
}

TEST_F(ResumeTest, AStoppedRunGoesOnWhereItWasStopped) {
  const auto server = serve({.spaces = 5, .total_records = 3000, .latency = std::chrono::milliseconds(20)});
  point_at(server->url());
  Process running(sync_command({"--sink", "sqlite:a.db", "--in-flight", "2"}));
  ASSERT_TRUE(eventually([&] { return server->stats().requests > 25; }));
  running.send(SIGTERM);
  const Ended stopped = running.wait();
  ASSERT_THAT(stopped, ExitsWith(143));
  EXPECT_THAT(stopped.last_line(), EndsWith(" --resume"));
  const auto there = identities(path("a.db")).size();
  EXPECT_GT(there, 300u);
  ASSERT_THAT(sync({"--sink", "sqlite:a.db", "--resume"}), ExitsWith(0));
  EXPECT_EQ(identities(path("a.db")), listed(*server));
  // What was in flight was settled: everything of the run before counts, and nothing twice.
  EXPECT_EQ(report().total("created"), 3005u);
  EXPECT_GE(report().json()["resumed"]["records"].count(), there - 5);
}

TEST_F(ResumeTest, WhatHangsOnOtherTermsIsRefusedWithTheReason) {
  const auto server = serve({.spaces = 2, .total_records = 400, .latency = std::chrono::milliseconds(20)});
  point_at(server->url());
  const std::vector<std::string> usual = {"--sink", "sqlite:a.db", "--in-flight", "1"};
  Process running(sync_command(usual));
  ASSERT_TRUE(eventually([&] { return server->stats().requests > 5; }));
  running.send(SIGTERM);
  ASSERT_THAT(running.wait(), ExitsWith(143));
  const auto asked = server->stats().requests;

  const auto refused = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"--resume"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = sync(arguments);
    EXPECT_THAT(ended, ExitsWith(2)) << ended;
    return ended.err;
  };
  EXPECT_THAT(refused({"--sink", "sqlite:a.db", "--kind", "project"}), HasSubstr("other kinds were read"));
  write("mapping.yaml", small_mapping({"project"}));
  EXPECT_THAT(refused({"--sink", "sqlite:a.db", "--mapping", "mapping.yaml"}), HasSubstr("the mapping is another one"));
  environment_["OCEAN__INTEGRATION__CONFIG__PAGE_SIZE"] = "20";
  EXPECT_THAT(refused({"--sink", "sqlite:a.db"}), HasSubstr("the source's settings are others"));
  environment_.erase("OCEAN__INTEGRATION__CONFIG__PAGE_SIZE");
  EXPECT_THAT(refused({"--sink", "sqlite:a.db", "--sink", "ndjson:b.ndjson"}),
              HasSubstr("cannot go on into ndjson:b.ndjson"));
  EXPECT_THAT(refused({"--sink", "null"}), HasSubstr("cannot go on into null"));
  EXPECT_EQ(server->stats().requests, asked) << "nobody was contacted";

  environment_["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = "API-ANOTHER";
  std::filesystem::rename(path("a.db"), path("kept.db"));
  EXPECT_THAT(refused(usual), HasSubstr("its catalogue was removed or replaced"));
  std::filesystem::rename(path("kept.db"), path("a.db"));
  ASSERT_THAT(sync({"--sink", "sqlite:a.db", "--resume"}), ExitsWith(0)) << "a new key is no reason";
  EXPECT_EQ(identities(path("a.db")), listed(*server));
}

TEST_F(ResumeTest, AnOldJournalIsRefused) {
  const auto server = serve({.spaces = 2, .total_records = 400, .latency = std::chrono::milliseconds(20)});
  point_at(server->url());
  Process running(sync_command({"--sink", "sqlite:a.db", "--in-flight", "1", "--state", "state.db"}));
  ASSERT_TRUE(eventually([&] { return server->stats().requests > 5; }));
  running.send(SIGTERM);
  ASSERT_THAT(running.wait(), ExitsWith(143));
  Database(path("state.db")).execute("UPDATE journal SET begun = begun - 86500");
  const Ended refused = sync({"--sink", "sqlite:a.db", "--state", "state.db", "--resume"});
  EXPECT_THAT(refused, ExitsWith(2));
  EXPECT_THAT(refused.err, HasSubstr("24 hours ago"));
  // Damage too.
  Database(path("state.db")).execute("UPDATE journal SET begun = begun + 86500");
  Database(path("state.db")).execute("UPDATE journal_scopes SET entry = substr(entry, 2)");
  const Ended damaged = sync({"--sink", "sqlite:a.db", "--state", "state.db", "--resume"});
  EXPECT_THAT(damaged, ExitsWith(2));
  EXPECT_THAT(damaged.err, HasSubstr("damaged"));
  const Ended anew = sync({"--sink", "sqlite:a.db", "--state", "state.db"});
  EXPECT_THAT(anew, ExitsWith(0));
  EXPECT_THAT(anew.err, HasSubstr("did not come to its end: it is forgotten, and everything is read"));
  EXPECT_EQ(identities(path("a.db")), listed(*server));
}

TEST_F(ResumeTest, WithoutAJournalItSaysSoAndReadsEverything) {
  const auto server = serve({.spaces = 2, .total_records = 200});
  point_at(server->url());
  const Ended ended = sync({"--sink", "sqlite:a.db", "--resume"});
  EXPECT_THAT(ended, ExitsWith(0));
  EXPECT_THAT(ended.err, HasSubstr("there is no unfinished run to go on from: everything is read"));
  EXPECT_EQ(identities(path("a.db")), listed(*server));
}

TEST_F(ResumeTest, ARunThatSettledNothingLeavesNothingToGoOnFrom) {
  point_at("http://127.0.0.1:1");
  const Ended ended = sync({"--sink", "sqlite:a.db"});
  EXPECT_THAT(ended, ExitsWith(3));
  EXPECT_THAT(ended.last_line(), Not(HasSubstr("--resume")));
}

TEST_F(ResumeTest, APortThatFailsHalfWayIsGoneOnWith) {
  const auto server = serve({.spaces = 3, .total_records = 900});
  point_at(server->url());
  FakePort::Options options;
  options.interfere = {{.route = "upsert",
                        .reply = [](const loopback::Reply&) { return loopback::Reply::json("{}").with_status(403); },
                        .after = 20,
                        .times = 1}};
  FakePort port(options);
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  const Ended first = sync({});
  ASSERT_THAT(first, ExitsWith(4)) << first;
  EXPECT_THAT(first.last_line(), EndsWith(" --resume"));
  const auto sent = [&] {
    std::size_t count = 0;
    for (const auto& [identity, json] : port.catalogue()) count += port.upserts_of(identity);
    return count;
  };
  const std::size_t before = sent();
  const std::size_t there = port.catalogue().size();
  EXPECT_GE(there, 400u);
  ASSERT_THAT(sync({"--resume"}), ExitsWith(0));
  EXPECT_EQ(keys_of(port.catalogue()), listed(*server));
  EXPECT_EQ(sent() - before, 903u - there) << "what Port had confirmed was not sent again";
  EXPECT_TRUE(port.deletions().empty());
}

}  // namespace
}  // namespace riptide::e2e
