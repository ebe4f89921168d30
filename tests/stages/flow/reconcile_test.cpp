#include "reconcile/reconcile.hpp"

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
  const auto result = reconcile(catalogue, seen, 0.9);
  ASSERT_TRUE(result);
  EXPECT_THAT(catalogue.removed, ElementsAre("8", "9"));
  EXPECT_EQ(result->owned, 10u);
  EXPECT_EQ(result->removed_count, 2u);
  EXPECT_FALSE(result->guarded);
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
    const auto result = reconcile(catalogue, seen, c.threshold);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->guarded, c.guarded) << c.seen << " of 10, " << c.threshold;
    EXPECT_EQ(catalogue.removed.size(), c.guarded ? 0u : static_cast<std::size_t>(10 - c.seen));
    EXPECT_TRUE(!c.guarded || !result->examples.empty());
  }
}

TEST(Reconcile, AnEmptyCatalogueIsNoDivisionByZero) {
  FakeCatalogue catalogue(0);
  const auto result = reconcile(catalogue, pipeline::SeenSet(), 0.9);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->guarded);
}

TEST(Reconcile, RemovesNothingWhenTheListingFails) {
  FakeCatalogue catalogue(10);
  catalogue.broken = true;
  const auto result = reconcile(catalogue, pipeline::SeenSet(), 1.0);
  ASSERT_FALSE(result);
  EXPECT_TRUE(catalogue.removed.empty());
}

}  // namespace
}  // namespace riptide::stages
