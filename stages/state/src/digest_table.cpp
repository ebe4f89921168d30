#include "digest_table.hpp"

#include <algorithm>

namespace riptide::state {
namespace {

constexpr std::size_t kFirstSlots = 16;

// At most 17 of 20 slots taken, and growth by a fifth: 47 to 57 bytes an entry.
constexpr std::size_t slots_for(std::size_t entries) { return std::max(kFirstSlots, entries * 20 / 17 + 1); }

}  // namespace

std::size_t DigestTable::Shard::home(const Digest& identity) const noexcept {
  // The high half of a product spreads over any number of slots; all identities of a shard share their top byte.
  return static_cast<std::size_t>((((identity.high << 8) >> 32) * slots_.size()) >> 32);
}

DigestEntry* DigestTable::Shard::find(const Digest& identity) noexcept {
  if (used_ == 0) return nullptr;
  for (std::size_t at = home(identity); slots_[at].word != DigestEntry::kFree; at = after(at)) {
    if (slots_[at].identity == identity) return &slots_[at];
  }
  return nullptr;
}

DigestEntry& DigestTable::Shard::place(const DigestEntry& entry) noexcept {
  std::size_t at = home(entry.identity);
  while (slots_[at].word != DigestEntry::kFree) at = after(at);
  slots_[at] = entry;
  ++used_;
  return slots_[at];
}

void DigestTable::Shard::rebuild(std::size_t slots) {
  const std::vector<DigestEntry> old = std::move(slots_);
  slots_ = std::vector<DigestEntry>(slots, DigestEntry{{}, {}, 0, DigestEntry::kFree});
  used_ = 0;
  for (const DigestEntry& entry : old) {
    if (entry.word != DigestEntry::kFree) place(entry);
  }
}

void DigestTable::Shard::reserve(std::size_t entries) {
  if (entries != 0 && slots_for(entries) > slots_.size()) rebuild(slots_for(entries));
}

DigestEntry& DigestTable::Shard::add(const DigestEntry& entry) {
  if (slots_for(used_ + 1) > slots_.size()) rebuild(std::max(slots_for(used_ + 1), slots_.size() + slots_.size() / 5));
  return place(entry);
}

std::vector<DigestEntry> DigestTable::Shard::sorted() const {
  std::vector<DigestEntry> entries;
  entries.reserve(used_);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].word != DigestEntry::kFree) entries.push_back(slots_[i]);
  }
  std::sort(entries.begin(), entries.end(),
            [](const DigestEntry& a, const DigestEntry& b) { return before(a.identity, b.identity); });
  return entries;
}

std::size_t DigestTable::size() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.size();
  }
  return sum;
}

std::size_t DigestTable::bytes() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.bytes();
  }
  return sum;
}

}  // namespace riptide::state
