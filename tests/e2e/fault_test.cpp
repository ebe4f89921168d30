// The fault schedule and a source that moves, with the real program: what arrives is what arrives without them.
#include <atomic>
#include <map>
#include <mutex>
#include <random>

#include "seed.hpp"
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using simulator::Fault;
using ::testing::HasSubstr;

class FaultTest : public Workspace {
 protected:
  // Everything that a run leaves in a catalogue of its own.
  std::map<Identity, std::string> catalogue_of(const simulator::OctopusServer& server, const std::string& name,
                                               const std::vector<std::string>& flags = {}) {
    point_at(server.url());
    environment_["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "8";
    std::vector<std::string> arguments = {"--sink", "sqlite:" + name};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Ended ended = sync(arguments);
    EXPECT_THAT(ended, ExitsWith(0)) << name;
    return contents_of(path(name), server.url());
  }
};

TEST_F(FaultTest, TheScheduleChangesNothing) {
  const std::uint64_t seed = seed_of_this_run();
  simulator::OctopusOptions options{.spaces = 6, .total_records = 3000, .skew = 1, .seed = seed};
  const auto expected = catalogue_of(*serve(options), "faultless.db");
  ASSERT_EQ(expected.size(), 3006u);
  for (const bool gzip : {false, true}) {
    options.gzip = gzip;
    options.faults.rates = {.too_many_requests = 0.08,
                            .unavailable = 0.08,
                            .reset = 0.08,
                            .short_body = 0.08,
                            .truncated_json = 0.08,
                            .html = 0.08,
                            .drip = 0.02};
    options.faults.max_in_a_row = 4;
    options.faults.retry_after = std::chrono::seconds{1};  // Honoured up to the cap on retries, which is short here.
    const auto server = serve(options);
    EXPECT_EQ(catalogue_of(*server, gzip ? "gzip.db" : "faulty.db"), expected) << "seed " << seed;
    const auto stats = server->stats();
    for (const Fault fault : {Fault::kTooManyRequests, Fault::kUnavailable, Fault::kReset, Fault::kShortBody,
                              Fault::kTruncatedJson, Fault::kHtml}) {
      EXPECT_GT(stats.by_fault[static_cast<std::size_t>(fault)], 0u) << simulator::fault_name(fault);
    }
    const Json host = report().json()["hosts"][0];
    EXPECT_GE(host["retries"].count(), 30u);
    EXPECT_EQ(host["status_429"].count(), stats.by_fault[static_cast<std::size_t>(Fault::kTooManyRequests)]);
    EXPECT_EQ(host["requests"].count(), stats.requests);
  }
}

TEST_F(FaultTest, EachFaultAloneIsRetriedAndThenFine) {
  const simulator::OctopusOptions faultless{.spaces = 2, .total_records = 1600};  // Four pages a listing.
  const auto expected = catalogue_of(*serve(faultless), "faultless.db");
  for (const Fault fault : {Fault::kTooManyRequests, Fault::kUnavailable, Fault::kReset, Fault::kShortBody,
                            Fault::kTruncatedJson, Fault::kHtml, Fault::kDrip}) {
    auto options = faultless;
    options.faults.rules = {{.target = "/Spaces-1/releases", .fault = fault, .after = 1, .times = 2},
                            {.target = "/api/spaces", .fault = fault, .times = 1}};
    options.faults.retry_after.reset();
    const std::string name(simulator::fault_name(fault));
    EXPECT_EQ(catalogue_of(*serve(options), name + ".db"), expected) << name;
    EXPECT_EQ(report().json()["hosts"][0]["retries"].count(), fault == Fault::kDrip ? 0u : 3u) << name;
  }
}

TEST_F(FaultTest, ABusyServerIsNotAskedMoreThanWasAllowed) {
  simulator::OctopusOptions options{.spaces = 6, .total_records = 3000, .latency = std::chrono::milliseconds(1)};
  const auto server = serve(options);
  EXPECT_EQ(catalogue_of(*server, "narrow.db", {"--in-flight", "3"}).size(), 3006u);
  EXPECT_LE(server->stats().max_in_service, 3u);
  EXPECT_LE(report().json()["hosts"][0]["max_in_flight"].count(), 3u);
}

TEST_F(FaultTest, ASmallBudgetIsSlowAndWhole) {
  const auto server = serve({.spaces = 6, .total_records = 3000, .skew = 1});
  EXPECT_EQ(catalogue_of(*server, "small.db", {"--memory", "8MiB"}).size(), 3006u);
}

TEST_F(FaultTest, EveryReleaseThatWasThereThroughoutArrivesExactlyOnce) {
  // Releases are listed from the newest to the oldest: each that is made or deleted moves every page behind it.
  const std::uint64_t seed = seed_of_this_run();
  for (int round = 0; round < (soak() ? 20 : 3); ++round) {
    std::mt19937_64 random(seed + static_cast<std::uint64_t>(round));
    std::atomic<simulator::OctopusServer*> running{nullptr};
    std::set<std::string> deleted;  // Of the server's thread, until the run is over.
    int answers = 0;
    std::set<int> moves;  // Before which answers something happens.
    while (moves.size() < 6) moves.insert(static_cast<int>(2 + random() % 25));
    simulator::OctopusOptions options{.spaces = 1, .total_records = 0, .kinds = only("release", {1500})};
    options.before_answer = [&](std::string_view target) {
      simulator::OctopusServer* const server = running.load();
      if (server == nullptr || target.find("releases") == std::string_view::npos || !moves.contains(++answers)) return;
      const std::string space = server->spaces()[0];
      if (random() % 2 == 0) {
        server->create(space, "release");
      } else {
        const auto ids = server->ids(space, "release");
        const std::string& victim = ids[random() % ids.size()];
        deleted.insert(victim);
        server->remove(space, "release", victim);
      }
    };
    const auto server = serve(options);
    const auto before = server->ids(server->spaces()[0], "release");
    point_at(server->url());
    write("mapping.yaml", small_mapping({"release"}));
    running = server.get();
    const Ended ended = sync({"--mapping", "mapping.yaml", "--sink", "ndjson:-"});
    running = nullptr;
    // A listing that does not come to rest in three rounds is incomplete, which deletes nothing; nothing is lost by it.
    ASSERT_TRUE(ended.exit_code == 0 || ended.exit_code == 3) << "seed " << seed << "\n" << ended.err;
    const auto arrived = keys_of(lines_of(ended.out));  // Throws on a line that is there twice.
    if (ended.exit_code == 0) {
      for (const std::string& id : before) {
        EXPECT_TRUE(deleted.contains(id) || arrived.contains({blueprint_of("release"), id})) << id << " seed " << seed;
      }
    }
    EXPECT_GT(report().total("duplicate"), 0u) << "pages were read again";
  }
}

}  // namespace
}  // namespace riptide::e2e
