#include "paginate/scope_index.hpp"

#include <algorithm>

#include "riptide/pipeline/check.hpp"
#include "riptide/pipeline/entity.hpp"

namespace riptide::stages {
namespace {

constexpr std::size_t kTextBlock = 16u << 10;
constexpr std::size_t kFewestSlots = 64;

}  // namespace

std::pair<std::uint32_t, bool> ScopeIndex::add(const ScopeSpec& spec) {
  const std::uint32_t kinds = kinds_of(spec);
  if (2 * (entries_.size() + 1) > slots_.size()) make_room();
  const std::size_t slot = slot_of(kinds_[kinds].same_resources, spec.partition);
  if (slots_[slot] != 0) return {slots_[slot] - 1, false};
  RIPTIDE_CHECK(entries_.size() < UINT32_MAX - 1);
  entries_.push_back({keep(spec.partition), kinds});
  slots_[slot] = static_cast<std::uint32_t>(entries_.size());
  return {slots_[slot] - 1, true};
}

ScopeIndex::Name ScopeIndex::at(std::uint32_t number) const {
  const Entry& entry = entries_.at(number);
  const Kinds& kinds = kinds_[entry.kinds];
  return {kinds.resources, kinds.dependents, entry.partition};
}

std::uint32_t ScopeIndex::kinds_of(const ScopeSpec& spec) {
  std::uint32_t same_resources = static_cast<std::uint32_t>(kinds_.size());
  // From the end: children come after their parents, and many in a row are alike.
  for (std::size_t i = kinds_.size(); i-- > 0;) {
    if (kinds_[i].resources != spec.resources) continue;
    if (kinds_[i].dependents == spec.dependents) return static_cast<std::uint32_t>(i);
    same_resources = kinds_[i].same_resources;
  }
  kinds_.push_back({spec.resources, spec.dependents, same_resources});
  return static_cast<std::uint32_t>(kinds_.size() - 1);
}

std::string_view ScopeIndex::keep(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > text_left_) {
    const std::size_t block = std::max(text.size(), kTextBlock);
    text_.push_back(std::make_unique_for_overwrite<char[]>(block));
    text_left_ = block;
    text_end_ = text_.back().get();
  }
  char* const kept = text_end_;
  std::copy(text.begin(), text.end(), kept);
  text_end_ += text.size();
  text_left_ -= text.size();
  return {kept, text.size()};
}

std::size_t ScopeIndex::slot_of(std::uint32_t same_resources, std::string_view partition) const {
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t mixed = pipeline::digest_of(partition).low + 0x9e3779b97f4a7c15u * same_resources;
  std::size_t slot = static_cast<std::size_t>(mixed ^ (mixed >> 32)) & mask;
  while (slots_[slot] != 0) {
    const Entry& entry = entries_[slots_[slot] - 1];
    if (kinds_[entry.kinds].same_resources == same_resources && entry.partition == partition) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

void ScopeIndex::make_room() {
  std::vector<std::uint32_t> old = std::move(slots_);
  slots_.assign(std::max(kFewestSlots, 2 * old.size()), 0);
  for (const std::uint32_t taken : old) {
    if (taken == 0) continue;
    const Entry& entry = entries_[taken - 1];
    slots_[slot_of(kinds_[entry.kinds].same_resources, entry.partition)] = taken;
  }
}

}  // namespace riptide::stages
