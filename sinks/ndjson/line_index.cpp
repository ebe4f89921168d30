#include "line_index.hpp"

#include <algorithm>
#include <utility>

namespace riptide::sinks {
namespace {

constexpr std::size_t kFirstSlots = 16;

}  // namespace

// The slot that holds the identity, or the free one where it belongs. `low` picks the slot, `high` picked the table.
std::size_t LineIndex::Table::slot_of(const pipeline::Digest& identity) const noexcept {
  const std::size_t slots = lines.size();
  // Multiply-shift: spreads over any number of slots (far below 2^32) without a division.
  auto slot = static_cast<std::size_t>(((identity.low >> 32) * slots) >> 32);
  while (lines[slot] != 0 && identities[slot] != identity) slot = slot + 1 == slots ? 0 : slot + 1;
  return slot;
}

void LineIndex::Table::grow() {
  Table bigger;
  const std::size_t slots = std::max(kFirstSlots, lines.size() + lines.size() / 2);
  bigger.identities.resize(slots);
  bigger.lines.resize(slots);
  bigger.used = used;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == 0) continue;
    const std::size_t slot = bigger.slot_of(identities[i]);
    bigger.identities[slot] = identities[i];
    bigger.lines[slot] = lines[i];
  }
  *this = std::move(bigger);
}

std::optional<std::uint32_t> LineIndex::put(const pipeline::Digest& identity, std::uint32_t line) {
  Table& table = tables_[identity.high % kTables];
  if ((table.used + 1) * 8 > table.lines.size() * 7) table.grow();
  const std::size_t slot = table.slot_of(identity);
  const std::uint32_t before = std::exchange(table.lines[slot], line + 1);
  if (before != 0) return before - 1;
  table.identities[slot] = identity;
  ++table.used;
  ++size_;
  return std::nullopt;
}

std::size_t LineIndex::bytes() const noexcept {
  std::size_t bytes = 0;
  for (const Table& table : tables_) {
    bytes += table.lines.capacity() * sizeof(std::uint32_t) + table.identities.capacity() * sizeof(pipeline::Digest);
  }
  return bytes;
}

}  // namespace riptide::sinks
