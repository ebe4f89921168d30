#include "sorted_run.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace riptide::pipeline {
namespace {

constexpr std::size_t kBitsEach = 10;

/// All of a run may share the top byte of `low`.
std::size_t word_of(const Digest& identity, std::size_t words) noexcept {
  return static_cast<std::size_t>(((identity.high & UINT32_MAX) * words) >> 32);
}

/// Four bits of a word: from parts of the digest that choose no word.
std::uint64_t bits_of(const Digest& identity) noexcept {
  std::uint64_t bits = 0;
  for (int i = 0; i < 4; ++i) bits |= std::uint64_t{1} << ((identity.low >> (6 * i)) & 63);
  return bits;
}

[[noreturn]] void unreadable() {
  throw std::runtime_error("what was seen in this run cannot be read back from the disk");
}

}  // namespace

std::optional<SortedRun> SortedRun::write(SpillFile& file, const std::vector<Sighted>& sorted) {
  const auto at = file.append(sorted.data(), sorted.size() * sizeof(Sighted));
  if (!at) return std::nullopt;
  SortedRun run;
  run.at_ = *at;
  run.size_ = sorted.size();
  run.filter_.resize(sorted.size() * kBitsEach / 64 + 1);
  run.firsts_.reserve(sorted.size() / kInBlock + 1);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    run.filter_[word_of(sorted[i].identity, run.filter_.size())] |= bits_of(sorted[i].identity);
    if (i % kInBlock == 0) run.firsts_.push_back(sorted[i].identity.high);
  }
  return run;
}

bool SortedRun::may_have(const Digest& identity) const noexcept {
  const std::uint64_t bits = bits_of(identity);
  return (filter_[word_of(identity, filter_.size())] & bits) == bits;
}

std::optional<Sighted> SortedRun::find(const SpillFile& file, const Digest& identity) const {
  if (!may_have(identity)) return std::nullopt;
  auto block =
      static_cast<std::size_t>(std::upper_bound(firsts_.begin(), firsts_.end(), identity.high) - firsts_.begin());
  std::array<Sighted, kInBlock> room;
  while (block > 0) {
    --block;
    const std::size_t length = std::min(kInBlock, size_ - block * kInBlock);
    if (!file.read(at_ + block * kInBlock * sizeof(Sighted), room.data(), length * sizeof(Sighted))) unreadable();
    const auto end = room.begin() + static_cast<std::ptrdiff_t>(length);
    const auto found = std::lower_bound(room.begin(), end, Sighted{identity, 0, 0}, before);
    if (found != end && found->identity == identity) return *found;
    // Identities of the same `high` may reach back into the block before.
    if (firsts_[block] < identity.high) return std::nullopt;
  }
  return std::nullopt;
}

std::vector<Sighted> SortedRun::read(const SpillFile& file) const {
  std::vector<Sighted> all(size_);
  if (!file.read(at_, all.data(), size_ * sizeof(Sighted))) unreadable();
  return all;
}

}  // namespace riptide::pipeline
