#include "concurrency_limit.hpp"

#include <algorithm>

namespace riptide::stages {
namespace {

using Span = ConcurrencyLimit::Span;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kLeastRound = 8;
constexpr Span kLeastRoundTime = milliseconds(2);
constexpr double kAfterRefusal = 0.75;
constexpr double kAfterBreakage = 0.7;
constexpr double kAfterLatency = 0.85;
/// Latency beside its minimum: up to here the limit grows a little, ...
constexpr double kCalm = 1.25;
/// ... up to here by half, where it may, ...
constexpr double kBearable = 1.5;
/// ... and from here it comes down, though not below the start, ...
constexpr double kGrown = 2;
/// ... but for this, when answers take long in absolute terms too.
constexpr double kSuffering = 4;
constexpr Span kSlow = seconds(1);
constexpr Span kAgeing = seconds(600);
/// Where it hurt is not tried again for this long.
constexpr Span kRemembered = seconds(10);
constexpr Span kBetweenTrials = seconds(30);
constexpr double kTrialUp = 1.25;

double times(Span latency, Span least) noexcept {
  return static_cast<double>(latency.count()) / static_cast<double>(std::max<Span::rep>(least.count(), 1));
}

std::size_t scaled(std::size_t limit, double factor) noexcept {
  return static_cast<std::size_t>(static_cast<double>(limit) * factor);
}

ConcurrencyLimit::Options checked(ConcurrencyLimit::Options options) noexcept {
  options.ceiling = std::max<std::size_t>(options.ceiling, 1);
  options.floor = std::clamp<std::size_t>(options.floor, 1, options.ceiling);
  options.start = std::clamp(options.start, options.floor, options.ceiling);
  return options;
}

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(Options options)
    : options_(checked(options)), limit_(options_.start), fast_below_(options_.ceiling) {}

void ConcurrencyLimit::started(std::size_t in_flight) noexcept { full_ = full_ || in_flight >= limit_; }

void ConcurrencyLimit::ended(Outcome outcome, Time sent, Time now, std::size_t in_flight) {
  if (options_.floor == options_.ceiling) return;
  if (round_began_ == Time{}) begin_round(sent);
  switch (outcome) {
    case Outcome::kServed:
      latencies_.push_back(now - sent);
      break;
    case Outcome::kRefused:
      return refused(sent, now, in_flight);
    case Outcome::kBroken:
      ++broken_;
      break;
  }
  // A trial takes two rounds: answers come in bursts.
  const std::size_t answers = std::max(limit_, kLeastRound) * (before_trial_ != 0 ? 2 : 1);
  if (latencies_.size() + broken_ >= answers && now - round_began_ >= kLeastRoundTime) {
    end_round(now);
  }
}

void ConcurrencyLimit::cut(double factor, Time now) noexcept {
  hurt_at_ = limit_;
  hurt_until_ = now + kRemembered;
  limit_ = std::max(options_.floor, std::min(scaled(limit_, factor), limit_ - (limit_ > options_.floor ? 1 : 0)));
  fast_below_ = limit_;
  last_cut_ = now;
  before_trial_ = 0;
  begin_round(now);
}

void ConcurrencyLimit::refused(Time sent, Time now, std::size_t in_flight) noexcept {
  if (sent > last_cut_ || last_cut_ == Time{}) cut(kAfterRefusal, now);
  // Of those that left together, the ones that are not refused show what the host takes.
  limit_ = std::clamp(in_flight, options_.floor, limit_);
}

void ConcurrencyLimit::end_round(Time now) {
  const std::size_t answers = latencies_.size() + broken_;
  if (broken_ >= 2 && broken_ * 10 >= answers) return cut(kAfterBreakage, now);
  if (latencies_.empty()) return begin_round(now);
  const auto middle = latencies_.begin() + static_cast<std::ptrdiff_t>(latencies_.size() / 2);
  std::nth_element(latencies_.begin(), middle, latencies_.end());
  const Span usual = *middle;
  const double throughput = static_cast<double>(answers) / std::chrono::duration<double>(now - round_began_).count();
  learn_least(usual, now);
  if (before_trial_ != 0) {
    judge_trial(usual, throughput, now);
  } else if (const double grown = times(usual, least_); full_ && !come_down(grown, usual, throughput, now)) {
    grow(grown, throughput, now);
  }
  last_throughput_ = throughput;
  begin_round(now);
}

void ConcurrencyLimit::learn_least(Span usual, Time now) noexcept {
  // The first round ends before its slow answers have come: it looks quicker than it was.
  if (++rounds_ <= 2) {
    least_ = usual;
  } else if (usual < least_) {
    least_ -= (least_ - usual) / 2;
  } else {
    const double passed = std::min(1.0, std::chrono::duration<double>(now - aged_) / kAgeing);
    least_ += std::chrono::duration_cast<Span>((usual - least_) * passed);
  }
  aged_ = now;
}

bool ConcurrencyLimit::come_down(double grown, Span usual, double throughput, Time now) noexcept {
  if (grown < kGrown) return false;
  if (limit_ > options_.start) {
    hurt_at_ = limit_;
    hurt_until_ = now + kRemembered;
    limit_ = fast_below_ = std::max(options_.start, scaled(limit_, kAfterLatency));
    return true;
  }
  rounds_suffering_ = grown >= kSuffering && usual >= kSlow ? rounds_suffering_ + 1 : 0;
  // The first such round is half of the time before.
  if (rounds_suffering_ < 3 || now < no_trial_before_ || limit_ <= options_.floor) return false;
  try_out(std::max(options_.floor, std::min(scaled(limit_, kAfterLatency), limit_ - 1)), throughput);
  return true;
}

void ConcurrencyLimit::grow(double grown, double throughput, Time now) noexcept {
  if (limit_ >= options_.ceiling || rounds_ == 1) return;
  std::size_t next = limit_;
  if (limit_ < fast_below_) {
    if (grown <= kBearable) next = std::min(fast_below_, limit_ + (limit_ + 1) / 2);
  } else if (grown <= kCalm) {
    next = limit_ + 1 + limit_ / 16;
  }
  if (now < hurt_until_) next = std::min(next, std::max(limit_, scaled(hurt_at_, 0.95)));
  if (next == limit_ && now >= hurt_until_ && now >= no_trial_before_) {
    return try_out(std::min(options_.ceiling, std::max(scaled(limit_, kTrialUp), limit_ + 1)), throughput);
  }
  limit_ = std::min(next, options_.ceiling);
}

void ConcurrencyLimit::try_out(std::size_t limit, double throughput) noexcept {
  before_trial_ = limit_;
  throughput_before_ = std::max(throughput, last_throughput_);
  limit_ = limit;
}

void ConcurrencyLimit::judge_trial(Span usual, double throughput, Time now) noexcept {
  const double changed = static_cast<double>(limit_) / static_cast<double>(before_trial_);
  const bool less = limit_ < before_trial_;
  const bool stands = throughput >= throughput_before_ * (1 + changed) / 2;
  // Fewer that bring less, or more that bring more: the host is not overloaded, its answers are slow by nature.
  if (less != stands) least_ = usual;
  if (stands && less) {
    hurt_at_ = before_trial_;
    hurt_until_ = now + kBetweenTrials;
  }
  if (!stands) {
    limit_ = before_trial_;
    no_trial_before_ = now + kBetweenTrials;
  }
  before_trial_ = 0;
}

void ConcurrencyLimit::begin_round(Time now) noexcept {
  round_began_ = now;
  latencies_.clear();
  broken_ = 0;
  full_ = false;
}

}  // namespace riptide::stages
