#include "riptide/sinks/null_sink.hpp"

#include <gmock/gmock.h>

#include "entities.hpp"

namespace riptide::sinks {
namespace {

using namespace std::chrono_literals;

TEST(NullSink, WritesInlineUnlessItIsSlowedDown) {
  EXPECT_TRUE(NullSink().inline_writes());
  EXPECT_FALSE(NullSink({.records_per_second = 10, .pause = {}}).inline_writes());
}

TEST(NullSink, WaitsForTheRateAndSavesUpShortPauses) {
  std::vector<std::chrono::nanoseconds> pauses;
  NullSink sink({.records_per_second = 5000, .pause = [&](auto time) { pauses.push_back(time); }});
  const stages::Batch two = test::batch_of({test::service("a"), test::service("b")});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sink.write(two));
  std::chrono::nanoseconds total{0};
  for (const auto& pause : pauses) {
    EXPECT_GE(pause, 1ms);
    total += pause;
  }
  EXPECT_LE(total, 4ms);  // 20 records at 5000 a second.
  EXPECT_GT(total, 3ms - 400us);
}

}  // namespace
}  // namespace riptide::sinks
