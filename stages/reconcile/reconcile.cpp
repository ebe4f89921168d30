#include "reconcile/reconcile.hpp"

#include <utility>

namespace riptide::stages {
namespace {

constexpr std::size_t kMaxExamples = 10;

}  // namespace

pipeline::Result<Reconciled> reconcile(Catalogue& catalogue, const pipeline::SeenSet& seen, double threshold) {
  Reconciled result;
  std::vector<OwnedEntity> stale;
  auto listed = catalogue.owned([&](const OwnedEntity& entity) {
    ++result.owned;
    if (seen.contains(pipeline::identity_digest(entity.blueprint, entity.identifier))) return;
    if (result.examples.size() < kMaxExamples) result.examples.push_back(entity.blueprint + "/" + entity.identifier);
    stale.push_back(entity);
  });
  if (!listed) return pipeline::unexpected(std::move(listed).error());
  result.stale = stale.size();
  if (stale.empty()) return result;
  if (static_cast<double>(result.stale) > threshold * static_cast<double>(result.owned)) {
    result.guarded = true;
    return result;
  }
  auto removed = catalogue.remove(stale);
  if (!removed) return pipeline::unexpected(std::move(removed).error());
  result.removed_count = *removed;
  result.removed = std::move(stale);
  return result;
}

}  // namespace riptide::stages
