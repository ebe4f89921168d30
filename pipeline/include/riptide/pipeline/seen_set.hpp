#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "riptide/pipeline/entity.hpp"

namespace riptide::pipeline {

class SortedRun;
class SpillFile;
struct Sighted;

/// The identities that a run has read: finds repeats within a scope, and says at the end what is stale. At most 48
/// bytes an entity, and past `memory_bytes` less than two: the rest lies in sorted runs in a file without a name, with
/// a filter before each, so that an identity that is new costs a look at the disk once in a hundred times. Any thread;
/// sharded, leaf locks.
class SeenSet {
 public:
  enum class Sighting : std::uint8_t {
    kNew,        ///< Not read before in this run.
    kElsewhere,  ///< Read before in this run, but not in this scope (not lately: what was read last counts).
    kSame,       ///< Read before in this scope with the same contents.
    kChanged,    ///< Read before in this scope with other contents.
  };
  /// How much memory, and where the rest goes.
  struct Options {
    std::size_t memory_bytes = SIZE_MAX;
    std::string directory;  ///< Where it spills to; where it cannot, it stays in memory.
  };

  SeenSet();
  explicit SeenSet(Options options);
  ~SeenSet();

  /// Notes that `identity` was read in `scope` with these contents. Throws std::runtime_error if what was spilled
  /// cannot be read back.
  Sighting note(const Digest& identity, std::uint32_t scope, std::uint32_t contents) noexcept(false);

  /// Throws as `note`.
  [[nodiscard]] bool contains(const Digest& identity) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] bool spilled() const noexcept { return spilled_.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    Digest identity;
    std::uint32_t scope = kFree;
    std::uint32_t contents = 0;
  };
  struct Shard {
    mutable std::mutex mutex;  ///< Guards the rest.
    std::vector<Slot> slots;
    std::vector<SortedRun> runs;  ///< Oldest first.
    std::size_t used = 0;         ///< Of slots.
    std::size_t known = 0;        ///< Identities in slots and runs.
  };
  static constexpr std::uint32_t kFree = UINT32_MAX;
  static constexpr std::size_t kShards = 256;

  static std::size_t home(const Digest& identity, std::size_t slots) noexcept;
  static Slot* find(std::vector<Slot>& slots, const Digest& identity) noexcept;
  static void place(std::vector<Slot>& slots, const Slot& slot) noexcept;
  void make_room(Shard& shard);
  [[nodiscard]] bool spill(Shard& shard);
  [[nodiscard]] bool merge_runs(Shard& shard);
  [[nodiscard]] bool find_spilled(const Shard& shard, const Digest& identity, Sighted& out) const;
  [[nodiscard]] const Shard& shard_of(const Digest& identity) const noexcept;

  const Options options_;
  std::unique_ptr<SpillFile> file_;  ///< Null: nothing is spilled.
  std::atomic<bool> spilled_{false};
  std::atomic<bool> disk_full_{false};
  std::array<Shard, kShards> shards_;
};

}  // namespace riptide::pipeline
