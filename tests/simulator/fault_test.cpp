#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "blocking_client.hpp"

namespace riptide::simulator {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::StartsWith;

OctopusOptions with_rule(FaultRule rule) {
  OctopusOptions options;
  options.spaces = 8;
  options.kinds = {{.name = "project", .records_per_space = std::vector<std::size_t>(8, 60)}};
  options.faults.rules = {std::move(rule)};
  return options;
}

constexpr const char* kPage = "/api/Spaces-1/projects?take=50";

TEST(Fault, TooManyRequestsSaysWhenToComeBack) {
  OctopusOptions options = with_rule({.fault = Fault::kTooManyRequests, .times = 1});
  options.faults.retry_after = std::chrono::seconds{7};
  const auto server = start(options);
  BlockingClient client(server->port());
  const Reply reply = client.get(kPage);
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.headers.at("retry-after"), "7");
  EXPECT_THAT(reply.body, HasSubstr("ErrorMessage"));
  EXPECT_EQ(client.get(kPage).status, 200) << "on the same connection";
}

TEST(Fault, UnavailableWithoutRetryAfter) {
  OctopusOptions options = with_rule({.fault = Fault::kUnavailable, .times = 1});
  options.faults.retry_after.reset();
  const auto server = start(options);
  const Reply reply = get(*server, kPage);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers.count("retry-after"), 0U);
}

TEST(Fault, ResetInTheMiddleOfTheBody) {
  const auto server = start(with_rule({.fault = Fault::kReset, .times = 1}));
  const Reply reply = get(*server, kPage);
  EXPECT_EQ(reply.end, End::kReset);
  const Reply whole = get(*server, kPage);
  EXPECT_EQ(whole.end, End::kComplete);
  EXPECT_LT(reply.body.size(), whole.body.size());
}

TEST(Fault, AShortBodyThenAnOrderlyClose) {
  const auto server = start(with_rule({.fault = Fault::kShortBody, .times = 1}));
  const Reply reply = get(*server, kPage);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.end, End::kClosed);
  const Reply whole = get(*server, kPage);
  EXPECT_EQ(reply.headers.at("content-length"), whole.headers.at("content-length"));
  EXPECT_EQ(reply.body, whole.body.substr(0, whole.body.size() / 2));
}

TEST(Fault, TruncatedJsonHasTheRightLength) {
  OctopusOptions options = with_rule({.fault = Fault::kTruncatedJson, .times = 1});
  options.gzip = true;
  const auto server = start(options);
  BlockingClient client(server->port());
  const Reply reply = client.get(kPage, "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.end, End::kComplete);
  EXPECT_EQ(reply.headers.count("content-encoding"), 0U);
  EXPECT_FALSE(is_json(reply.body));
  const Reply whole = client.get(kPage);
  EXPECT_EQ(reply.body, whole.body.substr(0, whole.body.size() / 2));
}

TEST(Fault, HtmlWithStatus200) {
  const auto server = start(with_rule({.fault = Fault::kHtml}));
  const Reply reply = get(*server, kPage);
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.headers.at("content-type"), StartsWith("text/html"));
  EXPECT_THAT(reply.body, StartsWith("<!DOCTYPE html>"));
}

TEST(Fault, ADripIsRightButSlow) {
  OctopusOptions options = with_rule({.fault = Fault::kDrip, .times = 1});
  options.faults.drip_bytes = 8'192;
  options.faults.drip_interval = std::chrono::milliseconds{3};
  const auto server = start(options);
  const auto before = steady_clock::now();
  const Reply reply = get(*server, kPage);
  const auto took = steady_clock::now() - before;
  EXPECT_EQ(reply.body, get(*server, kPage).body);
  EXPECT_GE(took, std::chrono::milliseconds{3} * static_cast<long>(reply.body.size() / 8'192));
  EXPECT_EQ(server->stats().by_fault[static_cast<std::size_t>(Fault::kDrip)], 1U);
}

TEST(Fault, DeadAndBrokenSpacesForEver) {
  OctopusOptions options = with_rule({.target = "/Spaces-7/", .fault = Fault::kStatus, .status = 404});
  options.faults.rules.push_back({.target = "/Spaces-2/", .fault = Fault::kStatus, .status = 500});
  options.faults.rules.push_back({.target = "/Spaces-3/", .fault = Fault::kStatus, .status = 403});
  const auto server = start(options);
  BlockingClient client(server->port());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client.get("/api/Spaces-7/projects").status, 404);
    EXPECT_EQ(client.get("/api/Spaces-2/projects?skip=30").status, 500);
    EXPECT_EQ(client.get("/api/Spaces-3/projects").status, 403);
    EXPECT_EQ(client.get("/api/Spaces-1/projects").status, 200);
    EXPECT_EQ(client.get("/api/spaces").status, 200) << "it is still listed";
  }
  EXPECT_THAT(client.get("/api/Spaces-7/projects").body, HasSubstr("ErrorMessage"));
}

TEST(Fault, ARuleHitsAfterSomeAndOnlySoOften) {
  const auto server = start(with_rule({.target = "skip=", .fault = Fault::kUnavailable, .after = 2, .times = 3}));
  BlockingClient client(server->port());
  std::vector<int> statuses;
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(client.get("/api/spaces").status, 200);
    statuses.push_back(client.get("/api/spaces?skip=" + std::to_string(i)).status);
  }
  EXPECT_THAT(statuses, ::testing::ElementsAre(200, 200, 503, 503, 503, 200, 200));
}

OctopusOptions with_rates() {
  OctopusOptions options;
  options.spaces = 8;
  options.kinds = {{.name = "project", .records_per_space = std::vector<std::size_t>(8, 500)}};
  options.faults.rates = {.too_many_requests = 0.15,
                          .unavailable = 0.15,
                          .reset = 0.1,
                          .short_body = 0.1,
                          .truncated_json = 0.1,
                          .html = 0.1};
  return options;
}

std::vector<std::string> page_targets() {
  std::vector<std::string> targets;
  for (int space = 1; space <= 8; ++space) {
    for (int skip = 0; skip < 500; skip += 50) {
      targets.push_back("/api/Spaces-" + std::to_string(space) + "/projects?take=50&skip=" + std::to_string(skip));
    }
  }
  return targets;
}

// What each attempt got, by target, until it was answered well.
std::map<std::string, std::string> attempts(const OctopusServer& server, const std::vector<std::string>& targets) {
  std::map<std::string, std::string> outcomes;
  for (const std::string& target : targets) {
    for (int attempt = 0; attempt < 10; ++attempt) {
      const Reply reply = get(server, target);
      const bool good = reply.status == 200 && reply.end == End::kComplete && is_json(reply.body);
      outcomes[target] += std::to_string(reply.status) + "/" + std::to_string(static_cast<int>(reply.end)) + " ";
      if (good) break;
      EXPECT_LT(attempt, 3) << target;
    }
  }
  return outcomes;
}

TEST(Fault, RandomOnesDependOnSeedTargetAndAttemptOnly) {
  std::vector<std::string> targets = page_targets();
  OctopusOptions options = with_rates();
  const auto forwards = start(options);
  const auto backwards = start(options);
  options.seed = 2;
  const auto other = start(options);
  const auto first = attempts(*forwards, targets);
  const auto others = attempts(*other, targets);
  std::reverse(targets.begin(), targets.end());
  EXPECT_EQ(first, attempts(*backwards, targets));
  EXPECT_NE(first, others);

  const ServerStats stats = forwards->stats();
  std::uint64_t faults = 0;
  for (std::size_t i = 1; i < kNumFaults; ++i) faults += stats.by_fault[i];
  const double rate = static_cast<double>(faults) / static_cast<double>(stats.requests);
  EXPECT_GT(rate, 0.45) << "70 % were asked for, and the fourth attempt is always good";
  EXPECT_LT(rate, 0.75);
  for (const Fault fault : {Fault::kTooManyRequests, Fault::kUnavailable, Fault::kReset, Fault::kShortBody,
                            Fault::kTruncatedJson, Fault::kHtml}) {
    EXPECT_GT(stats.by_fault[static_cast<std::size_t>(fault)], 0U) << fault_name(fault);
  }
}

TEST(Fault, ARuleOfNoneKeepsRandomFaultsAway) {
  OctopusOptions options = with_rates();
  options.faults.rates = {.unavailable = 1.0};
  options.faults.rules = {{.target = "/api/spaces", .fault = Fault::kNone}};
  const auto server = start(options);
  EXPECT_EQ(get(*server, "/api/spaces").status, 200);
  EXPECT_EQ(get(*server, kPage).status, 503);
}

TEST(Fault, NamesGoBothWays) {
  for (std::size_t i = 0; i < kNumFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    EXPECT_EQ(fault_by_name(fault_name(fault)), fault);
  }
  EXPECT_EQ(fault_by_name("flood"), std::nullopt);
}

}  // namespace
}  // namespace riptide::simulator
