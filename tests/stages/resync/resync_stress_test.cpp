#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

#include "memory_sink.hpp"
#include "octopus_mapping.hpp"
#include "riptide/stages/resync.hpp"

namespace riptide::stages {
namespace {

/// How often; many times over with RIPTIDE_SOAK.
int rounds(int quick, int soak) { return std::getenv("RIPTIDE_SOAK") != nullptr ? soak : quick; }

unsigned seed() {
  if (const char* given = std::getenv("RIPTIDE_SEED")) return static_cast<unsigned>(std::stoul(given));
  return std::getenv("RIPTIDE_SOAK") != nullptr ? std::random_device()() : 20261124u;
}

TEST(ResyncStress, AStopAtAnyMomentSettlesEverythingAndARerunCompletes) {
  const unsigned base = seed();
  std::cout << "seed " << base << " (RIPTIDE_SEED)\n";
  std::mt19937 random(base);
  simulator::OctopusOptions options{
      .spaces = 8, .total_records = 1500, .skew = 1, .latency = std::chrono::microseconds(500)};
  options.faults.rates = {.unavailable = 0.03, .reset = 0.03, .html = 0.02};
  options.faults.retry_after = std::chrono::seconds(0);
  const auto server = serve(options);
  MemoryCatalogue catalogue;
  for (int round = 0; round < rounds(15, 1000); ++round) {
    SCOPED_TRACE(round);
    ResyncSetup setup;
    setup.url = server->url();
    setup.options.threads = 1 + static_cast<int>(random() % 3);
    setup.options.in_flight = 1 + random() % 16;
    setup.options.memory_bytes = (random() % 2 == 0 ? 1u : 128u) << 20;
    setup.options.source_retry.attempts = 6;
    pipeline::Stop stop;
    const bool abort = random() % 3 == 0;
    const auto delay = std::chrono::microseconds(random() % 40'000);
    std::thread stopper([&] {
      std::this_thread::sleep_for(delay);
      stop.request(Error(ErrorKind::kStopped, "SIGTERM"));
      if (abort) stop.request(Error(ErrorKind::kStopped, "SIGTERM"), pipeline::Stop::Urgency::kAbort);
    });
    const auto report = run(
        setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{.max_records = 7, .one_blueprint = true})),
        &stop, 15);
    stopper.join();
    EXPECT_EQ(report.exit_code, 143);
    EXPECT_EQ(catalogue.removed, 0u);
    if (::testing::Test::HasFailure()) break;
  }
  ResyncSetup setup;
  setup.url = server->url();
  setup.options.source_retry.attempts = 6;
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(catalogue.entities.size(), listed(*server));
}

}  // namespace
}  // namespace riptide::stages
