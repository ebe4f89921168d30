#include "riptide/stages/retry_policy.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace riptide::stages {
namespace {

using std::chrono::milliseconds;

TEST(RetryPolicy, DoublesUpToTheCap) {
  const RetryPolicy policy{11, milliseconds{100}, milliseconds{60'000}, 0.1};
  const double middle = 0.5;  // No jitter.
  EXPECT_EQ(retry_delay(policy, 1, std::nullopt, middle), milliseconds{100});
  EXPECT_EQ(retry_delay(policy, 2, std::nullopt, middle), milliseconds{200});
  EXPECT_EQ(retry_delay(policy, 5, std::nullopt, middle), milliseconds{1600});
  EXPECT_EQ(retry_delay(policy, 11, std::nullopt, middle), milliseconds{60'000});
  EXPECT_EQ(retry_delay(policy, std::numeric_limits<int>::max(), std::nullopt, middle), milliseconds{60'000});
}

TEST(RetryPolicy, VariesBothWays) {
  const RetryPolicy policy{11, milliseconds{1000}, milliseconds{60'000}, 0.1};
  EXPECT_EQ(retry_delay(policy, 1, std::nullopt, 0.0), milliseconds{900});
  EXPECT_GE(retry_delay(policy, 1, std::nullopt, 0.999), milliseconds{1099});
  EXPECT_LE(retry_delay(policy, 1, std::nullopt, 0.999), milliseconds{1100});
}

TEST(RetryPolicy, TheServersWishWinsAndIsCapped) {
  const RetryPolicy policy{11, milliseconds{100}, milliseconds{5'000}, 0.1};
  EXPECT_EQ(retry_delay(policy, 4, milliseconds{0}, 0.5), milliseconds{0});
  EXPECT_EQ(retry_delay(policy, 1, milliseconds{3'000}, 0.9), milliseconds{3'000});
  EXPECT_EQ(retry_delay(policy, 1, milliseconds{3'600'000}, 0.9), milliseconds{5'000});
}

TEST(RetryPolicy, NonsenseSettingsStayHarmless) {
  const RetryPolicy policy{0, milliseconds{-5}, milliseconds{-1}, -3};
  EXPECT_EQ(retry_delay(policy, -7, std::nullopt, 0.5), milliseconds{0});
  EXPECT_EQ(retry_delay(policy, 1, milliseconds{50}, 0.5), milliseconds{0});
}

TEST(RetryPolicy, KnowsTheStatuses) {
  for (const int status : {408, 429, 502, 503, 504}) {
    EXPECT_TRUE(is_retried_status(Method::kGet, status)) << status;
    EXPECT_TRUE(is_retried_status(Method::kPost, status)) << status;
  }
  EXPECT_TRUE(is_retried_status(Method::kGet, 500));
  EXPECT_FALSE(is_retried_status(Method::kPost, 500));
  for (const int status : {200, 201, 207, 301, 400, 401, 403, 404, 409, 413, 422, 501, 505}) {
    EXPECT_FALSE(is_retried_status(Method::kGet, status)) << status;
  }
}

TEST(RetryPolicy, RepeatsOnlyWhatMayBeRepeated) {
  HttpRequest request;
  EXPECT_TRUE(may_repeat(request));
  for (const Method method : {Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
    request.method = method;
    request.retryable = false;
    EXPECT_FALSE(may_repeat(request));
    request.retryable = true;
    EXPECT_TRUE(may_repeat(request));
  }
}

TEST(RetryPolicy, PausesAHostOnlyWhenItAsks) {
  EXPECT_TRUE(pauses_host(429, false));
  EXPECT_TRUE(pauses_host(429, true));
  EXPECT_TRUE(pauses_host(503, true));
  EXPECT_FALSE(pauses_host(503, false));
  EXPECT_FALSE(pauses_host(502, true));
}

}  // namespace
}  // namespace riptide::stages
