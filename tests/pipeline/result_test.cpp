#include "riptide/pipeline/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace riptide::pipeline {
namespace {

Result<std::unique_ptr<int>> half(int number) {
  if (number % 2 != 0) return unexpected(ErrorKind::kMalformed, "not even: " + std::to_string(number));
  return std::make_unique<int>(number / 2);
}

TEST(Result, HoldsAValueOrAnError) {
  auto good = half(4);
  ASSERT_TRUE(good);
  EXPECT_EQ(**good, 2);
  const std::unique_ptr<int> taken = std::move(*good);
  EXPECT_EQ(*taken, 2);
  const auto bad = half(3);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::kMalformed);
  EXPECT_EQ(bad.error().message, "not even: 3");
}

TEST(Result, OfNothingIsSuccessOrAnError) {
  Result<void> good;
  EXPECT_TRUE(good);
  Result<void> bad = unexpected(ErrorKind::kLimit, "too long");
  ASSERT_FALSE(bad);
  EXPECT_EQ(std::move(bad).error().within("page 3").message, "page 3: too long");
}

TEST(ResultDeathTest, ReadingWhatIsNotThereIsABrokenInvariant) {
  const auto bad = half(3);
  EXPECT_DEATH((void)bad.value(), "broken invariant");
}

}  // namespace
}  // namespace riptide::pipeline
