#include "reconcile/reconcile.hpp"
#include "reconcile/stale_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::stages {
namespace {

using ::testing::ElementsAre;

class FakeCatalogue : public Catalogue {
 public:
  explicit FakeCatalogue(int size) {
    for (int i = 0; i < size; ++i) entities.push_back({"bp", std::to_string(i), {}});
  }
  Result<void> owned(const std::function<void(const OwnedEntity&)>& visit) override {
    if (broken) return pipeline::unexpected(ErrorKind::kTransport, "no answer");
    for (const auto& entity : entities) visit(entity);
    return {};
  }
  Result<std::size_t> remove(std::span<const OwnedEntity> some) override {
    for (const auto& entity : some) removed.push_back(entity.identifier);
    return some.size();
  }
  std::vector<OwnedEntity> entities;
  std::vector<std::string> removed;
  bool broken = false;
};

void see(pipeline::SeenSet& seen, int first, int last) {
  for (int i = first; i <= last; ++i) seen.note(pipeline::identity_digest("bp", std::to_string(i)), 0, 0);
}

TEST(Reconcile, RemovesWhatWasNotSeen) {
  FakeCatalogue catalogue(10);
  pipeline::SeenSet seen;
  see(seen, 0, 7);
  const auto result = reconcile(catalogue, seen, {.threshold = 0.9});
  ASSERT_TRUE(result);
  EXPECT_THAT(catalogue.removed, ElementsAre("8", "9"));
  EXPECT_EQ(result->owned, 10u);
  EXPECT_EQ(result->removed_count, 2u);
  EXPECT_EQ(result->guard, GuardRule::kNone);
}

TEST(Reconcile, TheThresholdIsTheShareOfAllThatIsOwned) {
  struct Case {
    int seen;
    double threshold;
    bool guarded;
  };
  for (const Case& c : {Case{5, 0.5, false}, Case{4, 0.5, true}, Case{0, 1.0, false}, Case{0, 0.9, true},
                        Case{1, 0.9, false}, Case{9, 0.0, true}, Case{10, 0.0, false}}) {
    FakeCatalogue catalogue(10);
    pipeline::SeenSet seen;
    see(seen, 0, c.seen - 1);
    const auto result = reconcile(catalogue, seen, {.threshold = c.threshold});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->guard, c.guarded ? GuardRule::kThreshold : GuardRule::kNone)
        << c.seen << " of 10, " << c.threshold;
    EXPECT_EQ(catalogue.removed.size(), c.guarded ? 0u : static_cast<std::size_t>(10 - c.seen));
    EXPECT_TRUE(!c.guarded || !result->examples.empty());
  }
}

TEST(Reconcile, AtMostSoManyMayGo) {
  struct Case {
    int seen;  // Of 200.
    const char* limit;
    double threshold;
    GuardRule guard;
  };
  for (const Case& c : {Case{190, "10", 1, GuardRule::kNone}, Case{189, "10", 1, GuardRule::kMaxDelete},
                        Case{200, "0", 1, GuardRule::kNone}, Case{199, "0", 1, GuardRule::kMaxDelete},
                        Case{190, "5%", 1, GuardRule::kNone}, Case{189, "5%", 1, GuardRule::kMaxDelete},
                        Case{199, "0.5%", 1, GuardRule::kNone}, Case{198, "0.5%", 1, GuardRule::kMaxDelete},
                        Case{0, "100%", 1, GuardRule::kNone}, Case{199, "0%", 1, GuardRule::kMaxDelete},
                        Case{190, "10", 0.01, GuardRule::kThreshold}, Case{0, "10", 0.01, GuardRule::kMaxDelete}}) {
    FakeCatalogue catalogue(200);
    pipeline::SeenSet seen;
    see(seen, 0, c.seen - 1);
    const auto limit = parse_max_delete(c.limit);
    ASSERT_TRUE(limit);
    const auto result = reconcile(catalogue, seen, {.threshold = c.threshold, .max_delete = *limit});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->guard, c.guard) << c.seen << " of 200, " << c.limit << ", " << c.threshold;
    EXPECT_EQ(result->stale, static_cast<std::uint64_t>(200 - c.seen));
    EXPECT_EQ(catalogue.removed.size(), c.guard == GuardRule::kNone ? result->stale : 0u);
    EXPECT_EQ(result->removed_count, catalogue.removed.size());
    EXPECT_EQ(result->examples.size(), std::min<std::size_t>(10, result->stale));
  }
}

TEST(Reconcile, ALimitIsANumberOrAShare) {
  for (const char* const wrong : {"", "%", "ten", "-1", "1.5", "101%", "-1%", "nan%", "1e1%", "5 %", "5%%", " 5"}) {
    const auto limit = parse_max_delete(wrong);
    ASSERT_FALSE(limit) << wrong;
    EXPECT_EQ(limit.error().kind, ErrorKind::kConfig);
  }
  EXPECT_EQ(parse_max_delete("18446744073709551615")->entities, UINT64_MAX);
}

TEST(Reconcile, OnlyWhatHasDisappearedGoesAndTheRestIsCounted) {
  FakeCatalogue catalogue(10);
  pipeline::SeenSet seen;
  see(seen, 0, 4);
  const auto result = reconcile(catalogue, seen, {.threshold = 0.3, .disappeared = [](const OwnedEntity& entity) {
                                                    return entity.identifier == "0" || entity.identifier == "7" ||
                                                           entity.identifier == "9";
                                                  }});
  ASSERT_TRUE(result);
  EXPECT_THAT(catalogue.removed, ElementsAre("7", "9")) << "what was seen stays, wherever it was before";
  EXPECT_EQ(result->guard, GuardRule::kNone) << "2 of 10 go, though 5 were not seen";
  EXPECT_EQ(result->kept, 3u);
}

TEST(Reconcile, FindingStaleOnesRemovesNothing) {
  FakeCatalogue catalogue(10);
  pipeline::SeenSet seen;
  see(seen, 0, 7);
  std::vector<std::string> found;
  const auto result = find_stale(catalogue, seen, {.threshold = 0.1},
                                 [&](const OwnedEntity& entity) { found.push_back(entity.identifier); });
  ASSERT_TRUE(result);
  EXPECT_THAT(found, ElementsAre("8", "9"));
  EXPECT_EQ(result->guard, GuardRule::kThreshold);
  EXPECT_TRUE(catalogue.removed.empty());
}

TEST(Reconcile, AnEmptyCatalogueIsNoDivisionByZero) {
  FakeCatalogue catalogue(0);
  const auto result = reconcile(catalogue, pipeline::SeenSet(), {.threshold = 0.9});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->guard, GuardRule::kNone);
}

TEST(Reconcile, RemovesNothingWhenTheListingFails) {
  FakeCatalogue catalogue(10);
  catalogue.broken = true;
  const auto result = reconcile(catalogue, pipeline::SeenSet(), {});
  ASSERT_FALSE(result);
  EXPECT_TRUE(catalogue.removed.empty());
}

TEST(StaleListTest, MoreThanTheMemoryHoldsComesBackAsItWas) {
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{7}, StaleList::kInMemory, StaleList::kInMemory + 1, 3 * StaleList::kInMemory + 5}) {
    SCOPED_TRACE(count);
    StaleList list(testing::TempDir());
    for (std::size_t i = 0; i < count; ++i) {
      OwnedEntity entity{"blueprint", std::to_string(i), i % 2 == 0 ? "kind" : ""};
      if (i % 3 == 0) entity.partition = i % 6 == 0 ? "" : "scope";
      for (std::size_t related = 0; related < i % 4; ++related) entity.related.push_back(std::to_string(related));
      list.add(entity);
    }
    ASSERT_EQ(list.size(), count);
    std::size_t next = 0;
    auto walked = list.each_part(1000, [&](std::vector<OwnedEntity>& part) -> pipeline::Result<void> {
      EXPECT_LE(part.size(), 1000u);
      for (const OwnedEntity& entity : part) {
        EXPECT_EQ(entity.identifier, std::to_string(next));
        EXPECT_EQ(entity.kind, next % 2 == 0 ? "kind" : "");
        EXPECT_EQ(entity.partition.has_value(), next % 3 == 0);
        EXPECT_EQ(entity.related.size(), next % 4);
        ++next;
      }
      return {};
    });
    EXPECT_TRUE(walked);
    EXPECT_EQ(next, count);
  }
}

TEST(StaleListTest, AFailedPartEndsTheWalk) {
  StaleList list(testing::TempDir());
  for (std::size_t i = 0; i < StaleList::kInMemory + 10; ++i) list.add({"b", std::to_string(i), ""});
  int parts = 0;
  auto walked = list.each_part(10, [&](std::vector<OwnedEntity>&) -> pipeline::Result<void> {
    if (++parts == 3) return pipeline::unexpected(ErrorKind::kRejected, "no");
    return {};
  });
  EXPECT_FALSE(walked);
  EXPECT_EQ(parts, 3);
}

}  // namespace
}  // namespace riptide::stages
