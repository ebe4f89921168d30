#include "journal/coverage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include "pages.hpp"

namespace riptide::stages {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What a journal would hold after all changes so far.
class Rows {
 public:
  ScopeEntry operator()(Coverage& coverage, std::uint32_t id = 0) {
    for (auto& [changed, bytes] : coverage.changed()) rows_[changed] = std::move(bytes);
    auto entry = unpacked_scope(id, rows_.at(id));
    EXPECT_TRUE(entry);
    return std::move(*entry);
  }
  [[nodiscard]] std::size_t bytes(std::uint32_t id) const { return rows_.at(id).size(); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

 private:
  std::map<std::uint32_t, std::string> rows_;
};

std::vector<std::string> cursors(const ScopeEntry& entry) {
  std::vector<std::string> all;
  for (const Request& request : entry.open) all.push_back(request.cursor);
  return all;
}

TEST(Coverage, AHundredThousandPagesEndAsOneRange) {
  const std::uint64_t pages = 100'000;
  std::vector<std::uint64_t> order(pages);
  std::iota(order.begin(), order.end(), 0u);
  // Nearly in order, as pages come.
  std::mt19937 random(3);
  for (std::size_t i = 0; i + 64 < order.size(); ++i) std::swap(order[i], order[i + random() % 64]);
  Coverage coverage;
  Rows rows;
  const ScopeRef scope = scope_of("large");
  std::size_t most = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    coverage.settled(page_of(scope, order[i], pages));
    if (i % 1000 != 0) continue;
    (void)rows(coverage);
    most = std::max(most, rows.bytes(0));
  }
  const ScopeEntry entry = rows(coverage);
  EXPECT_EQ(rows.size(), 1u);
  EXPECT_LT(rows.bytes(0), 120u);
  EXPECT_LT(most, 10'000u);
  ASSERT_THAT(entry.settled, SizeIs(1));
  EXPECT_EQ(entry.settled[0].first, 0u);
  EXPECT_EQ(entry.settled[0].last, pages - 1);
  EXPECT_EQ(entry.settled[0].first_edges, (PageEdges{0, 1}));
  EXPECT_EQ(entry.settled[0].last_edges, (PageEdges{2 * pages - 2, 2 * pages - 1}));
  EXPECT_THAT(entry.open, IsEmpty());
}

TEST(Coverage, ARangeKnowsTheEdgesOfItsBorders) {
  Coverage coverage;
  Rows rows;
  const ScopeRef scope = scope_of("a");
  for (const std::uint64_t page : {4, 2, 3, 7}) coverage.settled(page_of(scope, page, 10));
  const ScopeEntry entry = rows(coverage);
  ASSERT_THAT(entry.settled, SizeIs(2));
  EXPECT_EQ(entry.settled[0].first_edges, (PageEdges{4, 5}));
  EXPECT_EQ(entry.settled[0].last_edges, (PageEdges{8, 9}));
  EXPECT_EQ(entry.settled[1].first, 7u);
  EXPECT_THAT(entry.open, SizeIs(1)) << "the first page is still to come";
}

TEST(Coverage, PagesOfAListingThatMovedCountNoMore) {
  Coverage coverage;
  Rows rows;
  const ScopeRef scope = scope_of("a");
  coverage.settled(page_of(scope, 0, 10, 0));
  coverage.settled(page_of(scope, 1, 10, 0));
  coverage.settled(page_of(scope, 5, 11, 1));
  coverage.settled(page_of(scope, 2, 10, 0));  // Read before it moved, settled after.
  const ScopeEntry entry = rows(coverage);
  ASSERT_THAT(entry.settled, SizeIs(1));
  EXPECT_EQ(entry.settled[0].first, 5u);
  EXPECT_EQ(entry.total, 550u);
  EXPECT_EQ(entry.listing, 1u);
}

TEST(Coverage, NamedScopesAreKnownThoughNothingOfThemIsSettled) {
  Coverage coverage;
  Rows rows;
  const ScopeRef spaces = scope_of("*");
  ReadPageFacts listing = page_of(spaces, 0, 1);
  listing.next = {request_at(scope_of("s1"), 0), request_at(scope_of("s2"), 0)};
  coverage.settled(listing);
  EXPECT_THAT(rows(coverage, 0).open, SizeIs(1));
  EXPECT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows(coverage, 1).spec->partition, "s2");
}

TEST(Coverage, AChainStandsAtItsFirstPageThatIsNotSettled) {
  Coverage coverage;
  Rows rows;
  const ScopeRef scope = scope_of("chain");
  coverage.settled(link_of(scope, "b", "c"));  // Before the page that named it.
  EXPECT_THAT(cursors(rows(coverage)), ElementsAre(""));
  coverage.settled(link_of(scope, "", "a"));
  EXPECT_THAT(cursors(rows(coverage)), ElementsAre("a"));
  coverage.settled(link_of(scope, "a", "b"));
  EXPECT_THAT(cursors(rows(coverage)), ElementsAre("c"));
  coverage.settled(link_of(scope, "c", ""));
  EXPECT_THAT(rows(coverage).open, IsEmpty());
  EXPECT_EQ(rows(coverage).pages, 4u);
}

TEST(Coverage, AChainThatIsBegunAnewForgetsTheOldOne) {
  Coverage coverage;
  Rows rows;
  const ScopeRef scope = scope_of("chain");
  coverage.settled(link_of(scope, "", "a"));
  coverage.settled(link_of(scope, "", "x"));
  EXPECT_THAT(cursors(rows(coverage)), ElementsAre("x"));
}

TEST(Coverage, GoesOnFromWhatAJournalHolds) {
  Rows rows;
  const ScopeRef scope = scope_of("a");
  {
    Coverage coverage;
    for (const std::uint64_t page : {0, 1, 2}) coverage.settled(page_of(scope, page, 6));
    (void)rows(coverage);
  }
  Coverage coverage;
  std::vector<ScopeEntry> entries;
  {
    Coverage before;
    for (const std::uint64_t page : {0, 1, 2}) before.settled(page_of(scope, page, 6));
    entries.push_back(Rows()(before));
  }
  coverage.restore(std::move(entries), {7});
  for (const std::uint64_t page : {3, 4, 5}) coverage.settled(page_of(scope, page, 6));
  const ScopeEntry entry = rows(coverage);
  ASSERT_THAT(entry.settled, SizeIs(1));
  EXPECT_EQ(entry.settled[0].last, 5u);
}

struct Kept {
  const char* what;
  ScopeEntry entry;
  std::size_t ranges;
  std::size_t open;
};

TEST(KeepWhatCanBeResumed, ScopesThatCannotBeKnownAgainBeginAnew) {
  const ScopeRef scope = scope_of("a");
  const auto entry_of = [&](std::vector<SettledRange> settled, std::vector<Request> open, std::uint64_t step) {
    ScopeEntry entry;
    entry.spec = scope;
    entry.head = request_at(scope, 0);
    entry.step = step;
    entry.last_page = 9;
    entry.settled = std::move(settled);
    entry.open = std::move(open);
    return entry;
  };
  const PageEdges edges{1, 2};
  const Kept cases[] = {
      {"borders with edges", entry_of({{0, 3, {}, edges}, {5, 9, edges, {}}}, {}, 50), 2, 0},
      {"the head is a page of the range", entry_of({{1, 3, edges, edges}}, {request_at(scope, 0)}, 50), 1, 0},
      {"a border without edges", entry_of({{0, 3, edges, {}}}, {}, 50), 0, 1},
      {"read to its end", entry_of({{0, 9, {}, {}}}, {}, 50), 1, 0},
      {"nothing since it moved", entry_of({}, {}, 50), 0, 1},
      {"a cursor", entry_of({}, {request_at(scope, 0, "c")}, 0), 0, 1},
      {"a position with a cursor", entry_of({}, {request_at(scope, 100, "c")}, 0), 0, 1},
      {"a chain by position", entry_of({}, {request_at(scope, 100)}, 0), 0, 1},
      {"not begun", entry_of({}, {request_at(scope, 0)}, 0), 0, 1},
      {"a chain at its end", entry_of({}, {}, 0), 0, 0},
  };
  for (const Kept& one : cases) {
    SCOPED_TRACE(one.what);
    ScopeEntry entry = one.entry;
    keep_what_can_be_resumed(entry);
    EXPECT_EQ(entry.settled.size(), one.ranges);
    EXPECT_EQ(entry.open.size(), one.open);
    EXPECT_EQ(entry.step != 0, one.ranges != 0);
    if (one.open == 1 && one.what != std::string_view("a cursor")) {
      EXPECT_EQ(entry.open[0].offset, 0u);
      EXPECT_EQ(entry.open[0].cursor, "");
    }
  }
}

}  // namespace
}  // namespace riptide::stages
