#include "riptide/pipeline/seen_set.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
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

// The same work against a plain map, with so little memory that most of it lies on disk.
TEST(SeenSet, SpillsAndStillTellsRepeats) {
  constexpr std::size_t kMemory = 1u << 20;
  SeenSet seen({.memory_bytes = kMemory, .directory = testing::TempDir()});
  struct Last {
    std::uint32_t scope;
    std::uint32_t contents;
  };
  std::map<int, Last> plain;
  std::mt19937 random(11);
  for (int i = 0; i < 600'000; ++i) {
    const int number = static_cast<int>(random() % 400'000);
    const auto scope = static_cast<std::uint32_t>(random() % 3);
    const auto contents = static_cast<std::uint32_t>(random() % 2);
    const auto known = plain.find(number);
    const Sighting expected = known == plain.end()                 ? Sighting::kNew
                              : known->second.scope != scope       ? Sighting::kElsewhere
                              : known->second.contents != contents ? Sighting::kChanged
                                                                   : Sighting::kSame;
    ASSERT_EQ(seen.note(id(number), scope, contents), expected) << i;
    plain[number] = {scope, contents};
  }
  EXPECT_TRUE(seen.spilled());
  EXPECT_EQ(seen.size(), plain.size());
  // The share, and what lies on disk at less than two bytes each.
  EXPECT_LE(seen.bytes(), 2 * kMemory + plain.size() * 2);
  for (int number = 0; number < 400'000; number += 7) {
    ASSERT_EQ(seen.contains(id(number)), plain.contains(number)) << number;
  }
  EXPECT_FALSE(seen.contains(id(400'001)));
}

TEST(SeenSet, StaysInMemoryWhereItCannotSpill) {
  SeenSet seen({.memory_bytes = 1, .directory = "/nowhere/at/all"});
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(seen.note(id(i), 0, 0), Sighting::kNew);
  EXPECT_FALSE(seen.spilled());
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(seen.contains(id(i)));
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
