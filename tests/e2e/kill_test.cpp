// SIGKILL at random moments: the catalogue never loses a row early, is never damaged, and always ends whole.
#include <signal.h>

#include <functional>
#include <random>
#include <thread>

#include "fake_port.hpp"
#include "seed.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using Clock = std::chrono::steady_clock;

class KillTest : public Workspace {
 protected:
  KillTest() : random_(seed_of_this_run()) {}

  // Makes, changes and removes some records of every kind.
  void change(simulator::OctopusServer& server) {
    for (const std::string& space : server.spaces()) {
      for (const char* const kind : {"project", "release", "deployment", "machine"}) {
        for (int i = 0; i < 3; ++i) {
          server.create(space, kind);
          const auto ids = server.ids(space, kind);
          server.update(space, kind, ids[random_() % ids.size()]);
          const std::string victim = ids[random_() % ids.size()];
          if (ids.size() > 5) server.remove(space, kind, victim);
        }
      }
    }
  }

  // Starts a run and kills it somewhere between its start and a bit past its usual end. True if the kill came in time.
  bool kill_one_run(Clock::duration usual, const std::vector<std::string>& arguments) {
    Command command = sync_command(arguments);
    Process process(command);
    const auto moment = std::chrono::duration_cast<std::chrono::microseconds>(usual).count() *
                        static_cast<std::int64_t>(random_() % 1100) / 1000;
    const auto end = Clock::now() + std::chrono::microseconds(moment);
    while (Clock::now() < end && process.running()) std::this_thread::sleep_for(std::chrono::microseconds(200));
    process.send(SIGKILL);
    return process.wait().signal == SIGKILL;
  }

  // What must be there whatever happened since `before`: all of it that is still listed.
  static std::vector<Identity> missing(const std::set<Identity>& before, const std::set<Identity>& now,
                                       const std::set<Identity>& still_listed) {
    std::vector<Identity> gone;
    for (const Identity& identity : before) {
      if (still_listed.contains(identity) && !now.contains(identity)) gone.push_back(identity);
    }
    return gone;
  }

  std::mt19937_64 random_;
};

TEST_F(KillTest, TheCatalogueAlwaysEndsEqualToTheExpectedSet) {
  const int kills = soak() ? 50 : 5;
  // In the long form there is more than the catalogue commits at once, so that kills leave halves.
  const std::size_t records = soak() ? 70'000 : 4'000;
  const auto server = serve({.spaces = 6,
                             .total_records = records,
                             .skew = 1,
                             .record_bytes = 0,
                             .latency = std::chrono::microseconds(soak() ? 0 : 1000)});
  point_at(server->url());
  environment_["OCEAN__INTEGRATION__CONFIG__PAGE_SIZE"] = soak() ? "500" : "50";
  const auto began = Clock::now();
  ASSERT_THAT(sync({}), ExitsWith(0));
  const auto usual = Clock::now() - began;
  ASSERT_EQ(identities(path("riptide.db")), listed(*server));

  int in_time = 0;
  for (int i = 0; i < kills; ++i) {
    SCOPED_TRACE("kill " + std::to_string(i) + ", seed " + std::to_string(seed_of_this_run()));
    change(*server);
    if (soak() && i % 5 == 0) std::filesystem::remove(path("riptide.db"));  // A first run is killed too.
    const auto before = identities(path("riptide.db"));
    in_time += kill_one_run(usual, {}) ? 1 : 0;
    EXPECT_EQ(integrity(path("riptide.db")), "ok");
    const auto now = identities(path("riptide.db"));
    EXPECT_EQ(missing(before, now, listed(*server)), std::vector<Identity>{}) << "deleted early";
    if (random_() % 3 == 0) continue;  // Several kills in a row.
    ASSERT_THAT(sync({}), ExitsWith(0));
    EXPECT_EQ(identities(path("riptide.db")), listed(*server));
  }
  EXPECT_GT(in_time, 0) << "no kill hit a run";
  ASSERT_THAT(sync({}), ExitsWith(0));
  EXPECT_EQ(identities(path("riptide.db")), listed(*server));
  EXPECT_EQ(integrity(path("riptide.db")), "ok");
  const auto whole = contents_of(path("riptide.db"));
  ASSERT_THAT(sync({"--sink", "sqlite:fresh.db"}), ExitsWith(0));
  EXPECT_EQ(whole, contents_of(path("fresh.db"))) << "the contents too are those of a run into a new file";
}

TEST_F(KillTest, AWholeFileIsNeverReplacedByAHalf) {
  const auto server = serve({.spaces = 4, .total_records = 3000, .latency = std::chrono::milliseconds(1)});
  point_at(server->url());
  const auto began = Clock::now();
  ASSERT_THAT(sync({"--sink", "ndjson:all.ndjson"}), ExitsWith(0));
  const auto usual = Clock::now() - began;
  std::string whole = read("all.ndjson");
  for (int i = 0; i < (soak() ? 20 : 3); ++i) {
    const bool killed = kill_one_run(usual, {"--sink", "ndjson:all.ndjson"});
    const auto lines = lines_of(read("all.ndjson"));
    EXPECT_EQ(keys_of(lines), listed(*server)) << (killed ? "killed" : "not killed");
  }
  ASSERT_THAT(sync({"--sink", "ndjson:all.ndjson"}), ExitsWith(0));
  EXPECT_FALSE(exists("all.ndjson.partial"));
}

TEST_F(KillTest, PortLosesNothingEarly) {
  const auto server = serve({.spaces = 3, .total_records = 1000, .latency = std::chrono::milliseconds(1)});
  point_at(server->url());
  FakePort port;
  for (const auto& [name, value] : port.environment()) environment_[name] = value;
  const auto began = Clock::now();
  ASSERT_THAT(sync({}), ExitsWith(0));
  const auto usual = Clock::now() - began;
  for (int i = 0; i < (soak() ? 20 : 3); ++i) {
    SCOPED_TRACE("kill " + std::to_string(i) + ", seed " + std::to_string(seed_of_this_run()));
    change(*server);
    const auto before = keys_of(port.catalogue());
    kill_one_run(usual, {});
    EXPECT_EQ(missing(before, keys_of(port.catalogue()), listed(*server)), std::vector<Identity>{}) << "deleted early";
  }
  ASSERT_THAT(sync({}), ExitsWith(0));
  // What is gone from the source stays as long as something that is there relates to it.
  const auto catalogue = port.catalogue();
  const std::set<Identity> there = listed(*server);
  std::set<Identity> expected = there;
  for (const auto& [identity, entity] : catalogue) {
    const auto relations = there.contains(identity) ? Json::parse(entity).find("relations") : std::nullopt;
    if (!relations) continue;
    for (const std::string& name : relations->keys()) {
      const Identity target(blueprint_of(name), (*relations)[name].text());
      if (catalogue.contains(target)) expected.insert(target);
    }
  }
  EXPECT_EQ(keys_of(catalogue), expected);
}

// A chain of runs, each killed and gone on from by the next, until one comes to its end. Faults on the source's side
// all the while.
class KillAndResumeTest : public KillTest {
 protected:
  std::unique_ptr<simulator::OctopusServer> serve_with_faults(std::size_t records) {
    simulator::OctopusOptions options{.spaces = 5, .total_records = records, .skew = 1, .record_bytes = 0};
    options.latency = std::chrono::milliseconds(2);
    options.faults.rates = {.too_many_requests = 0.03,
                            .unavailable = 0.03,
                            .reset = 0.03,
                            .short_body = 0.03,
                            .truncated_json = 0.03,
                            .html = 0.03};
    options.faults.retry_after.reset();
    auto server = serve(options);
    point_at(server->url());
    environment_["OCEAN__INTEGRATION__CONFIG__PAGE_SIZE"] = "20";
    environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "8";
    return server;
  }

  struct Chain {
    int killed = 0;
    bool complete = false;  // The last run came to its end before it could be killed.
  };
  // Kills up to `kills` runs in a row; `after_each` looks at what is there.
  Chain kill_chain(int kills, Clock::duration usual, const std::vector<std::string>& arguments,
                   const std::function<void()>& after_each) {
    Chain chain;
    std::vector<std::string> again = arguments;
    again.emplace_back("--resume");
    for (int i = 0; i < kills; ++i) {
      SCOPED_TRACE("kill " + std::to_string(i) + ", seed " + std::to_string(seed_of_this_run()));
      if (!kill_one_run(i == 0 ? usual : usual / 3, i == 0 ? arguments : again)) {
        chain.complete = true;
        break;
      }
      ++chain.killed;
      after_each();
    }
    return chain;
  }
};

TEST_F(KillAndResumeTest, TheCatalogueEndsEqualToTheExpectedSet) {
  const int kills = soak() ? 50 : 5;
  const auto server = serve_with_faults(3000);
  const auto began = Clock::now();
  ASSERT_THAT(sync({}), ExitsWith(0));
  const auto usual = Clock::now() - began;
  int in_time = 0;
  for (int chain = 0; in_time < kills; ++chain) {
    ASSERT_LT(chain, 10 * kills) << "kills do not hit";
    SCOPED_TRACE("chain " + std::to_string(chain) + ", seed " + std::to_string(seed_of_this_run()));
    change(*server);
    const auto before = identities(path("riptide.db"));
    const Chain killed = kill_chain(1 + static_cast<int>(random_() % 3), usual, {}, [&] {
      EXPECT_EQ(integrity(path("riptide.db")), "ok");
      EXPECT_EQ(missing(before, identities(path("riptide.db")), listed(*server)), std::vector<Identity>{});
    });
    in_time += killed.killed;
    // Now and then the source moves while nobody reads: then a run that goes on loses nothing, and the next one has
    // all.
    const bool moves = random_() % 3 == 0;
    if (moves) change(*server);
    ASSERT_THAT(sync({"--resume"}), ExitsWith(0));
    EXPECT_EQ(missing(before, identities(path("riptide.db")), listed(*server)), std::vector<Identity>{});
    if (moves) {
      ASSERT_THAT(sync({}), ExitsWith(0));
    }
    EXPECT_EQ(identities(path("riptide.db")), listed(*server));
  }
  const auto whole = contents_of(path("riptide.db"));
  ASSERT_THAT(sync({"--sink", "sqlite:fresh.db"}), ExitsWith(0));
  EXPECT_EQ(whole, contents_of(path("fresh.db")));
  const auto views = [this](const char* file) {
    return Database(path(file)).rows("SELECT name, sql FROM sqlite_schema WHERE type = 'view' ORDER BY name");
  };
  EXPECT_EQ(views("riptide.db"), views("fresh.db")) << "views know what was written before a kill";
}

TEST_F(KillAndResumeTest, PortIsSentNothingTwiceButWhatWasOnItsWay) {
  // Sent and not yet settled at once: 8 requests, as many answers that wait for their turn, 20 entities each.
  constexpr std::size_t kOnTheWay = 2 * 8 * 20;
  const int kills = soak() ? 50 : 5;
  const auto server = serve_with_faults(1500);
  // The time of an undisturbed run.
  Clock::duration usual{};
  {
    FakePort port;
    for (const auto& [name, value] : port.environment()) environment_[name] = value;
    const auto began = Clock::now();
    ASSERT_THAT(sync({}), ExitsWith(0));
    usual = Clock::now() - began;
  }
  int in_time = 0;
  std::size_t sent_again = 0;
  for (int chain = 0; in_time < kills; ++chain) {
    ASSERT_LT(chain, 10 * kills) << "kills do not hit";
    SCOPED_TRACE("chain " + std::to_string(chain) + ", seed " + std::to_string(seed_of_this_run()));
    FakePort::Options options;
    for (std::size_t after : {3, 20, 21, 60}) {
      options.interfere.push_back(
          {.route = "upsert",
           .reply = [](const loopback::Reply&) { return loopback::Reply::json("{}").with_status(503); },
           .after = after,
           .times = 1});
    }
    FakePort port(options);
    for (const auto& [name, value] : port.environment()) environment_[name] = value;
    // Of a run long ago, not listed any more.
    const Identity stale{blueprint_of("project"), "Projects-gone"};
    port.put(stale, "port-ocean/octopus/0.2.166/my-octopus-integration/exporter");
    const Chain killed = kill_chain(1 + static_cast<int>(random_() % 4), usual, {}, [&] {
      // A run may be killed after it deleted, before it forgot its journal.
      EXPECT_TRUE(port.has(stale) || keys_of(port.catalogue()) == listed(*server)) << "deleted while scopes were open";
    });
    in_time += killed.killed;
    bool complete = killed.complete;
    if (!complete) {
      const Ended last = sync({"--resume"});
      ASSERT_THAT(last, ExitsWith(0));
      // Killed after its end: there was nothing to go on from.
      complete = last.err.find("no unfinished run") != std::string::npos;
    }
    EXPECT_EQ(keys_of(port.catalogue()), listed(*server));
    EXPECT_EQ(port.deletions(), std::vector<Identity>{stale});
    std::size_t again = 0;
    for (const Identity& identity : listed(*server)) again += port.upserts_of(identity) - 1;
    if (complete) continue;
    EXPECT_LE(again, static_cast<std::size_t>(killed.killed) * kOnTheWay);
    sent_again += again;
  }
  RecordProperty("sent_again_a_kill", std::to_string(sent_again / static_cast<std::size_t>(in_time)));
}

}  // namespace
}  // namespace riptide::e2e
