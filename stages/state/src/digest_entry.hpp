#pragma once

#include <cstdint>

#include "riptide/pipeline/entity.hpp"

namespace riptide::state {

using pipeline::Digest;

/// What is known of one entity: 40 bytes, in memory and, as they are (little-endian), on disk.
struct DigestEntry {
  Digest identity;
  Digest contents;
  std::uint32_t scope = 0;  ///< Row of digest_scopes.
  std::uint32_t word = 0;   ///< Generation above, flags below.

  // Flags. The first is kept on disk, the others are of the run.
  static constexpr std::uint32_t kGone = 1;       ///< Not known any more: hides what is older.
  static constexpr std::uint32_t kPending = 2;    ///< Sent, not confirmed yet.
  static constexpr std::uint32_t kContested = 4;  ///< Sent with two contents at once: which one stood is unknown.
  static constexpr std::uint32_t kPresent = 8;    ///< The target has it.
  static constexpr std::uint32_t kSeen = 16;      ///< Read in this run.
  static constexpr std::uint32_t kOnDisk = 32;    ///< The file says something of it that must be taken back.
  static constexpr std::uint32_t kFlagBits = 8;
  static constexpr std::uint32_t kFlags = (1u << kFlagBits) - 1;
  static constexpr std::uint32_t kFree = UINT32_MAX;  ///< `word` of a slot that holds none.
  static constexpr std::uint32_t kMostGenerations = 1u << (32 - kFlagBits);

  [[nodiscard]] bool is(std::uint32_t flag) const noexcept { return (word & flag) != 0; }
  void set(std::uint32_t flag) noexcept { word |= flag; }
  void clear(std::uint32_t flag) noexcept { word &= ~flag; }
  [[nodiscard]] std::uint32_t generation() const noexcept { return word >> kFlagBits; }
  /// Confirmed by the target, in this run or an earlier one.
  [[nodiscard]] bool known() const noexcept { return !is(kGone | kPending); }
};
static_assert(sizeof(DigestEntry) == 40);

/// The order on disk.
inline bool before(const Digest& a, const Digest& b) noexcept {
  return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/// Parts that identities fall into evenly, in the order on disk.
inline constexpr std::size_t kDigestShards = 256;
inline std::size_t digest_shard(const Digest& identity) noexcept { return identity.high >> 56; }

}  // namespace riptide::state
