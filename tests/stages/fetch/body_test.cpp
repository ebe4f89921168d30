#include "body.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::stages {
namespace {

using pipeline::Credit;
using pipeline::CreditPool;
using pipeline::PagePool;
using testing::HasSubstr;

TEST(Body, AnEmptyOneIsAPaddedPage) {
  const BodyLimits limits{100};
  Body body(limits, {});
  const Page page = body.finish();
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->size(), 0u);
  EXPECT_EQ(page->view().data()[pipeline::kPagePadding - 1], '\0');
}

TEST(Body, WithoutCreditOnlyTheSizeLimitBounds) {
  CreditPool pool("bodies", 10);
  const BodyLimits limits{1000, &pool};
  Body body(limits, {});
  EXPECT_TRUE(body.append(std::string(1000, 'x')));
  EXPECT_FALSE(body.append("x"));
  ASSERT_TRUE(body.failure());
  EXPECT_EQ(body.failure()->kind, ErrorKind::kLimit);
  EXPECT_EQ(body.failure()->retry.when, pipeline::Retry::When::kNever);
  EXPECT_THAT(body.failure()->message, testing::AllOf(HasSubstr("1001"), HasSubstr("1000"), HasSubstr("MEMORY")));
  EXPECT_EQ(pool.taken(), 0u);
}

TEST(Body, GrowsItsCreditBeforeItsMemory) {
  CreditPool pool("bodies", 1u << 20);
  const BodyLimits limits{1u << 20, &pool};
  Body body(limits, *pool.try_take(100));
  std::size_t size = 0;
  while (size < 200'000) {
    ASSERT_TRUE(body.append(std::string(1000, 'x')));
    size += 1000;
    EXPECT_GE(pool.taken(), size);
  }
  Page page = body.finish();
  EXPECT_EQ(pool.taken(), page->capacity());
  EXPECT_EQ(page->credit.amount(), page->capacity());
  page.reset();
  EXPECT_EQ(pool.taken(), 0u);
}

TEST(Body, GivesUnusedCreditBackWhenItIsComplete) {
  CreditPool pool("bodies", 1u << 20);
  const BodyLimits limits{1u << 20, &pool};
  Body body(limits, *pool.try_take(500'000));
  ASSERT_TRUE(body.expect(20'000));
  ASSERT_TRUE(body.append(std::string(20'000, 'x')));
  const Page page = body.finish();
  EXPECT_EQ(pool.taken(), 20'000u);
}

TEST(Body, IsRefusedForNowWhenThePoolIsEmpty) {
  CreditPool pool("bodies", 100'000);
  const BodyLimits limits{1u << 20, &pool};
  const auto others = pool.try_take(60'000);
  Body body(limits, *pool.try_take(30'000));
  EXPECT_TRUE(body.append(std::string(40'000, 'x'))) << "the last 10,000 are free";
  EXPECT_FALSE(body.append("x"));
  ASSERT_TRUE(body.failure());
  EXPECT_EQ(body.failure()->kind, ErrorKind::kLimit);
  EXPECT_EQ(body.failure()->retry.when, pipeline::Retry::When::kNow);
  body.abandon();
  EXPECT_EQ(pool.taken(), 60'000u);
}

TEST(Body, IsRefusedForEverWhenThePoolCanNeverHoldIt) {
  CreditPool pool("bodies", 100'000);
  const BodyLimits limits{1u << 20, &pool};
  Body body(limits, *pool.try_take(1));
  EXPECT_FALSE(body.expect(100'001));
  ASSERT_TRUE(body.failure());
  EXPECT_EQ(body.failure()->retry.when, pipeline::Retry::When::kNever);
  EXPECT_THAT(body.failure()->message, testing::AllOf(HasSubstr("100001"), HasSubstr("100000"), HasSubstr("MEMORY")));
}

TEST(Body, RestartsWithTheCreditThatItHad) {
  CreditPool pool("bodies", 100'000);
  PagePool pages(1u << 20);
  const BodyLimits limits{1u << 20, &pool, &pages};
  Body body(limits, *pool.try_take(10'000));
  ASSERT_TRUE(body.append(std::string(50'000, 'x')));
  EXPECT_GE(pool.taken(), 50'000u);
  body.restart();
  EXPECT_EQ(pool.taken(), 10'000u);
  ASSERT_TRUE(body.append("second"));
  EXPECT_EQ(body.finish()->view(), "second");
}

TEST(Body, APooledBufferIsCreditedInFull) {
  CreditPool pool("bodies", 1u << 20);
  PagePool pages(1u << 20);
  const BodyLimits limits{1u << 20, &pool, &pages};
  { pages.take()->reserve(80'000); }
  Body body(limits, *pool.try_take(1'000));
  ASSERT_TRUE(body.append("short"));
  const Page page = body.finish();
  EXPECT_EQ(page->capacity(), 80'000u);
  EXPECT_EQ(pool.taken(), 80'000u);
}

}  // namespace
}  // namespace riptide::stages
