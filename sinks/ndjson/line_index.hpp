#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "riptide/pipeline/entity.hpp"

namespace riptide::sinks {

/// Remembers in which line an identity was written last. 20 bytes an identity, at most about 30 while it grows: open
/// addressing in many small tables, each of which grows by itself and by halves.
class LineIndex {
 public:
  LineIndex() = default;

  /// Notes that `identity` is written in `line`. Returns the line that it was in before, if any.
  std::optional<std::uint32_t> put(const pipeline::Digest& identity, std::uint32_t line);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Memory that the tables hold.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  static constexpr std::size_t kTables = 256;

  struct Table {
    // Slots as parallel arrays: no padding. A line of 0 marks a free slot, so lines are kept plus one.
    std::vector<pipeline::Digest> identities;
    std::vector<std::uint32_t> lines;
    std::size_t used = 0;

    std::size_t slot_of(const pipeline::Digest& identity) const noexcept;
    void grow();
  };

  std::array<Table, kTables> tables_;
  std::size_t size_ = 0;
};

}  // namespace riptide::sinks
