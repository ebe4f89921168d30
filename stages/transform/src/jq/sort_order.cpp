#include "jq/sort_order.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace riptide::transform::jq {
namespace {

// The first seven bytes of a text as a number that orders as they do, and its length as far as seven tells: a shorter
// text whose bytes are the beginning of a longer one comes first. Below eight bytes that is all of the text.
SortOrder::Entry text_entry(std::string_view text) noexcept {
  constexpr std::size_t kBytes = 7;
  std::uint64_t word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), std::min(text.size(), kBytes));
  const std::uint64_t ordered = std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
  return {ordered | std::min(text.size(), kBytes + 1), 0, 0, text.size() <= kBytes};
}

// Bits that order as numbers do. NaN, which is less than itself, is for `compare`; so are two literals that have the
// same double.
SortOrder::Entry number_entry(const Value& value) noexcept {
  const double number = value.number() == 0 ? 0.0 : value.number();
  if (std::isnan(number)) return {0, 0, 0, false};
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  const auto bits = std::bit_cast<std::uint64_t>(number);
  return {(bits & kSign) != 0 ? ~bits : bits | kSign, 0, 0, value.tag() == Tag::kNumber};
}

SortOrder::Entry entry_of(const Value& key) noexcept {
  SortOrder::Entry entry{0, 0, 0, false};
  switch (key.tag()) {
    case Tag::kInvalid:
    case Tag::kNull:
    case Tag::kFalse:
    case Tag::kTrue:
      entry.exact = true;
      break;
    case Tag::kNumber:
    case Tag::kLiteral:
      entry = number_entry(key);
      break;
    case Tag::kString:
      entry = text_entry(key.string());
      break;
    case Tag::kArray:
    case Tag::kObject:
      break;
  }
  // Both tags of numbers are one type.
  entry.rank = static_cast<std::uint8_t>(key.tag() == Tag::kLiteral ? Tag::kNumber : key.tag());
  return entry;
}

// `sort_by` and its like sort arrays of what their argument gives, which is one value nearly always.
bool all_of_one(const Value& keys) noexcept {
  for (std::uint32_t i = 0; i < array_size(keys); ++i) {
    const Value& key = array_at(keys, i);
    if (!key.is_array() || array_size(key) != 1) return false;
  }
  return true;
}

}  // namespace

SortOrder::SortOrder(const Value& keys) : keys_(keys) {
  const std::uint32_t size = array_size(keys);
  Heap::current()->spend(size);
  const bool of_one = all_of_one(keys);
  entries_.reserve(size);
  for (std::uint32_t i = 0; i < size; ++i) {
    entries_.push_back(entry_of(of_one ? array_at(array_at(keys, i), 0) : array_at(keys, i)));
    entries_.back().place = i;
  }
  std::stable_sort(entries_.begin(), entries_.end(),
                   [this](const Entry& a, const Entry& b) { return order(a, b) < 0; });
}

int SortOrder::order(const Entry& a, const Entry& b) const {
  if (a.rank != b.rank) return a.rank < b.rank ? -1 : 1;
  if (a.prefix != b.prefix) return a.prefix < b.prefix ? -1 : 1;
  if (a.exact && b.exact) return 0;
  return compare(array_at(keys_, a.place), array_at(keys_, b.place));
}

}  // namespace riptide::transform::jq
