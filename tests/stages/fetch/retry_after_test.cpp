#include "riptide/stages/retry_after.hpp"

#include <gtest/gtest.h>

#include <string>

namespace riptide::stages {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

// 2024-05-06T07:08:09Z
const system_clock::time_point kNow{std::chrono::seconds{1'714'979'289}};

struct Case {
  std::string value;
  std::optional<std::int64_t> wait_ms;
};

void PrintTo(const Case& c, std::ostream* out) { *out << '"' << c.value << '"'; }

class RetryAfter : public testing::TestWithParam<Case> {};

TEST_P(RetryAfter, ReadsEveryForm) {
  const auto wait = parse_retry_after(GetParam().value, kNow);
  std::optional<std::int64_t> ms;
  if (wait) ms = wait->count();
  EXPECT_EQ(ms, GetParam().wait_ms);
}

constexpr std::int64_t kYear = 365LL * 24 * 3600 * 1000;

INSTANTIATE_TEST_SUITE_P(
    Forms, RetryAfter,
    testing::Values(
        // Seconds.
        Case{"0", 0}, Case{"3", 3000}, Case{" 3\t", 3000}, Case{"1.5", 1500}, Case{"0.0004", 1},
        Case{"10000", 10'000'000},
        // Unix times.
        Case{"1714979299", 10'000}, Case{"1714979289.25", 250}, Case{"1714979000", 0}, Case{"10001", 0},
        Case{"99999999999999999999", kYear}, Case{std::string(400, '9'), std::nullopt},
        // ISO 8601.
        Case{"2024-05-06T07:08:19Z", 10'000}, Case{"2024-05-06T07:08:19", 10'000}, Case{"2024-05-06 07:08:19Z", 10'000},
        Case{"2024-05-06T09:08:19+02:00", 10'000}, Case{"2024-05-06T02:08:19-0500", 10'000},
        Case{"2024-05-06T09:08:19+02", 10'000}, Case{"2024-05-06T07:08:19.250Z", 10'250},
        Case{"2024-05-06T07:08:19.2509999Z", 10'250}, Case{"2024-05-06T07:09Z", 51'000}, Case{"2024-05-07", 60'711'000},
        Case{"2024-05-06T07:08:08Z", std::nullopt}, Case{"9999-12-31T23:59:59Z", kYear},
        Case{"2024-02-30T00:00:00Z", std::nullopt}, Case{"2024-05-06T25:00:00Z", std::nullopt},
        Case{"2024-05-06T07:08:19Zzz", std::nullopt}, Case{"2024-05-06T07:08:19.Z", std::nullopt},
        Case{"2024-05-06T07:08:19+99:00", std::nullopt},
        // HTTP dates, all three.
        Case{"Mon, 06 May 2024 07:08:39 GMT", 30'000}, Case{"monday, 06-may-24 07:08:39 gmt", 30'000},
        Case{"Mon May  6 07:08:39 2024", 30'000}, Case{"Mon, 06 May 2024 07:08:09 GMT", std::nullopt},
        Case{"Sun, 06 Nov 1994 08:49:37 GMT", std::nullopt}, Case{"Mon, 06 Foo 2024 07:08:39 GMT", std::nullopt},
        Case{"Mon, 06 May 2024 07:08:39 PST", std::nullopt}, Case{"Mon, 06 May 2024", std::nullopt},
        // Neither.
        Case{"", std::nullopt}, Case{"soon", std::nullopt}, Case{"-5", std::nullopt}, Case{"nan", std::nullopt},
        Case{"inf", std::nullopt}, Case{"1e3", std::nullopt}, Case{"0x10", std::nullopt}, Case{"5 s", std::nullopt}));

TEST(RequestedDelay, PrefersRetryAfterAndFallsToTheReset) {
  HttpResponse response;
  EXPECT_EQ(requested_delay(response.headers, kNow), std::nullopt);
  response.headers = {{"X-RateLimit-Reset", "7"}};
  EXPECT_EQ(requested_delay(response.headers, kNow), milliseconds{7000});
  response.headers.push_back({"retry-after", "3"});
  EXPECT_EQ(requested_delay(response.headers, kNow), milliseconds{3000});
  response.headers.back().value = "soon";
  EXPECT_EQ(requested_delay(response.headers, kNow), milliseconds{7000});
}

}  // namespace
}  // namespace riptide::stages
