#include "reconcile/reconcile.hpp"

#include <cstdint>
#include <utility>

#include "reconcile/stale_list.hpp"

namespace riptide::stages {
namespace {

constexpr std::size_t kMaxExamples = 10;
constexpr std::size_t kRemovedTogether = 10'000;

}  // namespace

std::string_view to_string(GuardRule rule) noexcept {
  switch (rule) {
    case GuardRule::kNone:
      return "";
    case GuardRule::kThreshold:
      return "deletion_threshold";
    case GuardRule::kMaxDelete:
      return "max_delete";
  }
  return "";
}

GuardRule broken_rule(const DeletionRules& rules, std::uint64_t stale, std::uint64_t owned) noexcept {
  if (stale == 0) return GuardRule::kNone;
  if (rules.max_delete && !rules.max_delete->allows(stale, owned)) return GuardRule::kMaxDelete;
  if (static_cast<double>(stale) > rules.threshold * static_cast<double>(owned)) return GuardRule::kThreshold;
  return GuardRule::kNone;
}

pipeline::Result<Reconciled> find_stale(Catalogue& catalogue, const pipeline::SeenSet& seen, const DeletionRules& rules,
                                        const std::function<void(const OwnedEntity&)>& stale,
                                        const std::string& directory) {
  Reconciled result;
  StaleList found(directory);
  auto listed = catalogue.owned([&](const OwnedEntity& entity) {
    ++result.owned;
    if (seen.contains(pipeline::identity_digest(entity.blueprint, entity.identifier))) return;
    if (rules.disappeared && !rules.disappeared(entity)) {
      ++result.kept;
      return;
    }
    found.add(entity);
  });
  if (!listed) return pipeline::unexpected(std::move(listed).error());
  auto spared = found.each_part(StaleList::kInMemory, [&](std::vector<OwnedEntity>& part) -> pipeline::Result<void> {
    if (auto done = catalogue.spare(part); !done) return done;
    result.stale += part.size();
    for (const OwnedEntity& entity : part) {
      if (result.examples.size() < kMaxExamples) result.examples.push_back(entity.blueprint + "/" + entity.identifier);
      stale(entity);
    }
    return {};
  });
  if (!spared) return pipeline::unexpected(std::move(spared).error());
  result.spared = found.size() - result.stale;
  result.owned += catalogue.unlisted();
  result.guard = broken_rule(rules, result.stale, result.owned);
  return result;
}

pipeline::Result<Reconciled> reconcile(Catalogue& catalogue, const pipeline::SeenSet& seen, const DeletionRules& rules,
                                       const std::string& directory, const Removed& removed) {
  StaleList stale(directory);
  auto result = find_stale(
      catalogue, seen, rules, [&](const OwnedEntity& entity) { stale.add(entity); }, directory);
  if (!result || result->guard != GuardRule::kNone) return result;
  const std::size_t together = catalogue.removes_together() ? SIZE_MAX : kRemovedTogether;
  auto done = stale.each_part(together, [&](std::vector<OwnedEntity>& part) -> pipeline::Result<void> {
    auto count = catalogue.remove(part);
    if (!count) return pipeline::unexpected(std::move(count).error());
    result->removed_count += *count;
    if (removed) removed(part, *count);
    return {};
  });
  if (!done) return pipeline::unexpected(std::move(done).error());
  return result;
}

}  // namespace riptide::stages
