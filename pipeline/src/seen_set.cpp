#include "riptide/pipeline/seen_set.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "sorted_run.hpp"
#include "spill_file.hpp"

namespace riptide::pipeline {
namespace {

constexpr std::size_t kFirstSlots = 16;
/// However little memory there is, a shard spills no fewer than fill this.
constexpr std::size_t kLeastSpilled = 256;
/// More are made one: each is asked for an identity that is not in memory.
constexpr std::size_t kMostRuns = 4;

}  // namespace

SeenSet::SeenSet() : SeenSet(Options()) {}
SeenSet::~SeenSet() = default;

SeenSet::SeenSet(Options options) : options_(std::move(options)) {
  if (options_.memory_bytes == SIZE_MAX) return;
  if (auto file = SpillFile::make(options_.directory)) file_ = std::make_unique<SpillFile>(std::move(*file));
}

// Shards are told apart by the low word's top byte, slots by the high word: independent bits.
const SeenSet::Shard& SeenSet::shard_of(const Digest& identity) const noexcept { return shards_[identity.low >> 56]; }

std::size_t SeenSet::home(const Digest& identity, std::size_t slots) noexcept {
  // The high half of a product spreads over any number of slots, so that shards can grow by half instead of doubling.
  return static_cast<std::size_t>(((identity.high >> 32) * slots) >> 32);
}

SeenSet::Slot* SeenSet::find(std::vector<Slot>& slots, const Digest& identity) noexcept {
  if (slots.empty()) return nullptr;
  for (std::size_t at = home(identity, slots.size()); slots[at].scope != kFree;
       at = at + 1 == slots.size() ? 0 : at + 1) {
    if (slots[at].identity == identity) return &slots[at];
  }
  return nullptr;
}

void SeenSet::place(std::vector<Slot>& slots, const Slot& slot) noexcept {
  std::size_t at = home(slot.identity, slots.size());
  while (slots[at].scope != kFree) at = at + 1 == slots.size() ? 0 : at + 1;
  slots[at] = slot;
}

/// Before another slot is taken.
void SeenSet::make_room(Shard& shard) {
  // At most four fifths full: half growth then keeps the memory under 48 bytes an entity.
  if ((shard.used + 1) * 5 <= shard.slots.size() * 4) return;
  const std::size_t larger_size = std::max(kFirstSlots, shard.slots.size() + shard.slots.size() / 2);
  std::size_t bytes = larger_size * sizeof(Slot);
  for (const SortedRun& run : shard.runs) bytes += run.bytes();
  if (bytes > options_.memory_bytes / kShards && shard.slots.size() >= kLeastSpilled && spill(shard)) return;
  std::vector<Slot> larger(larger_size);
  for (const Slot& slot : shard.slots) {
    if (slot.scope != kFree) place(larger, slot);
  }
  shard.slots = std::move(larger);
}

bool SeenSet::spill(Shard& shard) {
  if (file_ == nullptr || disk_full_.load(std::memory_order_relaxed)) return false;
  std::vector<Sighted> sorted;
  sorted.reserve(shard.used);
  for (const Slot& slot : shard.slots) {
    if (slot.scope != kFree) sorted.push_back({slot.identity, slot.scope, slot.contents});
  }
  std::sort(sorted.begin(), sorted.end(), SortedRun::before);
  auto run = SortedRun::write(*file_, sorted);
  if (!run) {
    // Memory past the budget is better than a run that ends here.
    disk_full_.store(true, std::memory_order_relaxed);
    return false;
  }
  shard.runs.push_back(std::move(*run));
  std::fill(shard.slots.begin(), shard.slots.end(), Slot{});
  shard.used = 0;
  spilled_.store(true, std::memory_order_relaxed);
  if (shard.runs.size() > kMostRuns && !merge_runs(shard)) disk_full_.store(true, std::memory_order_relaxed);
  return true;
}

bool SeenSet::merge_runs(Shard& shard) {
  std::vector<Sighted> all;
  for (const SortedRun& run : shard.runs) {
    const std::vector<Sighted> next = run.read(*file_);
    std::vector<Sighted> both;
    both.reserve(all.size() + next.size());
    auto older = all.begin();
    for (const Sighted& sighted : next) {
      while (older != all.end() && SortedRun::before(*older, sighted)) both.push_back(*older++);
      if (older != all.end() && older->identity == sighted.identity) ++older;
      both.push_back(sighted);
    }
    both.insert(both.end(), older, all.end());
    all = std::move(both);
  }
  auto merged = SortedRun::write(*file_, all);
  if (!merged) return false;
  for (const SortedRun& run : shard.runs) run.release(*file_);
  shard.runs.clear();
  shard.runs.push_back(std::move(*merged));
  return true;
}

bool SeenSet::find_spilled(const Shard& shard, const Digest& identity, Sighted& out) const {
  for (auto run = shard.runs.rbegin(); run != shard.runs.rend(); ++run) {
    if (const auto found = run->find(*file_, identity)) {
      out = *found;
      return true;
    }
  }
  return false;
}

SeenSet::Sighting SeenSet::note(const Digest& identity, std::uint32_t scope, std::uint32_t contents) {
  auto& shard = const_cast<Shard&>(shard_of(identity));
  const std::lock_guard lock(shard.mutex);
  Slot last{identity, kFree, 0};
  if (Slot* const slot = find(shard.slots, identity); slot != nullptr) {
    last = *slot;
    slot->scope = scope;
    slot->contents = contents;
  } else {
    if (Sighted spilled; !shard.runs.empty() && find_spilled(shard, identity, spilled)) {
      last.scope = spilled.scope;
      last.contents = spilled.contents;
    } else {
      ++shard.known;
    }
    make_room(shard);
    place(shard.slots, {identity, scope, contents});
    ++shard.used;
  }
  if (last.scope == kFree) return Sighting::kNew;
  if (last.scope != scope) return Sighting::kElsewhere;
  return last.contents == contents ? Sighting::kSame : Sighting::kChanged;
}

bool SeenSet::contains(const Digest& identity) const {
  const Shard& shard = shard_of(identity);
  const std::lock_guard lock(shard.mutex);
  if (find(const_cast<Shard&>(shard).slots, identity) != nullptr) return true;
  Sighted spilled;
  return !shard.runs.empty() && find_spilled(shard, identity, spilled);
}

std::size_t SeenSet::size() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.known;
  }
  return sum;
}

std::size_t SeenSet::bytes() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.slots.capacity() * sizeof(Slot);
    for (const SortedRun& run : shard.runs) sum += run.bytes();
  }
  return sum;
}

}  // namespace riptide::pipeline
