#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "riptide/stages/http_message.hpp"

/// A host with a quota, as seen from its counter: for tests of the pacer under a made-up clock.
namespace riptide::stages {

struct QuotaHost {
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  using Span = Clock::duration;

  enum class Window {
    kAligned,       ///< Turns at fixed times.
    kFromFirst,     ///< Begins with the first request after the last one ended.
    kSlidingFirst,  ///< Of the last seconds; the reset is when the oldest request leaves it.
    kSlidingFull,   ///< The same; the reset is always a whole window away.
    kBucket,        ///< Refilled evenly.
  };
  enum class Headers {
    kSecondsUp,    ///< x-ratelimit-reset in whole seconds, rounded up.
    kSecondsDown,  ///< ..., rounded down.
    kSecondsNear,  ///< ..., rounded to the nearest.
    kEpoch,        ///< ..., a Unix time, rounded up.
    kIso,          ///< ..., a date with milliseconds.
    kPeriod,       ///< ..., rounded up, and x-ratelimit-period.
    kDraft,        ///< ratelimit-limit: 100, 100;w=60 and friends.
    kStructured,   ///< RateLimit: "default";r=50;t=30
    kNone,
  };

  std::uint64_t limit = 500;
  Span window = std::chrono::seconds(1);
  Window kind = Window::kAligned;
  Headers headers = Headers::kSecondsUp;
  Span phase{0};                     ///< Of aligned windows.
  std::uint64_t used_by_others = 0;  ///< In each window, at its begin.

  struct Answer {
    int status = 200;
    std::vector<Header> headers;
  };
  /// A request arrives.
  Answer count(Time now);
  /// The wall clock at a time: what dates are written by.
  static std::chrono::system_clock::time_point wall(Time now);

  std::uint64_t served = 0;
  std::uint64_t refused = 0;

 private:
  [[nodiscard]] std::vector<Header> write(std::uint64_t remaining, Span reset, Time now) const;

  std::optional<Time> begun_;
  std::uint64_t used_ = 0;
  std::deque<Time> log_;
  double tokens_ = -1;
  Time filled_{};
};

}  // namespace riptide::stages
