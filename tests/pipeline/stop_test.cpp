#include "riptide/pipeline/stop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::pipeline {
namespace {

using ::testing::ElementsAre;
using Urgency = Stop::Urgency;

TEST(Stop, KeepsTheFirstReasonAndCallsOncePerUrgency) {
  Stop stop;
  std::vector<Urgency> calls;
  stop.on_request([&](Urgency urgency) { calls.push_back(urgency); });
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
  stop.on_request([&](Urgency urgency) { calls.push_back(urgency); });
  EXPECT_THAT(calls, ElementsAre(Urgency::kAbort));
}

}  // namespace
}  // namespace riptide::pipeline
