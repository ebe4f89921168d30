#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "riptide/simulator/octopus_server.hpp"

namespace riptide::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Flags, SetEveryKnob) {
  const auto parsed = parse_flags({"--port=8123",
                                   "--spaces",
                                   "3",
                                   "--records",
                                   "500",
                                   "--skew",
                                   "1.5",
                                   "--kinds",
                                   "project,release:5,tag",
                                   "--shape",
                                   "tag=500,10x2",
                                   "--record-bytes",
                                   "4096",
                                   "--seed",
                                   "9",
                                   "--default-take",
                                   "10",
                                   "--max-take",
                                   "200",
                                   "--latency-ms",
                                   "2.5",
                                   "--latency-jitter-ms",
                                   "1",
                                   "--capacity",
                                   "16",
                                   "--gzip",
                                   "--gzip-ahead-take",
                                   "50",
                                   "--api-key",
                                   "API-X",
                                   "--fault",
                                   "/Spaces-7/=status:404",
                                   "--fault",
                                   "skip=50&take=50=reset@2x3",
                                   "--rate-429",
                                   "0.1",
                                   "--rate-503",
                                   "0.2",
                                   "--rate-reset",
                                   "0.01",
                                   "--rate-short-body",
                                   "0.02",
                                   "--rate-truncated-json",
                                   "0.03",
                                   "--rate-html",
                                   "0.04",
                                   "--rate-drip",
                                   "0.05",
                                   "--retry-after",
                                   "0"});
  ASSERT_TRUE(std::holds_alternative<OctopusOptions>(parsed)) << std::get<std::string>(parsed);
  const auto& options = std::get<OctopusOptions>(parsed);
  EXPECT_EQ(options.port, 8123);
  EXPECT_EQ(options.spaces, 3U);
  EXPECT_EQ(options.total_records, 500U);
  EXPECT_EQ(options.skew, 1.5);
  ASSERT_EQ(options.kinds.size(), 3U);
  EXPECT_EQ(options.kinds[1].name, "release");
  EXPECT_EQ(options.kinds[1].share, 5.0);
  EXPECT_THAT(options.kinds[2].records_per_space, ElementsAre(500, 10, 10));
  EXPECT_EQ(options.record_bytes, 4096U);
  EXPECT_EQ(options.seed, 9U);
  EXPECT_EQ(options.default_take, 10U);
  EXPECT_EQ(options.max_take, 200U);
  EXPECT_EQ(options.latency.count(), 2'500);
  EXPECT_EQ(options.latency_jitter.count(), 1'000);
  EXPECT_EQ(options.capacity, 16U);
  EXPECT_TRUE(options.gzip);
  EXPECT_EQ(options.gzip_ahead_take, 50U);
  EXPECT_EQ(options.api_key, "API-X");
  ASSERT_EQ(options.faults.rules.size(), 2U);
  EXPECT_EQ(options.faults.rules[0].target, "/Spaces-7/");
  EXPECT_EQ(options.faults.rules[0].fault, Fault::kStatus);
  EXPECT_EQ(options.faults.rules[0].status, 404);
  EXPECT_EQ(options.faults.rules[1].target, "skip=50&take=50");
  EXPECT_EQ(options.faults.rules[1].fault, Fault::kReset);
  EXPECT_EQ(options.faults.rules[1].after, 2U);
  EXPECT_EQ(options.faults.rules[1].times, 3U);
  EXPECT_EQ(options.faults.rates.too_many_requests, 0.1);
  EXPECT_EQ(options.faults.rates.drip, 0.05);
  EXPECT_EQ(options.faults.retry_after, std::chrono::seconds{0});
}

TEST(Flags, WhatIsWrongIsSaid) {
  const struct {
    std::vector<std::string> flags;
    const char* says;
  } cases[] = {
      {{"--speed", "9"}, "unknown flag: --speed"},
      {{"spaces"}, "unknown flag: spaces"},
      {{"--spaces"}, "--spaces needs a value"},
      {{"--spaces", "many"}, "--spaces is not a whole number"},
      {{"--spaces", "-1"}, "--spaces is not a whole number"},
      {{"--port", "70000"}, "--port"},
      {{"--latency-ms", "nan"}, "--latency-ms"},
      {{"--gzip=yes"}, "--gzip takes no value"},
      {{"--shape", "tag=5"}, "kind that is not there"},
      {{"--shape", "machine"}, "KIND=N"},
      {{"--shape", "machine=5x9999999999"}, "KIND=N"},
      {{"--fault", "reset"}, "TARGET=FAULT"},
      {{"--fault", "=flood"}, "names no fault"},
      {{"--fault", "=status:x"}, "has no status"},
      {{"--fault", "=reset@"}, "behind @"},
      {{"--rate-html", "2"}, "between 0 and 1"},
      {{"--kinds", ""}, "a kind is not named"},
      {{"--retry-after", "soon"}, "--retry-after"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_flags(c.flags);
    const auto* wrong = std::get_if<std::string>(&parsed);
    ASSERT_NE(wrong, nullptr) << c.flags[0];
    EXPECT_THAT(*wrong, HasSubstr(c.says));
  }
}

TEST(Flags, UsageNamesThem) {
  for (const char* flag : {"--port N", "--latency-ms X", "--fault TARGET=", "--gzip "}) {
    EXPECT_THAT(usage(), HasSubstr(flag));
  }
}

}  // namespace
}  // namespace riptide::simulator
