#include "riptide/pipeline/seen_set.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include <string>
#include <thread>
#include <vector>

namespace riptide::pipeline {
namespace {

using Sighting = SeenSet::Sighting;

Digest id(int number) { return identity_digest("bp", std::to_string(number)); }

TEST(SeenSet, TellsRepeatsWithinAScopeFromOtherScopes) {
  SeenSet seen;
  EXPECT_FALSE(seen.contains(id(1)));
  EXPECT_EQ(seen.note(id(1), 7, 100), Sighting::kNew);
  EXPECT_EQ(seen.note(id(1), 7, 100), Sighting::kSame);
  EXPECT_EQ(seen.note(id(1), 7, 101), Sighting::kChanged);
  EXPECT_EQ(seen.note(id(1), 7, 101), Sighting::kSame);
  EXPECT_EQ(seen.note(id(1), 8, 101), Sighting::kElsewhere);
  EXPECT_TRUE(seen.contains(id(1)));
  EXPECT_FALSE(seen.contains(id(2)));
  EXPECT_EQ(seen.size(), 1u);
}

TEST(SeenSet, StaysWithin48BytesAnEntityAtEverySize) {
  SeenSet seen;
  std::size_t entities = 0;
  for (const std::size_t size : {20'000u, 30'000u, 50'000u, 80'000u, 120'000u, 200'000u, 300'000u}) {
    while (entities < size) seen.note(id(static_cast<int>(entities++)), 0, 0);
    ASSERT_EQ(seen.size(), size);
    EXPECT_LE(static_cast<double>(seen.bytes()) / static_cast<double>(size), 48.0) << size;
  }
  for (int i = 0; i < 300'000; i += 997) EXPECT_TRUE(seen.contains(id(i)));
  EXPECT_FALSE(seen.contains(id(300'000)));
}

TEST(SeenSet, CountsEachIdentityOnceFromManyThreads) {
  SeenSet seen;
  std::vector<std::thread> threads;
  std::atomic<int> fresh{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        if (seen.note(id(i), 0, 0) == Sighting::kNew) ++fresh;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(fresh, 20'000);
  EXPECT_EQ(seen.size(), 20'000u);
}

}  // namespace
}  // namespace riptide::pipeline
