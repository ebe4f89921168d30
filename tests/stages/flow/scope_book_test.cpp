#include "paginate/scope_book.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "../scope_states.hpp"

namespace riptide::stages {
namespace {

using pipeline::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Request first_of(std::string partition, std::vector<std::uint32_t> resources = {0}) {
  Request request;
  ScopeSpec spec;
  spec.resources = std::move(resources);
  spec.partition = std::move(partition);
  request.scope = std::make_shared<const ScopeSpec>(std::move(spec));
  return request;
}

/// A listing as an Octopus server pages it.
struct Listing {
  std::uint64_t total = 0;
  std::uint64_t page = 50;
  [[nodiscard]] PageExtent extent() const { return {page, total == 0 ? 0 : (total - 1) / page * page}; }
};

void read(ScopeBook& book, const PendingRequest& pending, const Listing& listing, std::optional<PageEdges> edges = {}) {
  PageStep step;
  step.extent = listing.extent();
  step.total = listing.total;
  step.edges = edges;
  book.page_read(pending, step);
}

/// A page without a total: what follows, and a notice.
std::string read_untold(ScopeBook& book, const PendingRequest& pending, std::vector<Request> next, std::string notice,
                        std::optional<PageExtent> extent = {}) {
  PageStep step;
  step.extent = extent;
  step.next = std::move(next);
  step.notice = std::move(notice);
  return book.page_read(pending, step).notice;
}

TEST(PageNumbers, JoinsRangesInAnyOrder) {
  std::vector<std::uint64_t> order(100);
  for (std::uint64_t i = 0; i < order.size(); ++i) order[i] = i;
  std::mt19937 random(7);
  std::shuffle(order.begin(), order.end(), random);
  PageNumbers numbers;
  for (const std::uint64_t number : order) {
    EXPECT_FALSE(numbers.covers(99));
    numbers.insert(number);
    numbers.insert(number);
    EXPECT_TRUE(numbers.contains(number));
  }
  EXPECT_TRUE(numbers.covers(99));
  EXPECT_FALSE(numbers.covers(100));
  EXPECT_FALSE(numbers.contains(100));
}

TEST(ScopeBook, SomeScopesAreGoneOnWithBeforeOthersAreBegun) {
  ScopeBook book(2);
  book.start({first_of("a"), first_of("b"), first_of("c"), first_of("d")});
  std::vector<std::string> order;
  while (auto pending = book.next()) {
    order.push_back(pending->request.scope->partition);
    PageStep step;
    if (order.back() != "c") {
      step.extent = PageExtent{10, 20};
    } else if (pending->request.cursor.size() < 2) {  // a chain of three
      step.next = {pending->request};
      step.next.front().cursor += "x";
    }
    book.page_read(*pending, step);
  }
  EXPECT_EQ(fmt::format("{}", fmt::join(order, "")), "abababcdcdcd");
  EXPECT_TRUE(book.complete());
}

TEST(ScopeBook, WhereAListingMustNotMoveItsScopeStaysOpenAtOnce) {
  ScopeBook book;
  book.start({first_of("file")});
  const auto read_as = [&](std::uint64_t edition, std::uint64_t last) {
    const auto pending = book.next();
    if (!pending) return std::string("nothing to read");
    PageStep step;
    step.extent = PageExtent{10, last};
    step.total = edition;
    step.if_moved = "it was written to";
    return book.page_read(*pending, step).failure;
  };
  EXPECT_EQ(read_as(1, 40), "");
  EXPECT_EQ(read_as(1, 40), "");
  EXPECT_EQ(read_as(2, 60), "it was written to");
  EXPECT_EQ(read_as(2, 60), "nothing to read");
  EXPECT_TRUE(book.idle());
  EXPECT_FALSE(book.complete());
  EXPECT_EQ(standings(book)[0].error, "it was written to");
}

// What another run read of another edition is read again.
TEST(ScopeBook, ABookThatIsRestoredReadsWhatMovedBetweenTheRuns) {
  ScopeEntry entry;
  entry.head = first_of("file");
  entry.spec = entry.head.scope;
  entry.step = 10;
  entry.last_page = 4;
  entry.total = 1;
  entry.settled = {{0, 2, PageEdges{0, 1}, PageEdges{2, 3}}};
  ScopeBook book;
  book.restore({entry});
  std::set<std::uint64_t> read;
  while (auto pending = book.next()) {
    PageStep step;
    step.extent = PageExtent{10, 50};
    step.total = 2;
    step.if_moved = "it was written to";
    read.insert(pending->request.offset);
    EXPECT_EQ(book.page_read(*pending, step).failure, "");
  }
  EXPECT_EQ(read.size(), 6u);
  EXPECT_TRUE(book.complete());
}

// A server that does not heed the offset: each page is the first one, and the total stands still.
TEST(ScopeBook, TheSamePageInTwoPlacesLeavesTheScopeOpen) {
  ScopeBook book;
  book.start({first_of("Spaces-1")});
  int answers = 0;
  while (auto pending = book.next()) {
    read(book, *pending, {.total = 120, .page = 50}, PageEdges{1, 50});
    ASSERT_LT(++answers, 100);
  }
  ASSERT_EQ(standings(book).size(), 1u);
  EXPECT_FALSE(standings(book)[0].closed);
  EXPECT_THAT(standings(book)[0].error, HasSubstr("the listing changed while it was read"));
}

TEST(ScopeBook, HandsOutAllOtherPagesOfAScopeOnceItsFirstTellsHowMany) {
  ScopeBook book;
  book.start({first_of("a")});
  auto first = book.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->request.offset, 0u);
  EXPECT_FALSE(book.next());
  EXPECT_FALSE(book.idle());
  read(book, *first, {.total = 230});
  std::vector<PendingRequest> others;
  while (auto next = book.next()) others.push_back(std::move(*next));
  std::vector<std::uint64_t> offsets;
  for (const auto& other : others) offsets.push_back(other.request.offset);
  EXPECT_THAT(offsets, ElementsAre(50, 100, 150, 200));
  EXPECT_EQ(book.totals().pages_known, 5u);
  for (const auto& other : others) {
    EXPECT_FALSE(book.complete());
    read(book, other, {.total = 230});
  }
  EXPECT_TRUE(book.idle());
  EXPECT_TRUE(book.complete());
}

TEST(ScopeBook, TakesScopesInTurn) {
  ScopeBook book;
  book.start({first_of("large"), first_of("small")});
  read(book, *book.next(), {.total = 1000});
  read(book, *book.next(), {.total = 150});
  std::string order;
  for (int i = 0; i < 5; ++i) order += book.next()->request.scope->partition.substr(0, 1);
  EXPECT_EQ(order, "lslsl");
}

TEST(ScopeBook, ReadsPagesAgainThatCameUnderAnotherTotal) {
  ScopeBook book;
  book.start({first_of("a")});
  read(book, *book.next(), {.total = 150});
  read(book, *book.next(), {.total = 150});
  read(book, *book.next(), {.total = 151});  // A release was made: the last page is a new one.
  std::set<std::uint64_t> again;
  while (auto next = book.next()) {
    again.insert(next->request.offset);
    read(book, *next, {.total = 151});
  }
  EXPECT_THAT(again, ElementsAre(0, 50, 150));
  EXPECT_TRUE(book.complete());
}

TEST(ScopeBook, IsNotFooledByATotalThatMovesAndComesBack) {
  ScopeBook book;
  book.start({first_of("a")});
  read(book, *book.next(), {.total = 200});
  read(book, *book.next(), {.total = 201});  // One was made,
  read(book, *book.next(), {.total = 200});  // one was deleted: not the listing that the first page came from.
  read(book, *book.next(), {.total = 200});
  std::set<std::uint64_t> again;
  while (auto next = book.next()) {
    again.insert(next->request.offset);
    read(book, *next, {.total = 200});
  }
  EXPECT_THAT(again, ElementsAre(0, 50));
  EXPECT_TRUE(book.complete());
}

TEST(ScopeBook, SeesAListingMoveWhoseTotalStoodStill) {
  // One was made and one deleted between two answers: the last record of a page comes again on the next.
  ScopeBook book;
  book.start({first_of("a")});
  read(book, *book.next(), {.total = 150}, PageEdges{1, 50});
  const auto second = book.next();
  const auto third = book.next();
  read(book, *third, {.total = 150}, PageEdges{101, 150});
  read(book, *second, {.total = 150}, PageEdges{50, 99});
  std::set<std::uint64_t> again;
  while (auto next = book.next()) {
    again.insert(next->request.offset);
    read(book, *next, {.total = 150}, PageEdges{next->request.offset + 1000, next->request.offset + 1049});
  }
  EXPECT_THAT(again, ElementsAre(0, 100));
  EXPECT_TRUE(book.complete());
}

TEST(ScopeBook, LeavesAScopeOpenWhoseTotalNeverRests) {
  ScopeBook book;
  book.start({first_of("a")});
  std::uint64_t total = 100;
  std::size_t reads = 0;
  while (auto next = book.next()) {
    read(book, *next, {.total = total++ % 2 == 0 ? 100u : 101u});
    ASSERT_LT(++reads, 100u) << "must end";
  }
  EXPECT_TRUE(book.idle());
  EXPECT_FALSE(book.complete());
  EXPECT_THAT(standings(book).at(0).error, HasSubstr("the listing changed while it was read"));
}

TEST(ScopeBook, FindsPagesThatComeBackAfterTheListingShrankForAMoment) {
  ScopeBook book;
  book.start({first_of("a")});
  read(book, *book.next(), {.total = 130});
  const auto second = book.next();
  const auto third = book.next();
  read(book, *third, {.total = 130});
  read(book, *second, {.total = 90});  // Shrank: the third page is no more.
  std::multiset<std::uint64_t> again;
  while (auto next = book.next()) {
    again.insert(next->request.offset);
    read(book, *next, {.total = 130});  // Grew again.
  }
  EXPECT_TRUE(book.complete());
  EXPECT_GE(again.count(100), 1u);
}

TEST(ScopeBook, AFailedPageCostsItsScopeTheClosingAndNothingElse) {
  ScopeBook book;
  book.start({first_of("good"), first_of("bad")});
  const auto good = book.next();
  const auto bad = book.next();
  read(book, *bad, {.total = 200});
  std::vector<PendingRequest> rest;
  while (auto next = book.next()) rest.push_back(std::move(*next));
  ASSERT_EQ(rest.size(), 3u);
  book.page_failed(rest[0], Error(ErrorKind::kTransport, "HTTP 503"));
  read(book, rest[1], {.total = 200});
  read(book, rest[2], {.total = 200});
  read(book, *good, {.total = 0});
  EXPECT_TRUE(book.idle());
  EXPECT_FALSE(book.complete());
  const auto states = standings(book);
  EXPECT_TRUE(states[0].closed);
  EXPECT_FALSE(states[1].closed);
  EXPECT_EQ(states[1].error, "HTTP 503");
  EXPECT_EQ(states[1].pages_expected, 4u);
  EXPECT_EQ(states[1].pages_read, 3u);
}

TEST(ScopeBook, AsksADeadScopeForItsFirstPageOnly) {
  ScopeBook book;
  book.start({first_of("dead")});
  book.page_failed(*book.next(), Error(ErrorKind::kNotFound, "HTTP 404"));
  EXPECT_FALSE(book.next());
  EXPECT_TRUE(book.idle());
}

TEST(ScopeBook, GivesUpOnTheRestAfterThreeFailedPages) {
  ScopeBook book;
  book.start({first_of("a")});
  read(book, *book.next(), {.total = 5000});
  for (int i = 0; i < ScopeBook::kMaxFailedPages; ++i)
    book.page_failed(*book.next(), Error(ErrorKind::kTransport, "HTTP 503"));
  EXPECT_FALSE(book.next());
  EXPECT_TRUE(book.idle());
}

TEST(ScopeBook, FollowsChainsAndChildrenAndKnowsWhatItHasSeen) {
  ScopeBook book;
  book.start({first_of("*", {})});
  const auto listing = book.next();
  Request second = listing->request;
  second.cursor = "c2";
  read_untold(book, *listing, {first_of("s1"), first_of("s2"), second}, "");
  const auto s1 = book.next();
  const auto s2 = book.next();
  const auto chain = book.next();
  ASSERT_TRUE(s1 && s2 && chain);
  EXPECT_EQ(chain->request.cursor, "c2");
  read_untold(book, *chain, {first_of("s2"), first_of("s3")}, "capped");
  EXPECT_EQ(book.next()->request.scope->partition, "s3") << "s2 is known already";
  EXPECT_EQ(book.totals().scopes_known, 4u);
  EXPECT_EQ(book.totals().scopes_closed, 1u);
  EXPECT_EQ(book.partition(s1->scope), "s1");
}

TEST(ScopeBook, NamesTellScopesApartByResourcesAndPartition) {
  ScopeIndex names;
  const auto add = [&](std::vector<std::uint32_t> resources, std::string partition,
                       std::vector<std::uint32_t> dependents = {}) {
    return names.add({std::move(resources), std::move(dependents), std::move(partition)});
  };
  EXPECT_EQ(add({0}, "a"), std::pair(0u, true));
  EXPECT_EQ(add({1}, "a"), std::pair(1u, true));
  EXPECT_EQ(add({0, 1}, "a"), std::pair(2u, true));
  EXPECT_EQ(add({0}, "a", {2}), std::pair(0u, false)) << "what hangs on it does not tell it apart";
  EXPECT_EQ(add({}, "a", {2}), std::pair(3u, true));
  EXPECT_EQ(add({}, "a", {3}), std::pair(3u, false));
  EXPECT_EQ(add({}, "", {3}), std::pair(4u, true));
  const std::string large(100'000, 'x');
  EXPECT_EQ(add({}, large), std::pair(5u, true));
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    ASSERT_EQ(add({1}, "Spaces-" + std::to_string(i)), std::pair(6 + i, true));
  }
  for (std::uint32_t i = 0; i < 50'000; i += 777) {
    ASSERT_EQ(add({1}, "Spaces-" + std::to_string(i)), std::pair(6 + i, false));
    ASSERT_EQ(names.at(6 + i).partition, "Spaces-" + std::to_string(i));
  }
  EXPECT_EQ(names.at(5).partition, large);
  EXPECT_THAT(names.at(2).resources, ElementsAre(0, 1));
  EXPECT_THAT(names.at(3).dependents, ElementsAre(2));
}

// A listing of 100,000 spaces waits as a range, not as 100,000 spaces.
TEST(ScopeBook, AListingThatBringsScopesWaitsWhileManyWait) {
  constexpr std::uint64_t kSpaces = 100'000;
  constexpr std::uint64_t kPage = 1'000;
  ScopeBook book;
  book.start({first_of("*", {})});
  std::uint64_t read_spaces = 0;
  std::uint64_t most_waiting = 0;
  while (auto next = book.next()) {
    if (next->request.scope->partition == "*") {
      PageStep step;
      step.extent = PageExtent{kPage, kSpaces - kPage};
      step.total = kSpaces;
      for (std::uint64_t i = 0; i < kPage; ++i) {
        step.next.push_back(first_of("Spaces-" + std::to_string(next->request.offset + i)));
      }
      book.page_read(*next, step);
    } else {
      ++read_spaces;
      read_untold(book, *next, {}, "");
    }
    most_waiting = std::max(most_waiting, book.totals().scopes_known - read_spaces);
  }
  EXPECT_EQ(read_spaces, kSpaces);
  EXPECT_TRUE(book.complete());
  EXPECT_TRUE(book.idle());
  EXPECT_EQ(book.totals().pages_known, kSpaces + kSpaces / kPage);
  EXPECT_LE(most_waiting, ScopeBook::kManyWaiting + kPage + 1);
}

TEST(ScopeBook, SaysANoticeOnceAScope) {
  ScopeBook book;
  book.start({first_of("a")});
  const Listing listing{.total = 150};
  EXPECT_EQ(read_untold(book, *book.next(), {}, "capped", listing.extent()), "capped");
  EXPECT_EQ(read_untold(book, *book.next(), {}, "capped", listing.extent()), "");
}

TEST(ScopeBook, TakesBackWhatCouldNotBeAdmittedAndHandsItOutFirst) {
  ScopeBook book;
  book.start({first_of("a"), first_of("b")});
  auto a = book.next();
  book.put_back(std::move(*a));
  EXPECT_EQ(book.next()->request.scope->partition, "a");
  EXPECT_EQ(book.next()->request.scope->partition, "b");
}

TEST(ScopeBook, AfterAStopNothingIsHandedOutAndWhatWasOpenStaysOpen) {
  ScopeBook book;
  book.start({first_of("a"), first_of("b")});
  const auto a = book.next();
  book.stop(Error(ErrorKind::kStopped, "SIGINT"));
  EXPECT_FALSE(book.next());
  EXPECT_FALSE(book.idle()) << "one is still out";
  read(book, *a, {.total = 10});
  EXPECT_TRUE(book.idle());
  EXPECT_FALSE(book.complete());
  EXPECT_EQ(standings(book)[1].error, "SIGINT");
}

/// A server whose listing changes at random between answers: whoever is there throughout must be read, if the scope
/// closes.
TEST(ScopeBook, ReadsEverybodyWhoWasThereThroughoutWhateverHappensMeanwhile) {
  int closed = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::deque<int> listing;
    for (int i = 0; i < 180; ++i) listing.push_back(i);
    const std::set<int> initially(listing.begin(), listing.end());
    std::set<int> deleted;
    int changes = static_cast<int>(random() % 4);
    int fresh = 1000;
    ScopeBook book;
    book.start({first_of("a")});
    std::set<int> read_ids;
    std::vector<PendingRequest> in_flight;
    while (true) {
      while (in_flight.size() < 4) {
        auto next = book.next();
        if (!next) break;
        in_flight.push_back(std::move(*next));
      }
      if (in_flight.empty()) break;
      const std::size_t which = random() % in_flight.size();
      const PendingRequest pending = std::move(in_flight[which]);
      in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(which));
      if (changes > 0 && random() % 3 == 0) {
        --changes;
        if (random() % 2 == 0) {
          listing.push_front(fresh++);
        } else {
          const auto victim = listing.begin() + static_cast<std::ptrdiff_t>(random() % listing.size());
          deleted.insert(*victim);
          listing.erase(victim);
        }
      }
      for (std::uint64_t i = pending.request.offset;
           i < std::min<std::uint64_t>(pending.request.offset + 50, listing.size()); ++i) {
        read_ids.insert(listing[i]);
      }
      read(book, pending, {.total = listing.size()});
    }
    ASSERT_TRUE(book.idle());
    if (!book.complete()) continue;
    ++closed;
    for (const int id : initially) {
      EXPECT_TRUE(deleted.contains(id) || read_ids.contains(id)) << id;
    }
  }
  EXPECT_GT(closed, 150);
}

}  // namespace
}  // namespace riptide::stages
