#include "quota.hpp"

#include <utility>

namespace riptide::stages {
namespace {

using Span = Quota::Clock::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Of the even rate, so that a window turns with a little left and nobody ever waits for the turn.
constexpr double kEvenShare = 0.985;
/// Windows under this are used evenly from the start: there is nothing to win by using them up at once.
constexpr Span kShortWindow = seconds(5);
/// What a long window keeps for the time after the burst is about this much of its time at the even rate.
constexpr double kKeptSeconds = 10;
constexpr double kLeastKept = 0.02;
constexpr double kMostKept = 0.5;
/// A delay of the sender is caught up to this length.
constexpr double kCatchUpSeconds = 0.15;
constexpr std::size_t kMostRecent = 1024;
constexpr Span kBlindWait = seconds(1);
constexpr Span kLongestWait = std::chrono::hours(24);

double to_seconds(Span span) noexcept { return std::chrono::duration<double>(span).count(); }
Span from_seconds(double value) noexcept {
  return std::chrono::duration_cast<Span>(std::chrono::duration<double>(std::min(value, 1e6)));
}
Span up_to_whole_seconds(Span span) noexcept {
  return std::chrono::ceil<seconds>(span - std::min<Span>(milliseconds(50), span / 10));
}
std::int64_t signed_of(std::size_t count) noexcept { return static_cast<std::int64_t>(count); }

}  // namespace

Quota::Quota(const RequestBudget& budget, Time now)
    : declared_(true), limit_(std::max<std::uint64_t>(budget.requests, 1)), window_told_(true), refilled_(now) {
  set_window(std::max<Span>(budget.window, milliseconds(1)), now);
  even_window_ = window_;
  tokens_ = burst();
}

Quota::Time Quota::ready_at(Time now, std::size_t in_flight) {
  if (!declared_ && !word_) return now;
  roll_log(now);
  refill(now, in_flight);
  if (available(now, in_flight) <= 0) {
    const Time until = spent_until(now, in_flight);
    // Spent only if others share it, which one request finds out.
    const bool perhaps = word_ && word_->elsewhere > 0 && word_->remaining > word_->after + signed_of(in_flight);
    if (until > now && !perhaps) return until;
    // What is on its way may take what has come free.
    return probing_ || in_flight != 0 ? Time::max() : now;
  }
  if (tokens_ >= 1) return now;
  const double speed = rate(now, in_flight);
  return speed > 0 ? now + from_seconds((1 - tokens_) / speed) : now;
}

void Quota::sent(Time now, std::size_t in_flight) {
  if (!declared_ && !word_) return;
  roll_log(now);
  refill(now, in_flight);
  if (available(now, in_flight) <= 0) probing_ = true;
  tokens_ = std::max(tokens_ - 1, -catch_up());
}

void Quota::reported(const QuotaReport& report, Time sent, Time now, std::size_t in_flight) {
  roll_log(now);
  const bool first = !word_;
  learn_limit(report);
  const auto remaining = static_cast<std::int64_t>(std::min(report.remaining, std::uint64_t{1} << 53));
  // Answers that overtook each other differ by what is in flight at most.
  const bool jumped = word_ && remaining > word_->remaining + static_cast<std::int64_t>(limit_ / 8 + in_flight + 1);
  if (jumped) learn_turn(now);
  learn_window(report, sent, now);
  learn_word(remaining, sent, now);
  count(now);
  learn_reset(report, jumped, sent, now);
  learn_others(remaining, now, in_flight);
  remember(Told::kRemaining, remaining, now);
  last_answer_ = now;
  probing_ = false;
  if (first) {
    refilled_ = now;
    // In a short window, those that left before anybody knew of it are part of the even pace.
    tokens_ = window_ < kShortWindow ? -static_cast<double>(in_flight)
                                     : burst() * static_cast<double>(remaining) / static_cast<double>(limit_);
  }
}

void Quota::counted(Time now) {
  count(now);
  if (word_) ++word_->after;
  remember(Told::kNothing, 0, now);
  last_answer_ = now;
  probing_ = false;
}

void Quota::counted_elsewhere(Time now, bool paced) {
  // It may have been counted here all the same: the host may have said less than it counts.
  if (word_) ++word_->elsewhere;
  remember(Told::kAnother, 0, now);
  if (!paced) return;
  tokens_ += 1;
  probing_ = false;
}

void Quota::refused(Time now, Time until) {
  count(now);
  word_ = Word{.received = now};
  remember(Told::kNothing, 0, now);
  shared_until_ = until + 2 * window_;
  reset_from_ = reset_by_ = last_reset_by_ = until;
  has_reset_ = true;
  last_answer_ = now;
  probing_ = false;
}

std::int64_t Quota::available(Time now, std::size_t in_flight) const noexcept {
  if (!word_) return by_log(in_flight);
  const std::int64_t told = word_->left() - signed_of(in_flight);
  return has_log(now) ? std::max(told, by_log(in_flight)) : told;
}

std::int64_t Quota::by_log(std::size_t in_flight) const noexcept {
  return static_cast<std::int64_t>(limit_) - logged_ - signed_of(in_flight);
}

Quota::Time Quota::slot_expiry(std::int64_t slot) const noexcept {
  return Time(window_ / kSlotsAWindow * (slot + kSlotsAWindow + 1));
}

Quota::Time Quota::oldest_expiry() const noexcept {
  for (std::int64_t slot = log_head_ - kSlotsAWindow; slot <= log_head_; ++slot) {
    if (slot >= 0 && log_[static_cast<std::size_t>(slot % (kSlotsAWindow + 1))] != 0) return slot_expiry(slot);
  }
  return Time::max();
}

Quota::Time Quota::log_ready_at(std::size_t in_flight) const noexcept {
  std::int64_t missing = 1 - by_log(in_flight);
  Time last{};
  for (std::int64_t slot = log_head_ - kSlotsAWindow; slot <= log_head_; ++slot) {
    if (slot < 0) continue;
    const std::int64_t held = log_[static_cast<std::size_t>(slot % (kSlotsAWindow + 1))];
    if (held == 0) continue;
    missing -= held;
    last = slot_expiry(slot);
    if (missing <= 0) return last;
  }
  return last;
}

/// When to look again at a quota of which nothing is left.
Quota::Time Quota::spent_until(Time now, std::size_t in_flight) const noexcept {
  Time until = Time::max();
  if (has_reset_) until = last_reset_by_;
  if (has_log(now)) until = std::min(until, log_ready_at(in_flight));
  if (until == Time::max()) until = last_answer_ + kBlindWait;
  return std::min(until, last_answer_ + kLongestWait);
}

double Quota::even_rate() const noexcept {
  if (!has_window()) return 0;
  const double all = static_cast<double>(limit_);
  double share = declared_ ? all : kEvenShare * all;
  // Where the end of the window is not known well, the last request of a small one is not worth waiting for it.
  if (window_ != even_window_) share = std::min(share, std::max(all - 1.5, all / 2));
  return share / to_seconds(even_window_);
}

double Quota::rate(Time now, std::size_t in_flight) const noexcept {
  const double even = even_rate();
  if (even <= 0) return 0;
  // After a burst, what is left lasts until the window turns; or, where that is not told, until our burst leaves it.
  const Time turn = has_reset_ && !sliding_ ? reset_from_ : oldest_expiry();
  if (turn == Time::max() || turn - now < seconds(1)) return even;
  if (window_ < kShortWindow && has_log(now)) return even;  // There was no burst.
  const double left = static_cast<double>(std::max<std::int64_t>(available(now, in_flight), 1));
  return std::min(even, left / to_seconds(turn - now));
}

double Quota::burst() const noexcept {
  if (!has_window() || window_ < kShortWindow) return catch_up();
  const double kept = std::clamp(kKeptSeconds / to_seconds(window_), kLeastKept, kMostKept);
  return std::max(static_cast<double>(limit_) * (1 - kept), catch_up());
}

double Quota::catch_up() const noexcept {
  // Who is too early waits for as long as the window may take, and then is too early again: not where that is long.
  return std::max(1.0, even_rate() * (window_ == even_window_ ? kCatchUpSeconds : kCatchUpSeconds / 10));
}

void Quota::refill(Time now, std::size_t in_flight) {
  // Time that passed because nothing was left is caught up a little; time in which nobody asked counts in full.
  const bool spent = available(now, in_flight) <= 0;
  const double most = spent || was_spent_ ? catch_up() : burst();
  was_spent_ = spent;
  const double speed = rate(now, in_flight);
  if (speed <= 0) {
    tokens_ = std::max(tokens_, 1.0);
  } else if (now > refilled_) {
    tokens_ = tokens_ > most ? most : std::min(most, tokens_ + to_seconds(now - refilled_) * speed);
  }
  refilled_ = std::max(refilled_, now);
}

void Quota::roll_log(Time now) noexcept {
  if (!has_window()) return;
  const std::int64_t head = now.time_since_epoch() / (window_ / kSlotsAWindow);
  if (head - log_head_ > kSlotsAWindow) {
    log_.fill(0);
    logged_ = 0;
  }
  for (std::int64_t slot = std::max(log_head_ + 1, head - kSlotsAWindow); slot <= head; ++slot) {
    auto& held = log_[static_cast<std::size_t>(slot % (kSlotsAWindow + 1))];
    logged_ -= held;
    held = 0;
  }
  log_head_ = std::max(log_head_, head);
}

void Quota::count(Time now) noexcept {
  roll_log(now);
  if (!has_window()) return;
  ++log_[static_cast<std::size_t>(log_head_ % (kSlotsAWindow + 1))];
  ++logged_;
}

void Quota::set_window(Span window, Time now) noexcept {
  window = std::max<Span>(window, std::chrono::microseconds(kSlotsAWindow));
  if (window == window_) return;
  // What a longer window had to remember and a shorter one forgot shows as the use of others, in the same answer.
  const Span before = window_ / kSlotsAWindow;
  const auto held = std::exchange(log_, {});
  window_ = window;
  const Span width = window_ / kSlotsAWindow;
  const std::int64_t head = std::exchange(log_head_, now.time_since_epoch() / width);
  logged_ = 0;
  if (before == Span{0}) return;
  for (std::int64_t slot = std::max<std::int64_t>(head - kSlotsAWindow, 0); slot <= head; ++slot) {
    const std::uint32_t counted = held[static_cast<std::size_t>(slot % (kSlotsAWindow + 1))];
    const std::int64_t moved = std::min(log_head_, before * (slot + 1) / width);
    if (counted == 0 || moved < log_head_ - kSlotsAWindow) continue;
    log_[static_cast<std::size_t>(moved % (kSlotsAWindow + 1))] += counted;
    logged_ += counted;
  }
}

void Quota::learn_limit(const QuotaReport& report) noexcept {
  if (report.limit && *report.limit > 0) {
    limit_ = *report.limit;
  } else {
    limit_ = std::max(limit_, report.remaining + 1);
  }
}

void Quota::learn_turn(Time now) noexcept {
  if (turned_ != Time{} && window_ > Span{0}) {
    const Span gap = now - turned_;
    short_gaps_ = gap * 5 < window_ * 4 ? short_gaps_ + 1 : 0;
    longest_gap_ = short_gaps_ <= 1 ? gap : std::max(longest_gap_, gap);
    if (short_gaps_ >= 2) window_cap_ = longest_gap_;
  }
  turned_ = now;
}

void Quota::learn_window(const QuotaReport& report, Time sent, Time now) {
  if (declared_) return;
  if (report.window) {
    window_told_ = true;
    set_window(*report.window, now);
    even_window_ = window_;
    return;
  }
  if (window_told_ || !report.reset) return;
  // The longest wait that was ever told is the window, rounded up or down to whole seconds.
  longest_reset_ = std::max<Span>(longest_reset_, *report.reset + (report.whole_seconds ? Span{0} : now - sent));
  if (!report.whole_seconds) {
    set_window(std::min(longest_reset_, window_cap_), now);
    even_window_ = window_;
    return;
  }
  Span window = std::chrono::floor<seconds>(longest_reset_) + seconds(1);
  if (window > window_cap_) window = std::min(window, up_to_whole_seconds(window_cap_));
  set_window(window, now);
  even_window_ = std::min<Span>(std::max<Span>(std::chrono::floor<seconds>(longest_reset_), seconds(1)), window_);
}

/// Keeps the word of an answer if it allows more than the one before. See decision 0030 for why this is a bound.
void Quota::learn_word(std::int64_t remaining, Time sent, Time now) {
  if (word_ && remaining <= word_->remaining) ++word_->after;
  Word word{.remaining = remaining, .received = now};
  for (auto answer = recent_.rbegin(); answer != recent_.rend() && answer->received > sent; ++answer) {
    if (answer->told == Told::kAnother) {
      ++word.elsewhere;
    } else if (answer->told == Told::kNothing || answer->remaining <= remaining) {
      ++word.after;
    }
  }
  const bool complete = recent_.size() < kMostRecent || recent_.front().received <= sent;
  if (complete && (!word_ || sent >= word_->received || word.left() > word_->left())) word_ = word;
}

void Quota::learn_reset(const QuotaReport& report, bool jumped, Time sent, Time now) noexcept {
  if (!report.reset) return;
  const Span rounding = report.whole_seconds ? Span(seconds(1)) : Span(milliseconds(1));
  const Time from = sent + *report.reset - rounding;
  const Time by = now + *report.reset + rounding;
  last_reset_by_ = by;
  const bool old = !has_reset_ || jumped || sliding_ || sent >= reset_by_;
  if (!old && by < reset_from_) return;  // An answer from before the turn that came late.
  if (!old && from <= reset_by_) {
    reset_from_ = std::max(reset_from_, from);
    reset_by_ = std::min(reset_by_, by);
    return;
  }
  // Moved on, though the window cannot have turned yet: it always does.
  if (!old && now < reset_from_) sliding_ = true;
  reset_from_ = from;
  reset_by_ = by;
  has_reset_ = true;
}

/// What the log allows beyond what the host says is used by somebody else, or the window is not what it seems to be.
void Quota::learn_others(std::int64_t remaining, Time now, std::size_t in_flight) noexcept {
  if (has_window() && by_log(in_flight) > remaining) shared_until_ = now + 2 * window_;
}

void Quota::remember(Told told, std::int64_t remaining, Time now) {
  if (recent_.size() == kMostRecent) recent_.pop_front();
  recent_.push_back({now, remaining, told});
}

}  // namespace riptide::stages
