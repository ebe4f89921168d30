// Sampling and leaving repeats out.
#include <gmock/gmock.h>

#include "riptide/stages/dedupe.hpp"
#include "riptide/stages/sampler.hpp"

namespace riptide::stages {
namespace {

int picked(Sampler sampler, int of) {
  int count = 0;
  for (int i = 0; i < of; ++i) count += sampler.picks(std::to_string(i)) ? 1 : 0;
  return count;
}

TEST(SamplerTest, PicksAsManyAsAsked) {
  EXPECT_EQ(picked(Sampler::every(3), 10), 4);
  EXPECT_EQ(picked(Sampler::first(3), 10), 3);
  EXPECT_EQ(picked(Sampler::first(30), 10), 10);
  EXPECT_EQ(picked(Sampler::fraction(0, 0), 1000), 0);
  EXPECT_EQ(picked(Sampler::fraction(1, 0), 1000), 1000);
  EXPECT_NEAR(picked(Sampler::fraction(0.1, 0), 100'000), 10'000, 600);
}

TEST(SamplerTest, AFractionIsTheSameWhateverTheOrder) {
  Sampler one = Sampler::fraction(0.5, 7);
  Sampler same = Sampler::fraction(0.5, 7);
  Sampler other = Sampler::fraction(0.5, 8);
  int different = 0;
  std::vector<bool> forth;
  for (int i = 0; i < 1000; ++i) forth.push_back(one.picks(std::to_string(i)));
  for (int i = 999; i >= 0; --i) {
    EXPECT_EQ(same.picks(std::to_string(i)), forth[static_cast<std::size_t>(i)]);
    different += other.picks(std::to_string(i)) != forth[static_cast<std::size_t>(i)] ? 1 : 0;
  }
  EXPECT_GT(different, 300);
}

TEST(DedupeTest, LetsTheFirstThrough) {
  Dedupe whole(nullptr, 1 << 20);
  EXPECT_TRUE(*whole.is_first("1"));
  EXPECT_TRUE(*whole.is_first("2"));
  EXPECT_FALSE(*whole.is_first("1"));
}

TEST(DedupeTest, ByAKey) {
  Dedupe by_id(*JqProgram::compile(".id"), 1 << 20);
  EXPECT_TRUE(*by_id.is_first(R"({"id":1,"x":1})"));
  EXPECT_FALSE(*by_id.is_first(R"({"id":1,"x":2})"));
  EXPECT_TRUE(*by_id.is_first(R"({"id":"1"})"));  // a text is no number
  EXPECT_FALSE(by_id.is_first("[]").has_value());
}

TEST(DedupeTest, KeysPastTheMemoryStayKnown) {
  Dedupe small(nullptr, 1 << 20);
  constexpr int kMany = 60'000;
  for (int i = 0; i < kMany; ++i) ASSERT_TRUE(*small.is_first(std::to_string(i)));
  for (int i = 0; i < kMany; ++i) ASSERT_FALSE(*small.is_first(std::to_string(i))) << i;
}

}  // namespace
}  // namespace riptide::stages
