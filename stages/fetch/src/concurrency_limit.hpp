#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace riptide::stages {

/// Finds how many requests at once a host takes well. Starts high and comes down when the host shows distress: at once
/// by a quarter on a 429, and in each round (as many answers as the limit) in which a tenth of the answers are 5xx or
/// broken, or in which the usual latency has grown beyond what the concurrency explains. Goes up while latency stays
/// near its slowly ageing minimum: by half each round before the first distress and on the way back to it, then a
/// little each round, and for a while not up to where it hurt. How, and why: docs/decisions/0031.
///
/// No clock of its own. Belongs to one thread.
class ConcurrencyLimit {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  using Span = Clock::duration;

  struct Options {
    std::size_t floor = 1;
    std::size_t ceiling = 32;  ///< The same as `floor`: the limit is fixed.
    std::size_t start = 32;    ///< What is taken for granted: mere latency does not bring the limit below it.
  };
  enum class Outcome {
    kServed,   ///< The host answered, whatever the status says of the request.
    kRefused,  ///< 429, and not because a quota was spent.
    kBroken,   ///< 5xx that says overload, a time-out, a connection that broke.
  };

  ConcurrencyLimit() : ConcurrencyLimit(Options{}) {}
  explicit ConcurrencyLimit(Options options);

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  /// A request left. @param in_flight  With it.
  void started(std::size_t in_flight) noexcept;
  /// A request ended. @param sent  When it left. @param in_flight  Without it.
  void ended(Outcome outcome, Time sent, Time now, std::size_t in_flight);

 private:
  void cut(double factor, Time now) noexcept;
  void refused(Time sent, Time now, std::size_t in_flight) noexcept;
  void end_round(Time now);
  void learn_least(Span usual, Time now) noexcept;
  [[nodiscard]] bool come_down(double grown, Span usual, double throughput, Time now) noexcept;
  void grow(double grown, double throughput, Time now) noexcept;
  void try_out(std::size_t limit, double throughput) noexcept;
  void judge_trial(Span usual, double throughput, Time now) noexcept;
  void begin_round(Time now) noexcept;

  const Options options_;
  std::size_t limit_;
  std::size_t fast_below_;  ///< Grows by half up to here.
  std::size_t hurt_at_ = 0;
  Time hurt_until_{};
  Time last_cut_{};

  Span least_{0};  ///< Least usual latency of a round, slowly ageing; 0 before the first.
  Time aged_{};
  int rounds_ = 0;
  int rounds_suffering_ = 0;  ///< In a row.

  // Of the round.
  Time round_began_{};
  std::vector<Span> latencies_;
  std::size_t broken_ = 0;
  bool full_ = false;  ///< The limit was reached.

  // A change that latency alone does not justify stands if throughput does: less costs none, more brings some.
  std::size_t before_trial_ = 0;  ///< 0: none under way.
  double throughput_before_ = 0;
  double last_throughput_ = 0;
  Time no_trial_before_{};
};

}  // namespace riptide::stages
