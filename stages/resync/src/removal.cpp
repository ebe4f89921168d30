#include "removal.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace riptide::stages {
namespace {

/// Of a plan, so many are removed together: their names are in memory.
constexpr std::size_t kRemovedTogether = 10'000;

/// Where the target cannot tell the kind of what was removed, it is booked under one that was read.
std::uint32_t resource_of(const LaneCore& lane, const OwnedEntity& entity) {
  const auto& read = lane.options.resources;
  for (const std::uint32_t resource : read) {
    if (!entity.kind.empty() && lane.state.kind_of(resource) == entity.kind) return resource;
  }
  const std::uint32_t resource = lane.ledger.resource_of(entity.blueprint);
  const bool was_read = std::find(read.begin(), read.end(), resource) != read.end();
  return was_read || read.empty() ? resource : read.front();
}

/// The target says how many; kinds are known for what was asked. The difference was gone already.
void book(LaneCore& lane, std::span<const OwnedEntity> removed, std::size_t count) {
  for (const OwnedEntity& entity : removed.first(std::min(count, removed.size()))) {
    lane.ledger.deleted(resource_of(lane, entity), 1);
  }
}

/// The target, with what is remembered of it where something is.
class Remembered {
 public:
  Remembered(Target& target, std::uint64_t created) : target_(target) {
    if (Diff* const diff = target.diff()) remembering_.emplace(target.catalogue(), *diff, created);
  }
  Catalogue& operator*() { return remembering_ ? *remembering_ : target_.catalogue(); }
  Catalogue* operator->() { return &**this; }

 private:
  Target& target_;
  std::optional<RememberingCatalogue> remembering_;
};

}  // namespace

Result<Reconciled> remove_stale(LaneCore& lane, Target& target, const DeletionRules& rules) {
  return reconcile(*Remembered(target, lane.ledger.created_total()), lane.seen(), rules, lane.state.spill_to,
                   [&lane](std::span<const OwnedEntity> removed, std::size_t count) { book(lane, removed, count); });
}

Result<Reconciled> plan_removal(LaneCore& lane, Target& target, Plan& plan, const DeletionRules& rules) {
  return find_stale(
      *Remembered(target, 0), lane.seen(), rules, [&plan](const OwnedEntity& entity) { plan.stale(entity); },
      lane.state.spill_to);
}

Result<void> remove_planned(LaneCore& lane, Target& target, const Plan& plan) {
  Remembered catalogue(target, 0);
  std::vector<OwnedEntity> some;
  Result<void> removed;
  const auto remove_some = [&] {
    // What a plan says is stale somebody may have changed since.
    if (auto spared = catalogue->spare(some); !spared) {
      removed = std::move(spared);
      return false;
    }
    auto count = catalogue->remove(some);
    if (!count) {
      removed = pipeline::unexpected(std::move(count).error());
      return false;
    }
    book(lane, some, *count);
    some.clear();
    return true;
  };
  auto walked = plan.each_deletion([&](const PlannedDeletion& deletion) {
    OwnedEntity& entity = some.emplace_back();
    entity.blueprint = deletion.blueprint;
    entity.identifier = deletion.identifier;
    entity.kind = deletion.kind;
    return some.size() < kRemovedTogether || catalogue->removes_together() || remove_some();
  });
  if (!walked) return walked;
  if (removed && !some.empty()) remove_some();
  return removed;
}

}  // namespace riptide::stages
