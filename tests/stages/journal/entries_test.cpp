#include "journal/entries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "pages.hpp"

namespace riptide::stages {
namespace {

ScopeEntry example() {
  ScopeEntry entry;
  entry.id = 3;
  entry.spec = scope_of("Spaces-7", {1, 200});
  entry.head = request_at(entry.spec, 0);
  entry.head.step = 2;
  entry.head.context = std::make_shared<const std::string>("machine");
  entry.step = 50;
  entry.last_page = 100'000;
  entry.total = 5'000'001;
  entry.listing = 2;
  entry.pages = 77;
  entry.settled = {{0, 9, PageEdges{1, 2}, PageEdges{3, UINT64_MAX}}, {11, 11, std::nullopt, PageEdges{5, 6}}};
  entry.open = {request_at(entry.spec, 0, "cursor\n\"")};
  return entry;
}

void expect_equal(const ScopeEntry& a, const ScopeEntry& b) {
  EXPECT_EQ(packed(a), packed(b));
  EXPECT_EQ(a.spec->resources, b.spec->resources);
  EXPECT_EQ(a.spec->partition, b.spec->partition);
  EXPECT_EQ(a.total, b.total);
  ASSERT_EQ(a.settled.size(), b.settled.size());
  EXPECT_EQ(a.settled[0].last_edges, b.settled[0].last_edges);
  EXPECT_EQ(a.settled[1].first_edges, b.settled[1].first_edges);
  ASSERT_EQ(a.open.size(), b.open.size());
  EXPECT_EQ(a.open[0].cursor, b.open[0].cursor);
  ASSERT_TRUE(b.head.context);
  EXPECT_EQ(*a.head.context, *b.head.context);
}

TEST(JournalEntries, AScopeComesBackAsItWas) {
  const ScopeEntry entry = example();
  const auto back = unpacked_scope(3, packed(entry));
  ASSERT_TRUE(back);
  expect_equal(entry, *back);
  // A request of the scope is told from that of another one by its scope's address.
  EXPECT_EQ(back->head.scope, back->spec);
  EXPECT_EQ(back->open[0].scope, back->spec);
}

TEST(JournalEntries, WhatIsCutShortIsAnError) {
  const std::string bytes = packed(example());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(unpacked_scope(3, std::string_view(bytes).substr(0, length))) << length;
  }
  EXPECT_FALSE(unpacked_scope(3, bytes + "x"));
}

TEST(JournalEntries, AnyBytesAreReadWithoutHarm) {
  std::mt19937_64 random(5);
  const std::string good = packed(example());
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (int flips = static_cast<int>(random() % 4) + 1; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto back = unpacked_scope(3, bytes);
    if (!back) continue;
    std::uint64_t behind = 0;
    for (const SettledRange& range : back->settled) {
      EXPECT_LE(range.first, range.last);
      EXPECT_TRUE(behind == 0 || range.first > behind);
      behind = range.last + 1;
    }
  }
}

TEST(JournalEntries, SeenIdentitiesComeBackWithTheirScope) {
  std::string bytes;
  pack_seen(4, 1, {{{1, 2}, 3}, {{UINT64_MAX, 0}, UINT32_MAX}}, bytes);
  pack_seen(70'000, 0, {{{5, 6}, 7}}, bytes);
  std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t, std::uint64_t, std::uint32_t>> seen;
  const auto visit = [&](std::uint32_t scope, std::uint32_t resource, const SeenEntry& entry) {
    seen.emplace_back(scope, resource, entry.identity.low, entry.identity.high, entry.contents);
  };
  ASSERT_TRUE(visit_seen(bytes, visit));
  EXPECT_THAT(seen,
              ::testing::ElementsAre(std::tuple(4u, 1u, 1u, 2u, 3u), std::tuple(4u, 1u, UINT64_MAX, 0u, UINT32_MAX),
                                     std::tuple(70'000u, 0u, 5u, 6u, 7u)));
  EXPECT_FALSE(visit_seen(std::string_view(bytes).substr(0, bytes.size() - 1), visit));
}

TEST(JournalEntries, CountsComeBackAndMustFitTheRun) {
  SettledCounts counts(2, 3);
  counts.read[1].records = 5;
  counts.read[1].tally.read = 6;
  counts.sunk[2][1].tally.rejected = 7;
  counts.sunk[2][1].bytes_out = 1 << 20;
  const std::string bytes = packed(counts);
  const auto back = unpacked_counts(bytes, 2, 3);
  ASSERT_TRUE(back);
  EXPECT_EQ(packed(*back), bytes);
  EXPECT_EQ(back->sunk[2][1].tally.rejected, 7u);
  EXPECT_FALSE(unpacked_counts(bytes, 3, 3));
  EXPECT_FALSE(unpacked_counts(bytes, 2, 2));
  EXPECT_FALSE(unpacked_counts(std::string_view(bytes).substr(1), 2, 3));
}

}  // namespace
}  // namespace riptide::stages
