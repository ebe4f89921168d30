#include "riptide/pipeline/seen_set.hpp"

#include <algorithm>

namespace riptide::pipeline {
namespace {

constexpr std::size_t kFirstSlots = 16;

}  // namespace

SeenSet::SeenSet() = default;

// Shards are told apart by the low word's top byte, slots by the high word: independent bits.
const SeenSet::Shard& SeenSet::shard_of(const Digest& identity) const noexcept { return shards_[identity.low >> 56]; }

std::size_t SeenSet::home(const Digest& identity, std::size_t slots) noexcept {
  // The high half of a product spreads over any number of slots, so that shards can grow by half instead of doubling.
  return static_cast<std::size_t>(((identity.high >> 32) * slots) >> 32);
}

void SeenSet::grow(Shard& shard) {
  std::vector<Slot> larger(std::max(kFirstSlots, shard.slots.size() + shard.slots.size() / 2));
  for (const Slot& slot : shard.slots) {
    if (slot.scope == kFree) continue;
    std::size_t at = home(slot.identity, larger.size());
    while (larger[at].scope != kFree) at = at + 1 == larger.size() ? 0 : at + 1;
    larger[at] = slot;
  }
  shard.slots = std::move(larger);
}

SeenSet::Sighting SeenSet::note(const Digest& identity, std::uint32_t scope, std::uint32_t contents) {
  auto& shard = const_cast<Shard&>(shard_of(identity));
  const std::lock_guard lock(shard.mutex);
  // At most four fifths full: half growth then keeps the memory under 48 bytes an entity.
  if ((shard.used + 1) * 5 > shard.slots.size() * 4) grow(shard);
  std::size_t at = home(identity, shard.slots.size());
  while (shard.slots[at].scope != kFree && !(shard.slots[at].identity == identity)) {
    at = at + 1 == shard.slots.size() ? 0 : at + 1;
  }
  Slot& slot = shard.slots[at];
  if (slot.scope == kFree) {
    slot = {identity, scope, contents};
    ++shard.used;
    return Sighting::kNew;
  }
  const bool same_scope = slot.scope == scope;
  const bool same_contents = slot.contents == contents;
  slot.scope = scope;
  slot.contents = contents;
  if (!same_scope) return Sighting::kElsewhere;
  return same_contents ? Sighting::kSame : Sighting::kChanged;
}

bool SeenSet::contains(const Digest& identity) const {
  const Shard& shard = shard_of(identity);
  const std::lock_guard lock(shard.mutex);
  if (shard.slots.empty()) return false;
  std::size_t at = home(identity, shard.slots.size());
  while (shard.slots[at].scope != kFree) {
    if (shard.slots[at].identity == identity) return true;
    at = at + 1 == shard.slots.size() ? 0 : at + 1;
  }
  return false;
}

std::size_t SeenSet::size() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.used;
  }
  return sum;
}

std::size_t SeenSet::bytes() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.slots.capacity() * sizeof(Slot);
  }
  return sum;
}

}  // namespace riptide::pipeline
