// The pacer beside made-up hosts, under a made-up clock.
#include "pacer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <queue>
#include <random>
#include <string>
#include <tuple>

#include "quota_host.hpp"

namespace riptide::stages {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = Quota::Time;
using Span = Quota::Clock::duration;

constexpr Time kStart{std::chrono::hours(1)};

struct Traffic {
  std::size_t in_flight = 8;
  Span latency = milliseconds(4);  ///< Half of it on the way there. Up to as much again, at random.
  std::size_t requests = 5'000;
};

struct Journey {
  Span elapsed{0};
  std::vector<Time> sent;

  /// Requests beside those that the quota would have allowed in that time.
  [[nodiscard]] double use(const QuotaHost& host) const {
    const double windows = std::chrono::duration<double>(elapsed) / host.window;
    return static_cast<double>(sent.size()) / (windows * static_cast<double>(host.limit - host.used_by_others));
  }
};

/// Sends as the pacer lets, one event after the other.
Journey drive(QuotaHost& host, Pacer& pacer, const Traffic& traffic) {
  struct Event {
    Time at;
    std::size_t number;
    bool arrives;
    bool operator>(const Event& other) const { return at > other.at; }
  };
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> unit(0, 1);
  const auto way = [&] { return std::chrono::duration_cast<Span>(traffic.latency / 2 * (1 + unit(random))); };
  const std::size_t group = pacer.group("");
  std::vector<QuotaHost::Answer> answers(traffic.requests);
  Journey run;
  Time now = kStart;
  std::size_t in_flight = 0;
  std::size_t done = 0;
  while (done < traffic.requests) {
    Time wake = Time::max();
    while (run.sent.size() < traffic.requests && in_flight < traffic.in_flight) {
      const Time ready = pacer.ready_at(group, now, in_flight);
      if (ready > now) {
        wake = ready;
        break;
      }
      pacer.sent(group, now, in_flight);
      ++in_flight;
      events.push({now + way(), run.sent.size(), true});
      run.sent.push_back(now);
    }
    if (events.empty() && wake == Time::max()) {
      ADD_FAILURE() << "the pacer waits for nothing after " << done << " answers";
      break;
    }
    if (events.empty() || wake < events.top().at) {
      now = wake;
      continue;
    }
    const Event event = events.top();
    events.pop();
    now = event.at;
    if (event.arrives) {
      answers[event.number] = host.count(now);
      events.push({now + way(), event.number, false});
      continue;
    }
    --in_flight;
    ++done;
    const QuotaHost::Answer& answer = answers[event.number];
    pacer.ended({.group = group,
                 .sent = run.sent[event.number],
                 .status = answer.status,
                 .reports = read_quota_headers(answer.headers, QuotaHost::wall(now)),
                 .paused_until = now + seconds(1)},
                now, in_flight);
  }
  run.elapsed = now - kStart;
  return run;
}

using Case = std::tuple<QuotaHost::Window, QuotaHost::Headers, Span>;

class PacerAtAQuota : public testing::TestWithParam<Case> {};

TEST_P(PacerAtAQuota, UsesItUpAndIsNeverRefused) {
  const auto& [kind, headers, window] = GetParam();
  const std::uint64_t per_second = window > seconds(10) ? 50 : 500;
  QuotaHost host;
  host.limit = per_second * static_cast<std::uint64_t>(window / seconds(1));
  host.window = window;
  host.kind = kind;
  host.headers = headers;
  host.phase = window / 3;
  Pacer pacer;
  const Traffic traffic{.requests = static_cast<std::size_t>(std::max<std::uint64_t>(20'000, host.limit * 11 / 2))};
  const Journey run = drive(host, pacer, traffic);
  EXPECT_EQ(host.refused, 0u);
  EXPECT_EQ(host.served, traffic.requests);
  EXPECT_GE(run.use(host), 0.97);
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  static constexpr const char* kWindows[] = {"Aligned", "FromFirst", "SlidingFirst", "SlidingFull", "Bucket"};
  static constexpr const char* kHeaders[] = {"SecondsUp", "SecondsDown", "SecondsNear", "Epoch",
                                             "Iso",       "Period",      "Draft",       "Structured"};
  return std::string(kWindows[static_cast<int>(std::get<0>(info.param))]) +
         kHeaders[static_cast<int>(std::get<1>(info.param))] + std::to_string(std::get<2>(info.param) / seconds(1)) +
         "s";
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, PacerAtAQuota,
    testing::Combine(
        testing::Values(QuotaHost::Window::kAligned, QuotaHost::Window::kFromFirst, QuotaHost::Window::kSlidingFirst,
                        QuotaHost::Window::kSlidingFull, QuotaHost::Window::kBucket),
        testing::Values(QuotaHost::Headers::kSecondsUp, QuotaHost::Headers::kSecondsDown,
                        QuotaHost::Headers::kSecondsNear, QuotaHost::Headers::kEpoch, QuotaHost::Headers::kIso,
                        QuotaHost::Headers::kPeriod, QuotaHost::Headers::kDraft, QuotaHost::Headers::kStructured),
        testing::Values(Span(seconds(1)), Span(seconds(2)), Span(seconds(10)), Span(seconds(60)), Span(seconds(300)))),
    name_of);

TEST(PacerOfPort, UsesTheQuotaOfAFirstRun) {
  // 100,000 entities, 20 a request, 500 requests a second.
  QuotaHost host;
  host.kind = QuotaHost::Window::kFromFirst;
  Pacer pacer;
  const Journey run = drive(host, pacer, {.requests = 5'000});
  EXPECT_EQ(host.refused, 0u);
  EXPECT_GE(run.use(host), 0.97);
}

TEST(PacerOfALongWindow, LeavesAShortRunAlone) {
  QuotaHost host;
  host.limit = 35'000;
  host.window = seconds(300);
  Pacer pacer;
  const Traffic traffic{.in_flight = 8, .latency = milliseconds(50), .requests = 5'000};
  const Journey run = drive(host, pacer, traffic);
  // Half again the latency, for its randomness.
  EXPECT_LE(run.elapsed, traffic.latency * 3 / 2 * 5'000 / 8 * 1.02);
}

class SmallQuota : public testing::TestWithParam<std::tuple<std::uint64_t, Span, QuotaHost::Window>> {};

TEST_P(SmallQuota, IsNotOverdrawn) {
  const auto& [limit, window, kind] = GetParam();
  QuotaHost host;
  host.limit = limit;
  host.window = window;
  host.kind = kind;
  host.phase = window / 2;
  Pacer pacer;
  const std::size_t in_flight = std::min<std::size_t>(8, limit);  // Before the first answer nobody knows.
  const Journey run = drive(host, pacer, {.in_flight = in_flight, .requests = limit * 8});
  EXPECT_EQ(host.refused, 0u);
  // The last request of a window whose end is known to the second only is left.
  EXPECT_GE(run.use(host), limit == 5 ? 0.6 : 0.9);
}

INSTANTIATE_TEST_SUITE_P(Hosts, SmallQuota,
                         testing::Combine(testing::Values(5, 30, 100),
                                          testing::Values(Span(seconds(1)), Span(seconds(10)), Span(seconds(60))),
                                          testing::Values(QuotaHost::Window::kAligned, QuotaHost::Window::kFromFirst,
                                                          QuotaHost::Window::kSlidingFirst)));

TEST(PacerBesideOthers, TakesWhatTheyLeave) {
  QuotaHost host;
  host.limit = 5'000;
  host.window = seconds(10);
  host.used_by_others = 3'000;
  Pacer pacer;
  const Journey run = drive(host, pacer, {.requests = 20'000});
  EXPECT_EQ(host.refused, 0u);
  EXPECT_GE(run.use(host), 0.95);
}

TEST(PacerWithLongAnswers, ReservesWhatIsOnItsWay) {
  QuotaHost host;
  host.limit = 5'000;
  host.window = seconds(10);
  Pacer pacer;
  const Journey run = drive(host, pacer, {.in_flight = 64, .latency = milliseconds(60), .requests = 60'000});
  EXPECT_EQ(host.refused, 0u);
  EXPECT_GE(run.use(host), 0.97);
}

TEST(PacerOfADeclaredBudget, NeedsNoHeaders) {
  for (const Span window : {Span(seconds(1)), Span(seconds(10)), Span(seconds(60))}) {
    QuotaHost host;
    host.headers = QuotaHost::Headers::kNone;
    host.kind = QuotaHost::Window::kSlidingFirst;
    host.limit = 100;
    host.window = window;
    Pacer pacer({{.requests = 100, .window = std::chrono::duration_cast<milliseconds>(window)}}, kStart);
    const Journey run = drive(host, pacer, {.in_flight = 10, .requests = 1'000});
    EXPECT_EQ(host.refused, 0u);
    EXPECT_GE(run.use(host), 0.96) << window / seconds(1) << " s";
  }
}

TEST(PacerOfTwoBudgets, HoldsBoth) {
  Pacer pacer({{.requests = 10, .window = seconds(1)}, {.requests = 30, .window = seconds(10)}}, kStart);
  QuotaHost host;
  host.headers = QuotaHost::Headers::kNone;
  host.kind = QuotaHost::Window::kSlidingFirst;
  host.limit = 10;
  const Journey run = drive(host, pacer, {.in_flight = 10, .requests = 120});
  EXPECT_EQ(host.refused, 0u);
  for (std::size_t i = 30; i < run.sent.size(); ++i) EXPECT_GE(run.sent[i] - run.sent[i - 30], seconds(10)) << i;
}

QuotaReport told(std::uint64_t remaining, seconds reset = seconds(60), std::uint64_t limit = 100) {
  QuotaReport report;
  report.limit = limit;
  report.remaining = remaining;
  report.reset = reset;
  return report;
}

TEST(PacerGroups, WaitApart) {
  Pacer pacer;
  const std::size_t entities = pacer.group("entities");
  const std::size_t search = pacer.group("search");
  EXPECT_NE(entities, search);
  EXPECT_EQ(pacer.group("entities"), entities);
  pacer.sent(entities, kStart, 0);
  pacer.ended({.group = entities, .sent = kStart, .status = 200, .reports = {told(0)}}, kStart, 0);
  EXPECT_GT(pacer.ready_at(entities, kStart, 0), kStart + seconds(59));
  EXPECT_LE(pacer.ready_at(search, kStart, 0), kStart);
}

TEST(PacerGroups, OneMayHaveSeveralQuotas) {
  Pacer pacer;
  const std::size_t group = pacer.group("");
  pacer.sent(group, kStart, 0);
  pacer.ended({.group = group, .sent = kStart, .status = 200, .reports = {told(50), told(0, seconds(600), 1'000)}},
              kStart, 0);
  EXPECT_EQ(pacer.num_quotas(), 2u);
  EXPECT_GT(pacer.ready_at(group, kStart, 0), kStart + seconds(599));
}

TEST(PacerGroups, AQuotaThatIsNotToldAnyMoreIsForgotten) {
  Pacer pacer;
  const std::size_t group = pacer.group("");
  Time now = kStart;
  pacer.sent(group, now, 0);
  pacer.ended({.group = group, .sent = now, .status = 200, .reports = {told(70, seconds(600), 100)}}, now, 0);
  for (int i = 0; i < 200; ++i) {
    const Time ready = pacer.ready_at(group, now, 0);
    ASSERT_LT(ready, now + seconds(30)) << i;
    now = std::max(now, ready) + milliseconds(1);
    pacer.sent(group, now, 0);
    const QuotaReport other = told(5'000 - static_cast<std::uint64_t>(i), seconds(60), 5'000);
    pacer.ended({.group = group, .sent = now, .status = 200, .reports = {other}}, now, 0);
  }
  EXPECT_EQ(pacer.num_quotas(), 1u);
}

TEST(PacerRefused, WaitsAsLongAsItIsAskedTo) {
  Pacer pacer;
  const std::size_t group = pacer.group("");
  pacer.sent(group, kStart, 0);
  pacer.ended({.group = group, .sent = kStart, .status = 200, .reports = {told(50)}}, kStart, 0);
  pacer.sent(group, kStart, 0);
  pacer.ended({.group = group, .sent = kStart, .status = 429, .paused_until = kStart + seconds(5)}, kStart, 0);
  EXPECT_EQ(pacer.ready_at(group, kStart, 0), kStart + seconds(5));
  // Then one request finds out.
  const Time later = kStart + seconds(6);
  EXPECT_LE(pacer.ready_at(group, later, 0), later);
  pacer.sent(group, later, 0);
  EXPECT_EQ(pacer.ready_at(group, later, 1), Time::max());
  pacer.ended({.group = group, .sent = later, .status = 200, .reports = {told(99)}}, later, 0);
  EXPECT_LT(pacer.ready_at(group, later, 0), later + seconds(2));
}

TEST(PacerAndTime, AHostileOneStopsNobodyForEver) {
  Pacer pacer;
  const std::size_t group = pacer.group("");
  for (const char* reset : {"99999999999", "0", "-1", "nonsense", "1e9", ""}) {
    const std::vector<Header> headers = {
        {"x-ratelimit-limit", "18446744073709551615"}, {"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", reset}};
    pacer.sent(group, kStart, 0);
    pacer.ended({.group = group,
                 .sent = kStart,
                 .status = 200,
                 .reports = read_quota_headers(headers, QuotaHost::wall(kStart))},
                kStart, 0);
    EXPECT_LE(pacer.ready_at(group, kStart, 0), kStart + std::chrono::hours(24)) << reset;
  }
}

}  // namespace
}  // namespace riptide::stages
