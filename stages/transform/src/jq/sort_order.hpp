#pragma once

#include <cstdint>
#include <vector>

#include "jq/value.hpp"

namespace riptide::transform::jq {

/// The places of an array's elements in jq's order, equal ones in the order that they stand in. Most comparisons are of
/// two words that the elements were reduced to before. Throws as `compare` does.
class SortOrder {
 public:
  explicit SortOrder(const Value& keys);

  struct Entry {
    std::uint64_t prefix;  ///< Orders elements of one rank as far as it goes.
    std::uint32_t place;
    std::uint8_t rank;   ///< Orders elements of different types.
    bool exact = false;  ///< Equal prefixes of exact entries are equal elements.
  };
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  /// True if two elements are equal.
  [[nodiscard]] bool same(const Entry& a, const Entry& b) const { return order(a, b) == 0; }

 private:
  [[nodiscard]] int order(const Entry& a, const Entry& b) const;

  const Value& keys_;
  std::vector<Entry> entries_;
};

}  // namespace riptide::transform::jq
