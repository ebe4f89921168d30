#include "riptide/pipeline/stop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace riptide::pipeline {
namespace {

using ::testing::ElementsAre;
using Urgency = Stop::Urgency;

TEST(Stop, KeepsTheFirstReasonAndCallsOncePerUrgency) {
  Stop stop;
  std::vector<Urgency> calls;
  const auto subscription = stop.on_request([&](Urgency urgency) { calls.push_back(urgency); });
  EXPECT_FALSE(stop.requested());
  stop.request(Error(ErrorKind::kStopped, "first"));
  stop.request(Error(ErrorKind::kInternal, "second"));
  EXPECT_THAT(calls, ElementsAre(Urgency::kDrain));
  EXPECT_FALSE(stop.aborting());
  stop.request(Error(ErrorKind::kStopped, "third"), Urgency::kAbort);
  stop.request(Error(ErrorKind::kStopped, "fourth"), Urgency::kAbort);
  EXPECT_THAT(calls, ElementsAre(Urgency::kDrain, Urgency::kAbort));
  EXPECT_TRUE(stop.aborting());
  EXPECT_EQ(stop.reason()->message, "first");
  EXPECT_EQ(stop.requests(), 4u);
}

TEST(Stop, CallsALateListenerAtOnce) {
  Stop stop;
  stop.request(Error(ErrorKind::kStopped, "now"), Urgency::kAbort);
  std::vector<Urgency> calls;
  const auto subscription = stop.on_request([&](Urgency urgency) { calls.push_back(urgency); });
  EXPECT_THAT(calls, ElementsAre(Urgency::kAbort));
}

TEST(Stop, CallsNobodyWhoseSubscriptionEnded) {
  Stop stop;
  int calls = 0;
  {
    Stop::Subscription outer;
    {
      auto inner = stop.on_request([&](Urgency) { ++calls; });
      outer = std::move(inner);
    }
    stop.request(Error(ErrorKind::kStopped, "now"));
  }
  EXPECT_EQ(calls, 1);
  stop.request(Error(ErrorKind::kStopped, "again"), Urgency::kAbort);
  EXPECT_EQ(calls, 1);
}

TEST(Stop, MayBeAskedForAgainFromACallback) {
  Stop stop;
  int calls = 0;
  const auto subscription = stop.on_request([&](Urgency) {
    ++calls;
    stop.request(Error(ErrorKind::kInternal, "from within"));
  });
  stop.request(Error(ErrorKind::kStopped, "first"));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(stop.reason()->message, "first");
}

}  // namespace
}  // namespace riptide::pipeline
