#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace riptide::stages {

/// Counts durations in a fixed number of buckets that widen with the duration: eight an octave of microseconds, so that
/// a quantile is right within 13 %.
class LatencyHistogram {
 public:
  void add(std::chrono::microseconds latency) noexcept;
  /// Returns the upper edge, in milliseconds, of the bucket that holds the quantile; 0 if nothing was counted.
  [[nodiscard]] double quantile_ms(double quantile) const noexcept;

 private:
  static constexpr std::size_t kPerOctave = 8;
  static constexpr std::size_t kOctaves = 37;  // Up to a day and a half.
  static std::size_t bucket(std::uint64_t microseconds) noexcept;
  static double upper_edge(std::size_t bucket) noexcept;

  std::array<std::uint32_t, kPerOctave * kOctaves> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace riptide::stages
