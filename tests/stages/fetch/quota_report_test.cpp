#include "quota_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::stages {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;
using testing::Eq;
using testing::Optional;

constexpr system_clock::time_point kNow{seconds(1'790'000'000)};

struct Case {
  const char* what;
  std::vector<Header> headers;
  std::optional<std::uint64_t> limit;
  std::uint64_t remaining;
  std::optional<milliseconds> reset;
  std::optional<milliseconds> window;
  const char* name = "";
};

class QuotaHeaders : public testing::TestWithParam<Case> {};

TEST_P(QuotaHeaders, AreRead) {
  const Case& expected = GetParam();
  const auto reports = read_quota_headers(expected.headers, kNow);
  ASSERT_EQ(reports.size(), 1u) << expected.what;
  EXPECT_EQ(reports[0].limit, expected.limit) << expected.what;
  EXPECT_EQ(reports[0].remaining, expected.remaining) << expected.what;
  EXPECT_EQ(reports[0].reset, expected.reset) << expected.what;
  EXPECT_EQ(reports[0].window, expected.window) << expected.what;
  EXPECT_EQ(reports[0].name, expected.name) << expected.what;
}

INSTANTIATE_TEST_SUITE_P(
    Forms, QuotaHeaders,
    testing::Values(
        Case{"seconds",
             {{"X-RateLimit-Limit", "500"}, {"x-ratelimit-remaining", "499"}, {"X-Ratelimit-Reset", "7"}},
             500,
             499,
             seconds(7),
             std::nullopt},
        Case{"Port's period",
             {{"x-ratelimit-limit", "35000"},
              {"x-ratelimit-period", "300"},
              {"x-ratelimit-remaining", "12"},
              {"x-ratelimit-reset", "120"}},
             35'000,
             12,
             seconds(120),
             seconds(300)},
        Case{"Unix time, with the name of the quota",
             {{"x-ratelimit-limit", "5000"},
              {"x-ratelimit-remaining", "0"},
              {"x-ratelimit-reset", "1790000060"},
              {"x-ratelimit-resource", "core"}},
             5'000,
             0,
             seconds(60),
             std::nullopt,
             "core"},
        Case{"a Unix time that has passed",
             {{"x-ratelimit-remaining", "3"}, {"x-ratelimit-reset", "1789999999"}},
             std::nullopt,
             3,
             milliseconds(0),
             std::nullopt},
        Case{"ISO 8601, Jira",
             {{"x-ratelimit-limit", "350"},
              {"x-ratelimit-remaining", "349"},
              {"x-ratelimit-reset", "2026-09-21T14:13:30.500Z"}},
             350,
             349,
             milliseconds(10'500),
             std::nullopt},
        Case{"with another hyphen",
             {{"x-rate-limit-limit", "15"}, {"x-rate-limit-remaining", "14"}, {"x-rate-limit-reset", "1790000900"}},
             15,
             14,
             seconds(900),
             std::nullopt},
        Case{
            "without x, the policy in the limit",
            {{"RateLimit-Limit", "100, 100;w=60, 1000;w=3600"}, {"RateLimit-Remaining", "9"}, {"RateLimit-Reset", "5"}},
            100,
            9,
            seconds(5),
            seconds(60)},
        Case{"the policy apart",
             {{"ratelimit-limit", "100"},
              {"ratelimit-remaining", "9"},
              {"ratelimit-reset", "5"},
              {"ratelimit-policy", "10;w=1, 100;w=60;comment=\"a, b\""}},
             100,
             9,
             seconds(5),
             seconds(60)},
        Case{"combined, up to draft 07",
             {{"RateLimit", "limit=100, remaining=50, reset=5"}, {"RateLimit-Policy", "100;w=60"}},
             100,
             50,
             seconds(5),
             seconds(60)},
        Case{"structured, from draft 08 on",
             {{"RateLimit", "\"default\";r=50;t=30"}, {"RateLimit-Policy", "\"default\";q=100;w=60"}},
             100,
             50,
             seconds(30),
             seconds(60),
             "default"},
        Case{"a number that remains, and nothing else",
             {{"ratelimit-remaining", "7"}},
             std::nullopt,
             7,
             std::nullopt,
             std::nullopt}));

TEST(QuotaHeadersOf, SeveralQuotasAreAllRead) {
  const auto reports = read_quota_headers({{"RateLimit", "\"burst\";r=5;t=1, \"day;x,y\";r=900;t=4000"},
                                           {"RateLimit-Policy", "\"day;x,y\";q=1000;w=86400,\"burst\";q=10;w=1"}},
                                          kNow);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].name, "burst");
  EXPECT_THAT(reports[0].limit, Optional(Eq(10u)));
  EXPECT_EQ(reports[1].name, "day;x,y");
  EXPECT_THAT(reports[1].limit, Optional(Eq(1000u)));
  EXPECT_THAT(reports[1].window, Optional(Eq(milliseconds(seconds(86'400)))));
}

TEST(QuotaHeadersOf, WhatCannotBeReadIsNotThere) {
  const std::vector<std::vector<Header>> none = {
      {},
      {{"Content-Type", "text/html"}, {"X-Request-Id", "1"}, {"Retry-After", "3"}},
      {{"x-ratelimit-limit", "500"}, {"x-ratelimit-reset", "3"}},
      {{"x-ratelimit-remaining", "-1"}},
      {{"x-ratelimit-remaining", "many"}},
      {{"x-ratelimit-remaining", ""}},
      {{"x-ratelimit-remaining", "1e400"}},
      {{"RateLimit", "\"default\""}},
      {{"RateLimit", "\"default;r=1;t=2"}},
      {{"RateLimit", ";;;,,,=;\"\"\""}},
      {{"", "1"}, {"x", "2"}, {"x-", "3"}, {"ratelimit-", "4"}},
  };
  for (std::size_t i = 0; i < none.size(); ++i) EXPECT_TRUE(read_quota_headers(none[i], kNow).empty()) << i;
}

TEST(QuotaHeadersOf, AFloodOfPoliciesIsCut) {
  std::string flood;
  for (int i = 0; i < 10'000; ++i) flood += "\"p" + std::to_string(i) + "\";r=1;t=1,";
  EXPECT_LE(read_quota_headers({{"RateLimit", flood}, {"RateLimit-Policy", flood}}, kNow).size(), 8u);
}

}  // namespace
}  // namespace riptide::stages
