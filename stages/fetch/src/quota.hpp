#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "quota_report.hpp"
#include "riptide/stages/host_limits.hpp"

namespace riptide::stages {

/// Paces requests so that a quota of the host is used as far as it goes and never overdrawn. No clock of its own: the
/// caller tells the time. Belongs to one thread. How it works, and why: docs/decisions/0030.
///
/// What may be sent is the larger of two lower bounds on what the host has left:
/// - of the answers: what one of them said remains, less what the host may have counted after it. Exact whatever the
///   order in which answers arrive, and right for any kind of window, since a window only ever adds.
/// - of our own log: the limit, less what was sent within a window's length, less what others were seen to use.
/// Within that, requests are spread at the quota's rate, so that the answers keep telling when the window turns and a
/// quota is never found empty; a long window may be used up to half at once, for work that needs no more.
class Quota {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  /// A quota that an answer told of.
  Quota() = default;
  /// A quota that was declared: no answer tells of it.
  Quota(const RequestBudget& budget, Time now);

  /// Says when the next request may be sent: `now` or earlier means at once, `Time::max()` when an answer has come.
  /// @param in_flight  Requests that were sent to the host and are not answered, whatever their group.
  [[nodiscard]] Time ready_at(Time now, std::size_t in_flight);

  /// A request leaves.
  void sent(Time now, std::size_t in_flight);
  /// An answer told of this quota. @param sent  When its request left. @param in_flight  Without the answered one.
  void reported(const QuotaReport& report, Time sent, Time now, std::size_t in_flight);
  /// A request under this quota ended without a word about it: taken as counted.
  void counted(Time now);
  /// A request ended that belongs to another quota, as far as is known. @param paced  It had waited for this one.
  void counted_elsewhere(Time now, bool paced);
  /// The host refused a request (429) and does not say what remains: nothing does, until then.
  void refused(Time now, Time until);
  /// The host refused a request though something remains: it was too much at once.
  void slow_down() noexcept { tokens_ = std::min(tokens_, 0.0); }

  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
  [[nodiscard]] Clock::duration window() const noexcept { return window_; }

 private:
  using Span = Clock::duration;
  static constexpr std::int64_t kSlotsAWindow = 128;

  /// One answer's word: what remained, and how many may have been counted after it, those in flight aside.
  struct Word {
    std::int64_t remaining = 0;
    std::int64_t after = 0;
    std::int64_t elsewhere = 0;  ///< The same of requests that seem to belong to another quota.
    Time received = {};

    [[nodiscard]] std::int64_t left() const noexcept { return remaining - after - elsewhere; }
  };
  enum class Told : std::uint8_t { kRemaining, kNothing, kAnother };
  struct Answer {
    Time received;
    std::int64_t remaining;
    Told told;
  };

  [[nodiscard]] std::int64_t available(Time now, std::size_t in_flight) const noexcept;
  [[nodiscard]] bool has_window() const noexcept { return limit_ > 0 && window_ > Span{0}; }
  [[nodiscard]] bool has_log(Time now) const noexcept { return has_window() && now >= shared_until_; }
  [[nodiscard]] std::int64_t by_log(std::size_t in_flight) const noexcept;
  [[nodiscard]] Time slot_expiry(std::int64_t slot) const noexcept;
  [[nodiscard]] Time oldest_expiry() const noexcept;
  [[nodiscard]] Time log_ready_at(std::size_t in_flight) const noexcept;
  [[nodiscard]] Time spent_until(Time now, std::size_t in_flight) const noexcept;
  [[nodiscard]] double rate(Time now, std::size_t in_flight) const noexcept;
  [[nodiscard]] double even_rate() const noexcept;
  [[nodiscard]] double burst() const noexcept;
  [[nodiscard]] double catch_up() const noexcept;
  void refill(Time now, std::size_t in_flight);
  void roll_log(Time now) noexcept;
  void count(Time now) noexcept;
  void set_window(Span window, Time now) noexcept;
  void learn_limit(const QuotaReport& report) noexcept;
  void learn_window(const QuotaReport& report, Time sent, Time now);
  void learn_turn(Time now) noexcept;
  void learn_word(std::int64_t remaining, Time sent, Time now);
  void learn_reset(const QuotaReport& report, bool jumped, Time sent, Time now) noexcept;
  void learn_others(std::int64_t remaining, Time now, std::size_t in_flight) noexcept;
  void remember(Told told, std::int64_t remaining, Time now);

  bool declared_ = false;
  std::uint64_t limit_ = 0;  ///< Not known: 0.
  Span window_{0};           ///< Not known: 0. If in doubt the longer: what was sent is not forgotten too soon.
  Span even_window_{0};      ///< If in doubt the shorter: a pace that is too fast costs nothing.
  bool window_told_ = false;
  Span longest_reset_{0};

  std::optional<Word> word_;
  std::deque<Answer> recent_;

  std::array<std::uint32_t, kSlotsAWindow + 1> log_{};  ///< Counted requests by when their answers came.
  std::int64_t log_head_ = 0;                           ///< The newest slot, counted from the clock's epoch.
  std::int64_t logged_ = 0;
  /// Until when the log is no bound: answers told of less than it allows, so that others use the quota too.
  Time shared_until_{};

  double tokens_ = 0;
  Time refilled_{};
  bool was_spent_ = false;

  bool has_reset_ = false;
  Time reset_from_{};  ///< The window turns between these two.
  Time reset_by_{};
  Time last_reset_by_{};  ///< As the last answer alone tells.
  bool sliding_ = false;  ///< The reset moves on though no window turned: nothing can be planned by it.

  Time turned_{};  ///< When a turn was last seen.
  Span longest_gap_{0};
  int short_gaps_ = 0;             ///< Turns in a row that came sooner than the window says.
  Span window_cap_ = Span::max();  ///< What the turns say of its length.

  Time last_answer_{};
  bool probing_ = false;  ///< A request was sent into a spent quota, to see.
};

}  // namespace riptide::stages
