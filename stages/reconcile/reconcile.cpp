#include "reconcile/reconcile.hpp"

#include <utility>

namespace riptide::stages {
namespace {

constexpr std::size_t kMaxExamples = 10;

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
                                        const std::function<void(const OwnedEntity&)>& stale) {
  Reconciled result;
  std::vector<OwnedEntity> found;
  auto listed = catalogue.owned([&](const OwnedEntity& entity) {
    ++result.owned;
    if (seen.contains(pipeline::identity_digest(entity.blueprint, entity.identifier))) return;
    if (rules.disappeared && !rules.disappeared(entity)) {
      ++result.kept;
      return;
    }
    found.push_back(entity);
  });
  if (!listed) return pipeline::unexpected(std::move(listed).error());
  result.stale = found.size();
  if (auto spared = catalogue.spare(found); !spared) return pipeline::unexpected(std::move(spared).error());
  result.spared = result.stale - found.size();
  result.stale = found.size();
  for (const OwnedEntity& entity : found) {
    if (result.examples.size() < kMaxExamples) result.examples.push_back(entity.blueprint + "/" + entity.identifier);
    stale(entity);
  }
  result.owned += catalogue.unlisted();
  result.guard = broken_rule(rules, result.stale, result.owned);
  return result;
}

pipeline::Result<Reconciled> reconcile(Catalogue& catalogue, const pipeline::SeenSet& seen,
                                       const DeletionRules& rules) {
  std::vector<OwnedEntity> stale;
  auto result = find_stale(catalogue, seen, rules, [&](const OwnedEntity& entity) { stale.push_back(entity); });
  if (!result || result->guard != GuardRule::kNone || stale.empty()) return result;
  auto removed = catalogue.remove(stale);
  if (!removed) return pipeline::unexpected(std::move(removed).error());
  result->removed_count = *removed;
  result->removed = std::move(stale);
  return result;
}

}  // namespace riptide::stages
