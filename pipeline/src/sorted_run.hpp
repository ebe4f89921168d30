#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "riptide/pipeline/entity.hpp"
#include "spill_file.hpp"

namespace riptide::pipeline {

/// An identity that was read: in which scope and with what contents last.
struct Sighted {
  Digest identity;
  std::uint32_t scope = 0;
  std::uint32_t contents = 0;
};
static_assert(sizeof(Sighted) == 24);

/// Sightings in a spill file, sorted by identity; about 1.4 bytes of memory each. One thread at a time.
class SortedRun {
 public:
  /// Writes them; they must be sorted. Nothing if the disk does not take them.
  [[nodiscard]] static std::optional<SortedRun> write(SpillFile& file, const std::vector<Sighted>& sorted);
  [[nodiscard]] static bool before(const Sighted& a, const Sighted& b) noexcept {
    return a.identity.high != b.identity.high ? a.identity.high < b.identity.high : a.identity.low < b.identity.low;
  }

  /// Throws std::runtime_error if the disk does not give them back: what was seen is not known then.
  [[nodiscard]] std::optional<Sighted> find(const SpillFile& file, const Digest& identity) const;
  [[nodiscard]] std::vector<Sighted> read(const SpillFile& file) const;
  void release(SpillFile& file) const noexcept { file.release(at_, size_ * sizeof(Sighted)); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return (filter_.capacity() + firsts_.capacity()) * 8; }

 private:
  /// A block is read as a whole.
  static constexpr std::size_t kInBlock = 4096 / sizeof(Sighted);
  [[nodiscard]] bool may_have(const Digest& identity) const noexcept;

  std::uint64_t at_ = 0;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> filter_;  ///< 10 bits each, 4 of them set (a blocked Bloom filter: one word a sighting).
  std::vector<std::uint64_t> firsts_;  ///< `high` of each block's first identity.
};

}  // namespace riptide::pipeline
