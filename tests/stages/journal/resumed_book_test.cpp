// A run that dies somewhere, and one that goes on from its journal: the book, the tickets' order and the coverage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "../scope_states.hpp"
#include "journal/coverage.hpp"
#include "pages.hpp"
#include "paginate/scope_book.hpp"

namespace riptide::stages {
namespace {

using pipeline::ErrorKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A listing of records, each a number, as a server pages it.
class Listing {
 public:
  explicit Listing(int records) {
    for (int i = 0; i < records; ++i) records_.push_back(i);
  }
  std::vector<int>& records() { return records_; }

  [[nodiscard]] std::pair<PageStep, std::vector<int>> at(std::uint64_t offset) const {
    PageStep step;
    step.total = records_.size();
    step.extent = PageExtent{kStep, records_.empty() ? 0 : (records_.size() - 1) / kStep * kStep};
    std::vector<int> page;
    for (std::size_t i = offset; i < std::min<std::size_t>(offset + kStep, records_.size()); ++i)
      page.push_back(records_[i]);
    if (!page.empty())
      step.edges = PageEdges{static_cast<std::uint64_t>(page.front()), static_cast<std::uint64_t>(page.back())};
    return {std::move(step), std::move(page)};
  }
  static constexpr std::uint64_t kStep = 10;

 private:
  std::vector<int> records_;
};

/// Runs one book against a listing; what settles goes into a coverage and a set of what was read.
class Reader {
 public:
  explicit Reader(const Listing& listing) : listing_(listing) {}

  void restore(std::vector<ScopeEntry> entries) {
    for (ScopeEntry& entry : entries) keep_what_can_be_resumed(entry);
    const auto numbers = book.restore(entries);
    coverage.restore(std::move(entries), numbers);
  }
  void start(const ScopeRef& scope) { book.start({request_at(scope, 0)}); }

  bool read_one(bool settles) {
    auto pending = book.next();
    if (!pending) return false;
    auto [step, page] = listing_.at(pending->request.offset);
    asked.push_back(pending->request.offset / Listing::kStep);
    ReadPageFacts facts;
    facts.scope = pending->scope;
    facts.request = pending->request;
    facts.edges = step.edges;
    auto read = book.page_read(*pending, step);
    facts.place = read.place;
    facts.head = read.head;
    if (settles) {
      coverage.settled(facts);
      settled.insert(page.begin(), page.end());
    }
    return true;
  }

  std::vector<ScopeEntry> journal() {
    std::vector<ScopeEntry> entries;
    for (const auto& [id, bytes] : coverage.changed()) entries.push_back(std::move(*unpacked_scope(id, bytes)));
    return entries;
  }

  ScopeBook book;
  Coverage coverage;
  std::set<int> settled;
  std::vector<std::uint64_t> asked;

 private:
  const Listing& listing_;
};

TEST(ResumedBook, HandsOutWhatIsNotSettledAndTheBordersOfWhatIs) {
  const Listing listing(100);
  const ScopeRef scope = scope_of("a");
  Reader first(listing);
  first.start(scope);
  for (int i = 0; i < 6; ++i) first.read_one(i != 3);
  Reader second(listing);
  second.restore(first.journal());
  second.start(scope);  // The source names it again.
  while (second.read_one(true)) {
  }
  // Pages 0 1 2, 4 5 are settled; 2, 4 and 5 border on missing ones.
  EXPECT_THAT(second.asked, ElementsAre(2, 4, 5, 3, 6, 7, 8, 9));
  EXPECT_TRUE(second.book.complete());
  EXPECT_EQ(standings(second.book)[0].pages_expected, 10u);
}

TEST(ResumedBook, AScopeThatIsSettledIsNotAskedFor) {
  const Listing listing(100);
  const ScopeRef scope = scope_of("a");
  Reader first(listing);
  first.start(scope);
  while (first.read_one(true)) {
  }
  Reader second(listing);
  second.restore(first.journal());
  second.start(scope);
  EXPECT_FALSE(second.read_one(true));
  EXPECT_TRUE(second.book.complete());
  EXPECT_TRUE(second.book.idle());
  EXPECT_EQ(second.book.totals().pages_read, 10u);
}

TEST(ResumedBook, ABorderThatMovedMakesTheScopeReadAgain) {
  Listing listing(100);
  const ScopeRef scope = scope_of("a");
  Reader first(listing);
  first.start(scope);
  for (int i = 0; i < 5; ++i) first.read_one(true);
  // Two went before the border, two came behind it: the total says nothing, and no page repeats a record.
  auto& records = listing.records();
  records.erase(records.begin() + 3, records.begin() + 5);
  records.push_back(1000);
  records.push_back(1001);
  Reader second(listing);
  second.restore(first.journal());
  second.start(scope);
  while (second.read_one(true)) {
  }
  EXPECT_TRUE(second.book.complete());
  EXPECT_EQ(std::set<std::uint64_t>(second.asked.begin(), second.asked.end()).size(), 10u);
  EXPECT_TRUE(second.settled.contains(50)) << "it moved from a page that was missing to one that was settled";
}

TEST(ResumedBook, AChainGoesOnFromItsCursorOrFromItsBeginning) {
  const ScopeRef scope = scope_of("chain");
  Coverage coverage;
  coverage.settled(link_of(scope, "", "a"));
  coverage.settled(link_of(scope, "a", "b"));
  std::vector<ScopeEntry> entries;
  for (const auto& [id, bytes] : coverage.changed()) entries.push_back(std::move(*unpacked_scope(id, bytes)));
  for (const bool known : {true, false}) {
    ScopeBook book;
    book.restore(entries);
    const auto pending = book.next();
    ASSERT_TRUE(pending);
    EXPECT_EQ(pending->request.cursor, "b");
    if (known) {
      PageStep step;
      book.page_read(*pending, step);
      EXPECT_TRUE(book.complete());
      continue;
    }
    book.page_failed(*pending, Error(ErrorKind::kRejected, "400 the cursor has expired"));
    const auto again = book.next();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->request.cursor, "");
    book.page_failed(*again, Error(ErrorKind::kRejected, "400"));
    EXPECT_FALSE(book.next()) << "once";
    EXPECT_FALSE(book.complete());
    EXPECT_EQ(standings(book)[0].error, "400");
  }
}

TEST(ResumedBook, AnErrorThatIsNotTheCursorsIsTheScopes) {
  const ScopeRef scope = scope_of("chain");
  Coverage coverage;
  coverage.settled(link_of(scope, "", "a"));
  std::vector<ScopeEntry> entries;
  for (const auto& [id, bytes] : coverage.changed()) entries.push_back(std::move(*unpacked_scope(id, bytes)));
  ScopeBook book;
  book.restore(entries);
  book.page_failed(*book.next(), Error(ErrorKind::kTransport, "no answer"));
  EXPECT_FALSE(book.next());
  EXPECT_EQ(standings(book)[0].error, "no answer");
}

/// Runs that die one after the other, and between them the listing changes in any way: made anywhere, deleted anywhere.
/// Whoever is there throughout has been read when the scope closes.
TEST(ResumedBook, ReadsEverybodyWhoWasThereThroughoutHoweverOftenItDies) {
  int closed = 0;
  int asked_again = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Listing listing(60 + static_cast<int>(random() % 80));
    const std::set<int> initially(listing.records().begin(), listing.records().end());
    const ScopeRef scope = scope_of("a");
    std::set<int> deleted;
    std::set<int> settled;
    std::vector<ScopeEntry> journal;
    int fresh = 1000;
    for (int run = 0; run < 4; ++run) {
      const bool last = run == 3;
      Reader reader(listing);
      if (run > 0) reader.restore(journal);
      reader.start(scope);
      // Some pages are read but not settled when it dies.
      for (int pages = static_cast<int>(random() % 10); last || pages > 0; --pages) {
        if (!reader.read_one(last || random() % 4 != 0)) break;
      }
      settled.insert(reader.settled.begin(), reader.settled.end());
      if (last) {
        ASSERT_TRUE(reader.book.idle());
        closed += reader.book.complete() ? 1 : 0;
        asked_again += static_cast<int>(reader.asked.size());
        if (reader.book.complete()) {
          for (const int id : initially) EXPECT_TRUE(deleted.contains(id) || settled.contains(id)) << id;
        }
        break;
      }
      if (auto entries = reader.journal(); !entries.empty()) journal = std::move(entries);
      if (random() % 3 == 0) continue;
      // As many made as deleted, more often than not.
      auto& records = listing.records();
      const std::size_t changes = random() % 12;
      for (std::size_t i = 0; i < changes; ++i) {
        const std::size_t victim = random() % records.size();
        deleted.insert(records[victim]);
        records.erase(records.begin() + static_cast<std::ptrdiff_t>(victim));
      }
      const std::size_t made = random() % 4 == 0 ? random() % 12 : changes;
      for (std::size_t i = 0; i < made; ++i) {
        const auto where = records.begin() + static_cast<std::ptrdiff_t>(random() % (records.size() + 1));
        records.insert(where, fresh++);
      }
    }
  }
  EXPECT_GT(closed, 1900);
  EXPECT_GT(asked_again, 0);
}

}  // namespace
}  // namespace riptide::stages
