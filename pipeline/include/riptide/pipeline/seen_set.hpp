#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "riptide/pipeline/entity.hpp"

namespace riptide::pipeline {

/// The identities that a run has read: finds repeats within a scope, and says at the end what is stale. At most 48
/// bytes an entity. Any thread; sharded, leaf locks.
class SeenSet {
 public:
  enum class Sighting : std::uint8_t {
    kNew,        ///< Not read before in this run.
    kElsewhere,  ///< Read before in this run, but not in this scope (not lately: what was read last counts).
    kSame,       ///< Read before in this scope with the same contents.
    kChanged,    ///< Read before in this scope with other contents.
  };

  SeenSet();

  /// Notes that `identity` was read in `scope` with these contents.
  Sighting note(const Digest& identity, std::uint32_t scope, std::uint32_t contents) noexcept(false);

  [[nodiscard]] bool contains(const Digest& identity) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Slot {
    Digest identity;
    std::uint32_t scope = kFree;
    std::uint32_t contents = 0;
  };
  struct Shard {
    mutable std::mutex mutex;  ///< Guards slots and used.
    std::vector<Slot> slots;
    std::size_t used = 0;
  };
  static constexpr std::uint32_t kFree = UINT32_MAX;
  static constexpr std::size_t kShards = 256;

  static std::size_t home(const Digest& identity, std::size_t slots) noexcept;
  static void grow(Shard& shard);
  [[nodiscard]] const Shard& shard_of(const Digest& identity) const noexcept;

  std::array<Shard, kShards> shards_;
};

}  // namespace riptide::pipeline
