#pragma once

#include <cstdint>
#include <string_view>

namespace riptide::simulator {

/// The finalizer of splitmix64 (Vigna): spreads any number over 64 bits.
constexpr std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

/// FNV-1a, mixed: the same on every machine and standard library.
constexpr std::uint64_t hash(std::string_view bytes, std::uint64_t seed) noexcept {
  std::uint64_t value = 0xcbf29ce484222325U ^ mix(seed);
  for (const char byte : bytes) value = (value ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  return mix(value);
}

/// A number in [0, 1) out of 64 random bits.
constexpr double unit(std::uint64_t bits) noexcept { return static_cast<double>(bits >> 11U) * 0x1p-53; }

/// A small deterministic generator, for making contents.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() noexcept { return mix(state_++); }
  /// In [0, limit); limit > 0.
  std::uint64_t below(std::uint64_t limit) noexcept { return next() % limit; }

 private:
  std::uint64_t state_;
};

}  // namespace riptide::simulator
