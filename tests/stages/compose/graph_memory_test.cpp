// A graph holds its budget, whatever its branches and stages do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "graph_parts.hpp"

namespace riptide {
namespace {

/// Runs a graph and returns the most memory that was taken meanwhile.
std::size_t most_taken(Graph& graph, RunReport& report) {
  std::atomic<bool> over{false};
  std::size_t most = 0;
  std::thread watching([&] {
    while (!over) {
      most = std::max(most, graph.progress().memory_taken);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  report = run(graph);
  over = true;
  watching.join();
  return most;
}

constexpr std::size_t kMemory = 3u << 20;  // A third is for pages, a third for what is on its way.

std::shared_ptr<CountingSource> large() {
  // 20 MiB in all.
  return std::make_shared<CountingSource>(
      CountingSource::Options{.partitions = 4, .pages = 50, .records = 50, .pad_bytes = 2000});
}

TEST(GraphMemory, ABranchAHundredTimesSlowerMakesTheOthersWait) {
  Graph wide({.memory_bytes = kMemory, .threads = 2});
  const auto fast = std::make_shared<Collected>(), slow = std::make_shared<Collected>();
  auto entities = wide.source("numbers", large()).transform("mapping", counting_mapping());
  entities.sink("fast", std::make_unique<CollectingSink>(fast));
  entities.filter("all", [](const Entity&) { return true; })
      .batch({.max_records = 50})
      .sink("slow",
            std::make_unique<CollectingSink>(slow, CollectingSink::Options{.slowness = std::chrono::milliseconds(5)}));
  RunReport report;
  const std::size_t most = most_taken(wide, report);
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(fast->count(), 10'000u);
  EXPECT_EQ(slow->count(), 10'000u);
  // Both thirds, and what two pages may take over what was expected.
  EXPECT_LE(most, kMemory);
}

TEST(GraphMemory, WhatGrowsWaitsWhileMemoryIsShort) {
  Graph graph({.memory_bytes = kMemory, .threads = 2});
  const auto all = std::make_shared<Collected>();
  graph
      .source("numbers", std::make_shared<CountingSource>(
                             CountingSource::Options{.partitions = 4, .pages = 10, .records = 10, .pad_bytes = 1000}))
      .transform("mapping", counting_mapping())
      .expand("thirty",
              [](const Entity& e, Emit& emit) -> Result<void> {
                for (int i = 0; i < 30; ++i) {
                  auto made = emit("{\"identifier\":\"" + e.identifier() + "-" + std::to_string(i) +
                                   "\",\"blueprint\":\"b\",\"title\":\"" + std::string(1000, 'y') + "\"}");
                  if (!made) return made;
                }
                return {};
              })
      .batch({.max_records = 20})
      .sink("slow",
            std::make_unique<CollectingSink>(all, CollectingSink::Options{.slowness = std::chrono::milliseconds(1)}));
  RunReport report;
  const std::size_t most = most_taken(graph, report);
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(all->count(), 12'000u);
  // A page becomes 330 KB, and two bodies may be at it: 12 MB in all.
  EXPECT_LE(most, kMemory + (1u << 20));
}

}  // namespace
}  // namespace riptide
