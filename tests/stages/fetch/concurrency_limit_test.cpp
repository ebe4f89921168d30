// The limit beside made-up hosts, under a made-up clock.
#include "concurrency_limit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <queue>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace riptide::stages {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = ConcurrencyLimit::Time;
using Span = ConcurrencyLimit::Span;
using Outcome = ConcurrencyLimit::Outcome;

constexpr Time kStart{std::chrono::hours(1)};

/// Serves so many at once, one after the other beyond that, and refuses what is more than twice as much.
struct HiddenCapacity {
  std::size_t capacity = 20;
  Span service = milliseconds(50);
  double spread = 0.2;  ///< Of the service time, both ways.
  double broken = 0;    ///< Share of answers that are 5xx, whatever the load.
  bool refuses = true;
  Span pause = milliseconds(100);  ///< Of the client, after a 429.
};

struct Measured {
  double served_a_second = 0;
  double refused_share = 0;
  std::size_t limit = 0;
};

class Bench {
 public:
  Bench(HiddenCapacity host, ConcurrencyLimit::Options options) : host_(host), limit_(options) {}

  HiddenCapacity& host() { return host_; }
  ConcurrencyLimit& limit() { return limit_; }

  /// As many requests as the limit lets, for so long.
  Measured run(Span time) {
    const Time end = now_ + time;
    std::size_t served = 0;
    std::size_t refused = 0;
    while (true) {
      while (now_ >= paused_until_ && in_flight_ < limit_.limit()) send();
      const bool waits = in_flight_ < limit_.limit();
      const Time next =
          waits && (events_.empty() || paused_until_ < events_.top().at) ? paused_until_ : events_.top().at;
      if (next > end) break;
      now_ = next;
      if (events_.empty() || events_.top().at > now_) continue;
      const Event event = events_.top();
      events_.pop();
      --in_flight_;
      if (event.outcome == Outcome::kRefused) {
        ++refused;
        paused_until_ = now_ + host_.pause;
      } else {
        --in_service_;
        ++served;
      }
      limit_.ended(event.outcome, event.sent, now_, in_flight_);
    }
    now_ = end;
    return {static_cast<double>(served) / std::chrono::duration<double>(time).count(),
            static_cast<double>(refused) / static_cast<double>(std::max<std::size_t>(served + refused, 1)),
            limit_.limit()};
  }

 private:
  struct Event {
    Time at;
    Time sent;
    Outcome outcome;
    bool operator>(const Event& other) const { return at > other.at; }
  };

  void send() {
    ++in_flight_;
    limit_.started(in_flight_);
    if (host_.refuses && in_service_ >= 2 * host_.capacity) {
      events_.push({now_ + milliseconds(2), now_, Outcome::kRefused});
      return;
    }
    ++in_service_;
    while (workers_.size() > host_.capacity) workers_.pop();
    while (workers_.size() < host_.capacity) workers_.push(now_);
    const Time begins = std::max(now_, workers_.top());
    workers_.pop();
    const double factor = 1 + host_.spread * (2 * unit_(random_) - 1);
    const Time ends = begins + std::chrono::duration_cast<Span>(host_.service * factor);
    workers_.push(ends);
    events_.push({ends, now_, unit_(random_) < host_.broken ? Outcome::kBroken : Outcome::kServed});
  }

  HiddenCapacity host_;
  ConcurrencyLimit limit_;
  Time now_ = kStart;
  Time paused_until_ = kStart;
  std::size_t in_flight_ = 0;
  std::size_t in_service_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::priority_queue<Time, std::vector<Time>, std::greater<>> workers_;  ///< When each is free.
  std::mt19937_64 random_{7};
  std::uniform_real_distribution<double> unit_{0, 1};
};

/// Answers a second of the best fixed limit.
double best(const HiddenCapacity& host, std::size_t ceiling) {
  return static_cast<double>(std::min(host.capacity, ceiling)) / std::chrono::duration<double>(host.service).count();
}

using Case = std::tuple<std::size_t, std::size_t, Span, double>;

class HiddenCapacityOf : public testing::TestWithParam<Case> {};

TEST_P(HiddenCapacityOf, IsFoundAndFoundAgain) {
  const auto& [capacity, ceiling, service, spread] = GetParam();
  Bench bench({.capacity = capacity, .service = service, .spread = spread}, {.ceiling = ceiling});
  const Measured first = bench.run(seconds(10));
  const Measured then = bench.run(seconds(10));
  EXPECT_GE(then.served_a_second, 0.85 * best(bench.host(), ceiling)) << "limit " << then.limit;
  EXPECT_LT((first.refused_share + then.refused_share) / 2, 0.01);
  bench.host().capacity = capacity / 2;
  const Measured settling = bench.run(seconds(10));
  const Measured settled = bench.run(seconds(10));
  EXPECT_GE(settled.served_a_second, 0.85 * best(bench.host(), ceiling)) << "limit " << settled.limit;
  EXPECT_LT(settled.refused_share, 0.01) << settling.refused_share;
}

INSTANTIATE_TEST_SUITE_P(Hosts, HiddenCapacityOf,
                         testing::Combine(testing::Values(10, 20, 40, 100), testing::Values(32, 64, 256),
                                          testing::Values(Span(milliseconds(20)), Span(milliseconds(60))),
                                          testing::Values(0.05, 0.5)),
                         [](const testing::TestParamInfo<Case>& of) {
                           return "Capacity" + std::to_string(std::get<0>(of.param)) + "Ceiling" +
                                  std::to_string(std::get<1>(of.param)) + "Service" +
                                  std::to_string(std::get<2>(of.param) / milliseconds(1)) + "Spread" +
                                  std::to_string(static_cast<int>(std::get<3>(of.param) * 100));
                         });

TEST(ConcurrencyLimitOf, AHostThatDoesNotMindIsTheCeiling) {
  Bench bench({.capacity = 10'000, .spread = 0.9, .refuses = false}, {.ceiling = 256});
  const Measured run = bench.run(seconds(3));
  EXPECT_EQ(run.limit, 256u);
}

TEST(ConcurrencyLimitOf, AHostThatOnlyGetsSlowStaysAtTheStart) {
  Bench bench({.capacity = 4, .refuses = false}, {.ceiling = 32});
  EXPECT_EQ(bench.run(seconds(20)).limit, 32u);
}

TEST(ConcurrencyLimitOf, AnswersThatAreSlowByNatureStayAtTheStart) {
  Bench bench({.capacity = 10'000, .service = milliseconds(20), .refuses = false}, {.ceiling = 32});
  bench.run(seconds(2));
  // Another kind of page, a hundred times as expensive.
  bench.host().service = seconds(2);
  bench.run(seconds(120));
  EXPECT_EQ(bench.limit().limit(), 32u);
}

TEST(ConcurrencyLimitOf, AHostThatSuffersIsLeftAir) {
  Bench bench({.capacity = 4, .service = milliseconds(50), .spread = 0, .refuses = false}, {.ceiling = 32});
  bench.run(seconds(2));
  bench.host().service = seconds(2);
  const Measured run = bench.run(seconds(400));
  EXPECT_LT(run.limit, 32u);
  EXPECT_GE(run.served_a_second, 0.85 * best(bench.host(), 32));
}

TEST(ConcurrencyLimitOf, ABrokenAnswerNowAndThenIsNoDistress) {
  Bench bench({.capacity = 10'000, .broken = 0.02, .refuses = false}, {.ceiling = 32});
  bench.run(seconds(10));
  EXPECT_GE(bench.limit().limit(), 28u);
}

TEST(ConcurrencyLimitOf, ManyBrokenAnswersBringItToTheFloor) {
  Bench bench({.capacity = 10'000, .broken = 0.8, .refuses = false}, {.floor = 3, .ceiling = 32});
  EXPECT_EQ(bench.run(seconds(20)).limit, 3u);
  bench.host().broken = 0;
  EXPECT_EQ(bench.run(seconds(20)).limit, 32u);
}

TEST(ConcurrencyLimitOf, FloorAndCeilingThatAreOneAreTheLimit) {
  Bench bench({.capacity = 2}, {.floor = 8, .ceiling = 8});
  EXPECT_EQ(bench.run(seconds(5)).limit, 8u);
}

TEST(ConcurrencyLimitOf, AVolleyThatIsRefusedCountsOnce) {
  ConcurrencyLimit limit({.ceiling = 32});
  for (std::size_t i = 1; i <= 32; ++i) limit.started(i);
  std::size_t in_flight = 32;
  for (int i = 0; i < 12; ++i) {
    limit.ended(Outcome::kRefused, kStart, kStart + milliseconds(5), --in_flight);
  }
  EXPECT_EQ(limit.limit(), 20u) << "what was not refused";
}

TEST(ConcurrencyLimitOf, OptionsThatMakeNoSenseAreBent) {
  EXPECT_EQ(ConcurrencyLimit({.floor = 0, .ceiling = 0, .start = 0}).limit(), 1u);
  EXPECT_EQ(ConcurrencyLimit({.floor = 10, .ceiling = 5, .start = 32}).limit(), 5u);
}

}  // namespace
}  // namespace riptide::stages
