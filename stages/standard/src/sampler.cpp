#include "riptide/stages/sampler.hpp"

#include <xxhash.h>

namespace riptide::stages {

Sampler Sampler::fraction(double fraction, std::uint64_t seed) noexcept {
  constexpr double kAll = 18446744073709551616.0;  // 2^64
  return {How::kFraction, 0, seed, fraction * kAll};
}
Sampler Sampler::every(std::uint64_t count) noexcept { return {How::kEvery, count == 0 ? 1 : count, 0, 0}; }
Sampler Sampler::first(std::uint64_t count) noexcept { return {How::kFirst, count, 0, 0}; }

bool Sampler::picks(std::string_view json) noexcept {
  switch (how_) {
    case How::kFraction:
      return static_cast<double>(XXH3_64bits_withSeed(json.data(), json.size(), seed_)) < below_;
    case How::kEvery:
      return seen_.fetch_add(1, std::memory_order_relaxed) % count_ == 0;
    case How::kFirst:
      return seen_.load(std::memory_order_relaxed) < count_ && seen_.fetch_add(1, std::memory_order_relaxed) < count_;
  }
  return false;
}

}  // namespace riptide::stages
