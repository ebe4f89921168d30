#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace riptide::stages {

/// Picks some of many items. Any thread.
class Sampler {
 public:
  /// About this fraction (0 to 1), told by an item's bytes: the same items whatever the order. Another seed, others.
  static Sampler fraction(double fraction, std::uint64_t seed) noexcept;
  /// One of `count`, the first of them first, in the order of the calls.
  static Sampler every(std::uint64_t count) noexcept;
  /// The first `count` of them.
  static Sampler first(std::uint64_t count) noexcept;

  Sampler(Sampler&& other) noexcept
      : how_(other.how_), count_(other.count_), seed_(other.seed_), below_(other.below_) {}

  [[nodiscard]] bool picks(std::string_view json) noexcept;

 private:
  enum class How : std::uint8_t { kFraction, kEvery, kFirst };
  Sampler(How how, std::uint64_t count, std::uint64_t seed, double below) noexcept
      : how_(how), count_(count), seed_(seed), below_(below) {}

  How how_;
  std::uint64_t count_;
  std::uint64_t seed_;
  double below_;  ///< Of 2^64.
  std::atomic<std::uint64_t> seen_{0};
};

}  // namespace riptide::stages
