#include "latency_histogram.hpp"

#include <gtest/gtest.h>

namespace riptide::stages {
namespace {

using std::chrono::microseconds;

TEST(LatencyHistogram, IsZeroWhenEmpty) { EXPECT_EQ(LatencyHistogram{}.quantile_ms(0.5), 0); }

TEST(LatencyHistogram, QuantilesAreRightWithinABucket) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.add(microseconds{i * 100});
  EXPECT_GE(histogram.quantile_ms(0.5), 50);
  EXPECT_LE(histogram.quantile_ms(0.5), 50 * 1.13);
  EXPECT_GE(histogram.quantile_ms(0.99), 99);
  EXPECT_LE(histogram.quantile_ms(0.99), 99 * 1.13);
}

TEST(LatencyHistogram, EveryDurationIsWithinItsBucket) {
  for (std::int64_t us = 1; us < 100'000'000'000; us = us * 9 / 8 + 1) {
    LatencyHistogram histogram;
    histogram.add(microseconds{us});
    const double edge = histogram.quantile_ms(1) * 1000;
    EXPECT_GT(edge, static_cast<double>(us));
    EXPECT_LE(edge, static_cast<double>(us) * 1.13 + 1);
  }
}

TEST(LatencyHistogram, TakesExtremes) {
  LatencyHistogram histogram;
  histogram.add(microseconds{-1});
  histogram.add(microseconds::max());
  EXPECT_LE(histogram.quantile_ms(0.5), 0.001);
  EXPECT_GT(histogram.quantile_ms(1), 1e6);
}

}  // namespace
}  // namespace riptide::stages
