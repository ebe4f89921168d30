#include "latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace riptide::stages {

std::size_t LatencyHistogram::bucket(std::uint64_t microseconds) noexcept {
  if (microseconds < kPerOctave) return static_cast<std::size_t>(microseconds);
  const auto shift = static_cast<std::size_t>(std::bit_width(microseconds)) - 4;  // Leaves the top four bits: 8 to 15.
  const std::size_t index = shift * kPerOctave + static_cast<std::size_t>(microseconds >> shift);
  return std::min(index, kPerOctave * kOctaves - 1);
}

double LatencyHistogram::upper_edge(std::size_t bucket) noexcept {
  if (bucket < kPerOctave) return static_cast<double>(bucket + 1);
  const std::size_t shift = bucket / kPerOctave - 1;
  return std::ldexp(static_cast<double>(bucket - shift * kPerOctave + 1), static_cast<int>(shift));
}

void LatencyHistogram::add(std::chrono::microseconds latency) noexcept {
  ++counts_[bucket(static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0)))];
  ++total_;
}

double LatencyHistogram::quantile_ms(double quantile) const noexcept {
  if (total_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(total_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= std::max<std::uint64_t>(wanted, 1)) return upper_edge(i) / 1000;
  }
  return upper_edge(counts_.size() - 1) / 1000;
}

}  // namespace riptide::stages
