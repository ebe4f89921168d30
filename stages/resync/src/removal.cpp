#include "removal.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace riptide::stages {
namespace {

/// Of a plan, so many are removed together: their names are in memory.
constexpr std::size_t kRemovedTogether = 10'000;

/// Where the target cannot tell the kind of what was removed, it is booked under one that was read.
std::uint32_t resource_of(const LaneCore& lane, const OwnedEntity& entity) {
  const auto& read = lane.state.options.resources;
  for (const std::uint32_t resource : read) {
    if (!entity.kind.empty() && lane.state.kind_of(resource) == entity.kind) return resource;
  }
  const std::uint32_t resource = lane.ledger.resource_of(entity.blueprint);
  const bool was_read = std::find(read.begin(), read.end(), resource) != read.end();
  return was_read || read.empty() ? resource : read.front();
}

void book(LaneCore& lane, const Reconciled& result) {
  // The target says how many; kinds are known for what was asked. The difference was gone already.
  std::uint64_t left = result.removed_count;
  for (const OwnedEntity& entity : result.removed) {
    if (left == 0) break;
    lane.ledger.deleted(resource_of(lane, entity), 1);
    --left;
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
  auto result = reconcile(*Remembered(target, lane.ledger.created_total()), lane.state.seen, rules);
  if (result) book(lane, *result);
  return result;
}

Result<Reconciled> plan_removal(LaneCore& lane, Target& target, Plan& plan, const DeletionRules& rules) {
  return find_stale(*Remembered(target, 0), lane.state.seen, rules,
                    [&plan](const OwnedEntity& entity) { plan.stale(entity); });
}

Result<void> remove_planned(LaneCore& lane, Target& target, const Plan& plan) {
  Remembered catalogue(target, 0);
  Reconciled some;
  Result<void> removed;
  const auto remove_some = [&] {
    // What a plan says is stale somebody may have changed since.
    if (auto spared = catalogue->spare(some.removed); !spared) {
      removed = std::move(spared);
      return false;
    }
    auto count = catalogue->remove(some.removed);
    if (!count) {
      removed = pipeline::unexpected(std::move(count).error());
      return false;
    }
    some.removed_count = *count;
    book(lane, some);
    some.removed.clear();
    return true;
  };
  auto walked = plan.each_deletion([&](const PlannedDeletion& deletion) {
    OwnedEntity& entity = some.removed.emplace_back();
    entity.blueprint = deletion.blueprint;
    entity.identifier = deletion.identifier;
    entity.kind = deletion.kind;
    return some.removed.size() < kRemovedTogether || remove_some();
  });
  if (!walked) return walked;
  if (removed && !some.removed.empty()) remove_some();
  return removed;
}

}  // namespace riptide::stages
