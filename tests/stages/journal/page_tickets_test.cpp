#include "journal/page_tickets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pages.hpp"

namespace riptide::stages {
namespace {

using pipeline::Batch;
using pipeline::Entity;
using pipeline::Outcome;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Settled : public SettledPages {
 public:
  bool delivered(const ReadPageFacts& page, std::uint32_t, const std::vector<SeenEntry>& entries) override {
    if (refuses) return false;
    deliveries.emplace_back(page.place.page, entries.size());
    return true;
  }
  bool confirmed(const ReadPageFacts& page, const Result& result) override {
    if (refuses) return false;
    confirmed_pages.push_back(page.place.page);
    results.push_back(result);
    return true;
  }
  void covered(const ReadPageFacts& page) override { covered_pages.push_back(page.place.page); }

  bool refuses = false;
  std::vector<std::pair<std::uint64_t, std::size_t>> deliveries;
  std::vector<std::uint64_t> confirmed_pages;
  std::vector<std::uint64_t> covered_pages;
  std::vector<Result> results;
};

class PageTicketsTest : public ::testing::Test {
 protected:
  std::uint32_t open(std::uint64_t page) { return tickets_.open(page_of(scope_, page, 100)); }
  void map(std::uint32_t ticket, std::size_t entities, bool repeats = false, bool spoiled = false) {
    PageTickets::Mapped mapped;
    mapped.entities = entities;
    mapped.repeats = repeats;
    mapped.spoiled = spoiled;
    tickets_.mapped(ticket, std::move(mapped));
  }
  void settle(const std::vector<std::uint32_t>& tickets, std::uint32_t sink,
              Outcome::Kind kind = Outcome::Kind::kCreated) {
    Batch batch;
    for (const std::uint32_t ticket : tickets) {
      Entity& entity = batch.entities.emplace_back();
      entity.page = ticket;
      entity.length = 10;
    }
    tickets_.settled(settlement_of(batch, std::vector<Outcome>(tickets.size(), Outcome{kind, {}, {}}), sink));
  }

  const ScopeRef scope_ = scope_of("a");
  Settled settled_;
  PageTickets tickets_{2, &settled_};
};

TEST_F(PageTicketsTest, APageIsSettledWhenAllItsEntitiesAreAtEverySink) {
  const std::uint32_t a = open(0);
  const std::uint32_t b = open(1);
  map(a, 2);
  map(b, 1);
  settle({a, b}, 0);
  settle({a}, 1);
  settle({a}, 0);
  EXPECT_THAT(settled_.covered_pages, IsEmpty());
  settle({b}, 1, Outcome::Kind::kUnchanged);
  EXPECT_THAT(settled_.covered_pages, ElementsAre(1));
  settle({a}, 1, Outcome::Kind::kRejected);
  EXPECT_THAT(settled_.covered_pages, ElementsAre(1, 0));
  ASSERT_THAT(settled_.results[1].sunk, SizeIs(2));
  EXPECT_EQ(settled_.results[1].sunk[0].tally.created, 2u);
  EXPECT_EQ(settled_.results[1].sunk[0].bytes_out, 20u);
  EXPECT_EQ(settled_.results[1].sunk[1].tally.created, 1u);
  EXPECT_EQ(settled_.results[1].sunk[1].tally.rejected, 1u);
}

// A batch of a thousand pages with one entity each is kept until it is on disk: each part is as large as its entities.
TEST_F(PageTicketsTest, ASettlementOfManyPagesIsNoLargerThanItsEntities) {
  Batch batch;
  constexpr std::uint32_t kPages = 1000;
  for (std::uint32_t page = 1; page <= kPages; ++page) {
    batch.entities.emplace_back().page = page;
    if (page % 10 == 0) batch.entities.emplace_back().page = page;
  }
  const std::vector<Outcome> outcomes(batch.entities.size(), Outcome{Outcome::Kind::kCreated, {}, {}});
  for (const BatchSettlement& settlement :
       {settlement_of(batch, outcomes, 0), settlement_of_unchanged(batch, batch.entities, 0)}) {
    ASSERT_THAT(settlement.parts, SizeIs(kPages));
    std::size_t entries = 0;
    for (const BatchSettlement::Part& part : settlement.parts) entries += part.delivered.capacity();
    EXPECT_EQ(entries, batch.entities.size());
  }
}

TEST_F(PageTicketsTest, APageOfNothingIsSettledAtOnce) {
  map(open(3), 0);
  EXPECT_THAT(settled_.covered_pages, ElementsAre(3));
}

TEST_F(PageTicketsTest, WhatIsGivenUpIsNeverSettled) {
  const std::uint32_t a = open(0);
  map(a, 2);
  settle({a, a}, 0);
  Batch batch;
  batch.entities.resize(2);
  batch.entities[0].page = batch.entities[1].page = a;
  tickets_.settled(abandonment_of(batch, 1));
  const std::uint32_t b = open(1);
  EXPECT_EQ(b, a) << "the ticket is free again";
  map(b, 1);
  settle({b}, 0);
  settle({b}, 1, Outcome::Kind::kAbandoned);
  const std::uint32_t c = open(2);
  map(c, 1, false, true);
  settle({c}, 0);
  settle({c}, 1);
  const std::uint32_t d = open(3);
  map(d, 1);
  tickets_.spoil(d);
  settle({d}, 0);
  settle({d}, 1);
  EXPECT_THAT(settled_.confirmed_pages, IsEmpty());
  EXPECT_THAT(settled_.covered_pages, IsEmpty());
}

TEST_F(PageTicketsTest, APageWithRepeatsWaitsForThoseWhoMayHaveHadThemFirst) {
  const std::uint32_t a = open(0);
  const std::uint32_t b = open(1);
  map(a, 1);
  map(b, 0, true);
  const std::uint32_t later = open(2);
  map(later, 1);
  EXPECT_THAT(settled_.confirmed_pages, ElementsAre(1));
  EXPECT_THAT(settled_.covered_pages, IsEmpty());
  settle({a}, 0);
  settle({a}, 1);
  EXPECT_THAT(settled_.covered_pages, ElementsAre(0, 1)) << "the page that came later is not waited for";
}

TEST_F(PageTicketsTest, PagesThatRepeatEachOtherDoNotWaitForEver) {
  const std::uint32_t a = open(0);
  const std::uint32_t b = open(1);
  map(a, 1, true);
  map(b, 1, true);
  settle({a}, 0);
  settle({a}, 1);
  EXPECT_THAT(settled_.covered_pages, IsEmpty());
  settle({b}, 0);
  settle({b}, 1);
  EXPECT_THAT(settled_.covered_pages, ElementsAre(0, 1));
}

TEST_F(PageTicketsTest, ARepeatOfWhatWasGivenUpIsNeverCovered) {
  const std::uint32_t a = open(0);
  const std::uint32_t b = open(1);
  map(a, 1);
  map(b, 0, true);
  settle({a}, 0);
  settle({a}, 1, Outcome::Kind::kAbandoned);
  map(open(2), 0, true);
  EXPECT_THAT(settled_.covered_pages, IsEmpty());
}

TEST_F(PageTicketsTest, WhatIsNotNotedIsNotSettled) {
  settled_.refuses = true;
  map(open(0), 0);
  settled_.refuses = false;
  map(open(1), 0, true);
  EXPECT_THAT(settled_.covered_pages, IsEmpty());
  map(open(2), 0);
  EXPECT_THAT(settled_.covered_pages, ElementsAre(2));
}

TEST_F(PageTicketsTest, IdentitiesThatTheTargetToldAreSeen) {
  const std::uint32_t a = open(0);
  map(a, 1);
  tickets_.found(a, 4, {{1, 2}, 0});
  settle({a}, 0);
  settle({a}, 1);
  ASSERT_THAT(settled_.results, SizeIs(1));
  ASSERT_THAT(settled_.results[0].seen, SizeIs(1));
  EXPECT_EQ(settled_.results[0].seen[0].resource, 4u);
}

TEST(PageTickets, WithOneSinkADeliveryIsToldAtOnceAndARejectionWithItsPage) {
  Settled settled;
  PageTickets tickets(1, &settled);
  const std::uint32_t ticket = tickets.open(page_of(scope_of("a"), 5, 10));
  PageTickets::Mapped mapped;
  mapped.entities = 3;
  tickets.mapped(ticket, std::move(mapped));
  Batch batch;
  batch.entities.resize(2);
  batch.entities[0].page = batch.entities[1].page = ticket;
  batch.entities[1].identity = {5, 5};
  const Outcome created{Outcome::Kind::kCreated, {}, {}};
  const Outcome rejected{Outcome::Kind::kRejected, "no", {}};
  tickets.settled(settlement_of(batch, {created, rejected}, 0));
  EXPECT_THAT(settled.deliveries, ElementsAre(std::pair<std::uint64_t, std::size_t>(5, 1)));
  EXPECT_THAT(settled.results, IsEmpty());
  batch.entities.resize(1);
  tickets.settled(settlement_of(batch, {created}, 0));
  ASSERT_THAT(settled.results, SizeIs(1));
  ASSERT_THAT(settled.results[0].seen, SizeIs(1));
  EXPECT_EQ(settled.results[0].seen[0].entries[0].identity.low, 5u);
}

TEST(PageTickets, ADeliveryThatIsNotNotedKeepsItsPageFromBeingSettled) {
  Settled settled;
  PageTickets tickets(1, &settled);
  const std::uint32_t ticket = tickets.open(page_of(scope_of("a"), 5, 10));
  PageTickets::Mapped mapped;
  mapped.entities = 2;
  tickets.mapped(ticket, std::move(mapped));
  Batch batch;
  batch.entities.resize(1);
  batch.entities[0].page = ticket;
  settled.refuses = true;
  tickets.settled(settlement_of(batch, std::vector<Outcome>(1), 0));
  settled.refuses = false;
  tickets.settled(settlement_of(batch, std::vector<Outcome>(1), 0));
  EXPECT_THAT(settled.covered_pages, IsEmpty());
}

TEST(PageTickets, WithoutAnybodyWhoListensTheyOnlyRemember) {
  PageTickets tickets(1, nullptr);
  const ScopeRef scope = scope_of("a");
  const std::uint32_t ticket = tickets.open(page_of(scope, 5, 10));
  PageTickets::Mapped mapped;
  mapped.entities = 1;
  tickets.mapped(ticket, std::move(mapped));
  EXPECT_EQ(tickets.request_of(ticket).offset, 250u);
  Batch batch;
  batch.entities.resize(2);  // One without a ticket: nobody's page.
  batch.entities[0].page = ticket;
  tickets.settled(settlement_of(batch, std::vector<Outcome>(2), 0));
  EXPECT_EQ(tickets.open(page_of(scope, 6, 10)), ticket);
}

}  // namespace
}  // namespace riptide::stages
