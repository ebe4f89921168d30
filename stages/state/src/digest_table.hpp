#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <vector>

#include "digest_entry.hpp"

namespace riptide::state {

/// Entries in memory, found by identity: open addressing, 47 to 57 bytes an entry. Sharded, a leaf lock a shard;
/// whoever holds the lock may use the shard.
class DigestTable {
 public:
  class Shard {
   public:
    mutable std::mutex mutex;  ///< Guards everything else.

    [[nodiscard]] DigestEntry* find(const Digest& identity) noexcept;
    /// Adds an entry whose identity is not there. Pointers into the shard are void then.
    DigestEntry& add(const DigestEntry& entry);
    /// Makes room for so many in all.
    void reserve(std::size_t entries);
    template <typename Keep>
    void keep_only(const Keep& keep);
    /// Entries in the order on disk.
    [[nodiscard]] std::vector<DigestEntry> sorted() const;
    template <typename Visit>
    void each(const Visit& visit) {
      for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i].word != DigestEntry::kFree) visit(slots_[i]);
      }
    }
    [[nodiscard]] std::size_t size() const noexcept { return used_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return slots_.capacity() * sizeof(DigestEntry); }

   private:
    [[nodiscard]] std::size_t home(const Digest& identity) const noexcept;
    [[nodiscard]] std::size_t after(std::size_t at) const noexcept { return at + 1 == slots_.size() ? 0 : at + 1; }
    void rebuild(std::size_t slots);
    DigestEntry& place(const DigestEntry& entry) noexcept;

    std::vector<DigestEntry> slots_;
    std::size_t used_ = 0;
  };

  [[nodiscard]] Shard& shard_of(const Digest& identity) noexcept { return shards_[digest_shard(identity)]; }
  [[nodiscard]] std::array<Shard, kDigestShards>& shards() noexcept { return shards_; }
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  std::array<Shard, kDigestShards> shards_;
};

template <typename Keep>
void DigestTable::Shard::keep_only(const Keep& keep) {
  std::vector<DigestEntry> kept;
  each([&](const DigestEntry& entry) {
    if (keep(entry)) kept.push_back(entry);
  });
  slots_ = {};
  used_ = 0;
  reserve(kept.size());
  for (const DigestEntry& entry : kept) add(entry);
}

}  // namespace riptide::state
