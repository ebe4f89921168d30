#include "riptide/stages/resync.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "memory_sink.hpp"
#include "octopus_mapping.hpp"
#include "riptide/json/document.hpp"

namespace riptide::stages {
namespace {

using pipeline::RunStatus;
using simulator::Fault;
using ::testing::Contains;
using ::testing::HasSubstr;

class ResyncTest : public ::testing::TestWithParam<int> {
 protected:
  ResyncSetup setup_for(const simulator::OctopusServer& server) const {
    ResyncSetup setup;
    setup.url = server.url();
    setup.options.threads = GetParam();
    return setup;
  }
};

TEST_P(ResyncTest, ReadsEverythingOnceAndThenFindsItUnchanged) {
  const auto server = serve({.spaces = 7, .total_records = 3000, .skew = 1.2, .api_key = "API-KEY"});
  MemoryCatalogue catalogue;
  const ResyncSetup setup = setup_for(*server);
  const auto first = run(
      setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{.max_records = 20, .one_blueprint = true})));
  EXPECT_EQ(first.exit_code, 0);
  EXPECT_EQ(total(first).read, 3007u);
  EXPECT_EQ(total(first).created, 3007u);
  EXPECT_EQ(catalogue.entities.size(), 3007u);
  EXPECT_EQ(catalogue.largest_batch, 20u);
  EXPECT_TRUE(catalogue.finished_whole);
  EXPECT_EQ(first.kinds.size(), 5u);
  EXPECT_EQ(first.kinds[1].scopes_closed, 7u);
  EXPECT_EQ(first.scopes_total, 0u);

  const auto second = run(
      setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{.max_records = 20, .one_blueprint = true})));
  EXPECT_EQ(total(second).unchanged, 3007u);
  EXPECT_EQ(total(second).created + total(second).updated, 0u);
  EXPECT_EQ(second.exit_code, 0);
}

TEST_P(ResyncTest, TheListOfSpacesIsReadOnce) {
  const auto server = serve({.spaces = 5, .total_records = 20});
  MemoryCatalogue catalogue;
  const auto report = run(setup_for(*server), sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(server->stats().requests, 1u + 5u * 4u);
}

TEST_P(ResyncTest, DeletesWhatDisappearedAndNothingWhenAScopeIsOpen) {
  const auto server = serve({.spaces = 4, .total_records = 400});
  MemoryCatalogue catalogue;
  ResyncSetup setup = setup_for(*server);
  (void)run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  const std::string space = server->spaces()[0];
  const std::string gone = server->ids(space, "machine")[0];
  ASSERT_TRUE(server->remove(space, "machine", gone));

  // The same server with a space that answers 404 for its releases.
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(total(report).deleted, 1u);
  EXPECT_FALSE(catalogue.entities.contains({"machine", gone}));
  EXPECT_EQ(catalogue.entities.size(), listed(*server));

  setup.options.delete_stale = false;
  setup.options.no_delete_reason = "--no-delete";
  ASSERT_TRUE(server->remove(space, "machine", server->ids(space, "machine")[0]));
  const auto kept = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(total(kept).deleted, 0u);
  EXPECT_EQ(kept.deletion, "--no-delete");
}

TEST_P(ResyncTest, AThresholdTripDeletesNothingAndSaysTheNumbers) {
  const auto server = serve({.spaces = 2, .total_records = 100});
  MemoryCatalogue catalogue;
  catalogue.entities[{"machine", "Machines-old"}] = "{}";
  for (int i = 0; i < 300; ++i) catalogue.entities[{"machine", "old-" + std::to_string(i)}] = "{}";
  ResyncSetup setup = setup_for(*server);
  setup.mapping.deletion_threshold = 0.5;
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 5);
  EXPECT_EQ(report.status, RunStatus::kGuarded);
  EXPECT_EQ(report.guard.stale, 301u);
  EXPECT_EQ(report.guard.owned, 301u + 102u);
  EXPECT_EQ(catalogue.removed, 0u);
}

TEST_P(ResyncTest, EveryReleaseThatWasThereThroughoutArrivesExactlyOnce) {
  // Releases are listed from the newest to the oldest: each that is made or deleted moves every page behind it.
  std::atomic<int> answers{0};
  std::atomic<simulator::OctopusServer*> running{nullptr};
  simulator::OctopusOptions options;
  options.spaces = 1;
  options.kinds = {{.name = "release", .records_per_space = {1000}}};
  options.total_records = 0;
  std::mutex mutex;
  std::set<std::string> deleted;
  options.before_answer = [&](std::string_view target) {
    simulator::OctopusServer* server = running.load();
    if (server == nullptr || target.find("releases") == std::string_view::npos) return;
    const int n = ++answers;
    const std::string space = server->spaces()[0];
    if (n == 5 || n == 9 || n == 16) server->create(space, "release");
    if (n == 14 || n == 16) {  // The last time both at once: the total stands still.
      const std::lock_guard lock(mutex);
      const std::string victim = server->ids(space, "release")[n == 14 ? 700 : 950];
      deleted.insert(victim);
      server->remove(space, "release", victim);
    }
  };
  const auto server = serve(std::move(options));
  const auto before = server->ids(server->spaces()[0], "release");
  running = server.get();
  MemoryCatalogue catalogue;
  ResyncSetup setup = setup_for(*server);
  setup.mapping.resources = {resource_of("release", "release")};
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  running = nullptr;
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(report.scopes_total, 0u) << "the listing came to rest";
  for (const std::string& id : before) {
    EXPECT_TRUE(deleted.contains(id) || catalogue.entities.contains({"release", id})) << id;
  }
  const auto tally = total(report);
  EXPECT_EQ(tally.created, catalogue.entities.size() + catalogue.removed) << "no entity was created twice";
  EXPECT_EQ(tally.read, tally.created + tally.duplicate);
  EXPECT_GT(tally.duplicate, 0u) << "pages were read again";
}

TEST_P(ResyncTest, ADeadSpaceCostsItselfAndTheDeleting) {
  simulator::OctopusOptions options{.spaces = 6, .total_records = 600};
  options.faults.rules = {{.target = "/Spaces-3/", .fault = Fault::kStatus, .status = 404},
                          {.target = "/Spaces-4/machines", .fault = Fault::kUnavailable}};
  const auto server = serve(std::move(options));
  MemoryCatalogue catalogue;
  catalogue.entities[{"machine", "Machines-stale"}] = "{}";
  const auto report = run(setup_for(*server), sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 3);
  EXPECT_EQ(report.status, RunStatus::kIncomplete);
  EXPECT_TRUE(catalogue.entities.contains({"machine", "Machines-stale"}));
  EXPECT_EQ(report.scopes_total, 4u + 1u);
  std::set<std::string> open;
  for (const auto& scope : report.scopes) open.insert(scope.kind + " " + scope.partition);
  EXPECT_THAT(open, Contains("machine Spaces-4"));
  EXPECT_THAT(open, Contains("project Spaces-3"));
  std::size_t alive = 6;
  for (const std::string& space : server->spaces()) {
    for (const char* kind : {"project", "release", "deployment", "machine"}) {
      if (space == "Spaces-3" || (space == "Spaces-4" && std::string_view(kind) == "machine")) continue;
      alive += server->ids(space, kind).size();
    }
  }
  EXPECT_EQ(total(report).created, alive) << "all others are delivered";
}

TEST_P(ResyncTest, AWrongKeyIsTriedOnceMoreAndThenSaid) {
  const auto server = serve({.spaces = 2, .total_records = 10, .api_key = "another"});
  MemoryCatalogue catalogue;
  const auto report = run(setup_for(*server), sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 3);
  EXPECT_LE(server->stats().requests, 2u);
  ASSERT_FALSE(report.errors.empty());
  EXPECT_THAT(report.errors[0].message, HasSubstr("401"));
  for (const auto& kind : report.kinds) EXPECT_EQ(kind.scopes_open, 1u) << kind.kind;
}

TEST_P(ResyncTest, RecordErrorsAreDataAndOnlyUnreadableOnesBlockDeleting) {
  const auto server = serve({.spaces = 1, .total_records = 40});
  MemoryCatalogue catalogue;
  catalogue.entities[{"machine", "stale"}] = "{}";
  ResyncSetup setup = setup_for(*server);
  setup.mapping.resources[1] = resource_of("project", "project", "(.Name | endswith(\"1\")) | not");
  setup.mapping.resources[4].entities[0].identifier =
      transform::ExpressionSpec{"if .Name == null then null else .Id end", "identifier"};
  const auto fine = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(fine.exit_code, 0);
  EXPECT_GT(total(fine).filtered, 0u);
  EXPECT_EQ(total(fine).deleted, 1u);

  catalogue.entities[{"machine", "stale"}] = "{}";
  setup.mapping.resources[4].entities[0].identifier = transform::ExpressionSpec{"null", "identifier"};
  setup.mapping.deletion_threshold = 1;
  const auto invalid = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(invalid.exit_code, 1);
  EXPECT_GT(total(invalid).invalid, 0u);
  EXPECT_FALSE(catalogue.entities.contains({"machine", "stale"})) << "a clean null does not block";

  catalogue.entities[{"machine", "stale"}] = "{}";
  setup.mapping.resources[4].entities[0].identifier = transform::ExpressionSpec{".Id | error", "identifier"};
  const auto unreadable = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(unreadable.exit_code, 1);
  EXPECT_TRUE(catalogue.entities.contains({"machine", "stale"}));
  EXPECT_THAT(unreadable.deletion, HasSubstr("identity"));
}

TEST_P(ResyncTest, RejectedEntitiesAreReportedAndCountAsSeen) {
  const auto server = serve({.spaces = 1, .total_records = 40});
  MemoryCatalogue catalogue;
  ResyncSetup setup = setup_for(*server);
  (void)run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  const std::string victim = server->ids(server->spaces()[0], "machine")[0];
  MemoryFaults faults;
  faults.refuses = [&](std::string_view json) { return json.find("\"" + victim + "\"") != std::string_view::npos; };
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{}, faults)));
  EXPECT_EQ(report.exit_code, 1);
  EXPECT_EQ(total(report).rejected, 1u);
  EXPECT_TRUE(catalogue.entities.contains({"machine", victim}));
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_EQ(report.errors[0].identifier, victim);
  EXPECT_EQ(report.errors[0].blueprint, "machine");
  EXPECT_EQ(report.errors[0].stage, "upload");
}

TEST_P(ResyncTest, TwoResourcesOfOneKindShareItsPages) {
  const auto server = serve({.spaces = 3, .total_records = 300});
  MemoryCatalogue catalogue;
  ResyncSetup setup = setup_for(*server);
  setup.mapping.resources = {resource_of("machine", "a"), resource_of("machine", "b", ".HealthStatus == \"Healthy\"")};
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(total(report).read, 2 * server->total("machine"));
  EXPECT_EQ(report.sinks[0].kinds[0].tally.created, server->total("machine"));
  EXPECT_GT(report.sinks[0].kinds[1].tally.filtered, 0u);
}

TEST_P(ResyncTest, SeveralSinksGetAllAndOneThatFailsDoesNotStopTheOthers) {
  const auto server = serve({.spaces = 5, .total_records = 2000});
  MemoryCatalogue good;
  MemoryCatalogue bad;
  MemoryCatalogue shut;
  const auto report = run(
      setup_for(*server),
      sinks_of(std::make_unique<MemorySink>(bad, SinkLimits{.max_records = 50}, MemoryFaults{.fail_after_writes = 3}),
               std::make_unique<MemorySink>(shut, SinkLimits{}, MemoryFaults{.refuses_to_open = true}),
               std::make_unique<MemorySink>(good, SinkLimits{.max_records = 50})));
  EXPECT_EQ(report.exit_code, 4);
  EXPECT_EQ(total(report, 0).created, 150u);
  EXPECT_EQ(total(report, 0).abandoned, 2005u - 150u);
  EXPECT_THAT(report.sinks[0].error, HasSubstr("memory is full"));
  EXPECT_EQ(total(report, 1).abandoned, 2005u);
  EXPECT_THAT(report.sinks[1].error, HasSubstr("another process"));
  EXPECT_EQ(total(report, 2).created, 2005u);
  EXPECT_EQ(good.entities.size(), 2005u);
}

TEST_P(ResyncTest, ASinkThatFailsAloneStopsTheReading) {
  const auto server = serve({.spaces = 20, .total_records = 20'000});
  MemoryCatalogue catalogue;
  ResyncSetup setup = setup_for(*server);
  setup.options.in_flight = 2;
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{.max_records = 10},
                                                                       MemoryFaults{.fail_after_writes = 1})));
  EXPECT_EQ(report.exit_code, 4);
  EXPECT_LT(server->stats().requests, 300u);
  EXPECT_FALSE(catalogue.finished_whole);
}

TEST_P(ResyncTest, TinyBudgetsAreSlowButNeverDeadlock) {
  const auto server = serve({.spaces = 5, .total_records = 2000, .skew = 1});
  for (const std::size_t memory : {std::size_t{64} << 10, std::size_t{1} << 20}) {
    for (const std::size_t in_flight : {1u, 3u}) {
      MemoryCatalogue a;
      MemoryCatalogue b;
      ResyncSetup setup = setup_for(*server);
      setup.options.memory_bytes = memory;
      setup.options.in_flight = in_flight;
      // Batches that never fill by themselves: only starvation lets them go.
      const SinkLimits large{.max_records = 1'000'000, .max_bytes = 1u << 30, .one_blueprint = true};
      const auto report =
          run(setup, sinks_of(std::make_unique<MemorySink>(a, large), std::make_unique<MemorySink>(b, large)));
      EXPECT_EQ(report.exit_code, memory == (64u << 10) ? report.exit_code : 0);
      EXPECT_EQ(a.entities.size(), b.entities.size());
      EXPECT_TRUE(memory == (64u << 10) || a.entities.size() == 2005u);
    }
  }
}

TEST_P(ResyncTest, MemoryStaysWithinTheBudgetWhenTheSinkIsSlow) {
  const auto server = serve({.spaces = 4, .total_records = 4000});
  MemoryCatalogue catalogue;
  ResyncSetup setup = setup_for(*server);
  setup.options.memory_bytes = 2u << 20;
  const HttpRuntime runtime;
  pipeline::Stop stop;
  auto resync = make_resync(
      setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{.max_records = 20},
                                                   MemoryFaults{.slowness = std::chrono::microseconds(500)})));
  ASSERT_TRUE(resync);
  std::atomic<bool> done{false};
  std::atomic<std::size_t> most{0};
  std::thread watch([&] {
    while (!done) {
      most = std::max(most.load(), (*resync)->progress().memory_taken);
      std::this_thread::yield();
    }
  });
  const auto report = (*resync)->run(stop, [] { return 0; });
  done = true;
  watch.join();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_EQ(catalogue.entities.size(), 4004u);
  // A page that is being mapped may overdraw by what it really became.
  EXPECT_LE(most.load(), (2u << 20) + (2u << 20) / 4);
}

TEST_P(ResyncTest, AStopSettlesWhatIsInFlightAndDeletesNothing) {
  const auto server = serve({.spaces = 10, .total_records = 10'000, .latency = std::chrono::milliseconds(2)});
  MemoryCatalogue catalogue;
  catalogue.entities[{"machine", "stale"}] = "{}";
  ResyncSetup setup = setup_for(*server);
  pipeline::Stop stop;
  std::atomic<int> writes{0};
  MemoryFaults faults;
  faults.refuses = [&](std::string_view) {
    if (++writes == 200) stop.request(Error(ErrorKind::kStopped, "SIGINT"));
    return false;
  };
  const auto report =
      run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{.max_records = 20}, faults)), &stop, 2);
  EXPECT_EQ(report.exit_code, 130);
  EXPECT_EQ(report.status, RunStatus::kStopped);
  EXPECT_TRUE(catalogue.entities.contains({"machine", "stale"}));
  EXPECT_EQ(total(report).created + 1, catalogue.entities.size());
  EXPECT_EQ(total(report).abandoned, 0u);
}

TEST_P(ResyncTest, DescribesTheGraphThatItRuns) {
  ResyncSetup setup;
  setup.url = "http://127.0.0.1:1";
  MemoryCatalogue catalogue;
  auto resync = make_resync(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  ASSERT_TRUE(resync);
  const auto picture = (*resync)->describe();
  std::vector<std::string> names;
  for (const auto& node : picture.nodes) names.push_back(node.name);
  EXPECT_THAT(names, ::testing::ElementsAre("fetch", "paginate", "budget", "transform", "batch", "upload", "settle",
                                            "frontier", "reconcile"));
}

TEST(ReportJson, IsOneObjectWithTheFieldsOfTheContract) {
  const auto server = serve({.spaces = 2, .total_records = 50});
  MemoryCatalogue catalogue;
  ResyncSetup setup;
  setup.url = server->url();
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  const std::string text = to_json(report);
  json::Document document;
  const std::string padded = text + std::string(json::Document::kPadding, '\0');
  auto root = document.index(std::string_view(padded).substr(0, text.size()));
  ASSERT_TRUE(root) << text;
  ASSERT_TRUE(document.check()) << text;
  for (const char* field : {"run_id", "version", "status", "exit_code", "started_at", "seconds", "peak_rss_bytes",
                            "sinks", "kinds", "scopes", "scopes_total", "hosts", "errors", "errors_total", "stages"}) {
    const auto found = document.find(*root, field);
    EXPECT_TRUE(found && found->has_value()) << field;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ResyncTest, ::testing::Values(1, 2, 4));

}  // namespace
}  // namespace riptide::stages
