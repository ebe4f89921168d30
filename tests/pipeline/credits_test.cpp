#include "riptide/pipeline/credits.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace riptide::pipeline {
namespace {

TEST(CreditPool, GivesWhatIsFreeAndTakesItBack) {
  CreditPool pool("test", 10);
  auto first = pool.try_take(7);
  ASSERT_TRUE(first);
  EXPECT_FALSE(pool.try_take(4));
  auto second = pool.try_take(3);
  ASSERT_TRUE(second);
  EXPECT_EQ(pool.taken(), 10u);
  first->release();
  first->release();
  EXPECT_EQ(pool.taken(), 3u);
  second.reset();
  EXPECT_EQ(pool.taken(), 0u);
  EXPECT_EQ(pool.peak(), 10u);
}

TEST(CreditPool, LetsOneLargerThanItselfThroughAlone) {
  CreditPool pool("test", 10);
  auto giant = pool.try_take(25);
  ASSERT_TRUE(giant);
  EXPECT_FALSE(pool.try_take(1));
  giant.reset();
  auto small = pool.try_take(1);
  ASSERT_TRUE(small);
  EXPECT_FALSE(pool.try_take(25));
}

TEST(Credit, GrowsOnlyIntoWhatIsFreeUnlessTheBytesExistAlready) {
  CreditPool pool("test", 10);
  auto credit = pool.try_take(4);
  auto other = pool.try_take(4);
  ASSERT_TRUE(credit && other);
  EXPECT_TRUE(credit->try_grow(6));
  EXPECT_FALSE(credit->try_grow(7));
  EXPECT_EQ(credit->amount(), 6u);
  credit->resize(20);
  EXPECT_EQ(pool.taken(), 24u);
  credit->resize(1);
  EXPECT_EQ(pool.taken(), 5u);
  other->release();
  EXPECT_TRUE(credit->try_grow(100)) << "alone in the pool";
}

TEST(Credit, MovesWithoutCountingTwice) {
  CreditPool pool("test", 10);
  Credit credit = pool.take(4);
  Credit moved = std::move(credit);
  EXPECT_EQ(pool.taken(), 4u);
  moved = pool.take(2);
  EXPECT_EQ(pool.taken(), 2u);
}

TEST(CreditPool, TellsWhenCreditComesHomeAndOnlyThen) {
  CreditPool pool("test", 10);
  int calls = 0;
  pool.on_release([&] { ++calls; });
  Credit credit = pool.take(4);
  credit.resize(6);
  EXPECT_EQ(calls, 0);
  credit.resize(2);
  EXPECT_EQ(calls, 1);
  credit.release();
  EXPECT_EQ(calls, 2);
  Credit nothing = pool.take(0);
  nothing.release();
  EXPECT_EQ(calls, 2);
}

TEST(CreditPool, NeverExceedsItsCapacityUnderContention) {
  CreditPool pool("test", 5);
  std::atomic<int> held{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        auto credit = pool.try_take(2);
        if (!credit) continue;
        if (held.fetch_add(2) + 2 > 5) exceeded = true;
        held.fetch_sub(2);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(pool.taken(), 0u);
}

}  // namespace
}  // namespace riptide::pipeline
