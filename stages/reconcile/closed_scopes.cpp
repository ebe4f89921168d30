#include "reconcile/closed_scopes.hpp"

namespace riptide::stages {

void ClosedScopes::enter(const ScopeBook::ScopeState& scope) {
  for (const std::uint32_t resource : scope.resources) {
    const bool closed = scope.closed && !unreadable_.contains({resource, scope.number});
    if (!closed) complete_ = false;
    // Two blocks of a kind may read the same partition: nothing tells which of them made an entity.
    const auto found = kinds_[names_[resource]].partitions.emplace(scope.partition, true).first;
    found->second = found->second && closed;
  }
  if (!scope.closed) complete_ = false;
  for (const std::uint32_t resource : scope.dependents) {
    Kind& kind = kinds_[names_[resource]];
    kind.has_listing = true;
    kind.listings_closed = kind.listings_closed && scope.closed;
  }
}

bool ClosedScopes::covers(std::string_view kind, std::string_view partition) const {
  const auto found = kinds_.find(kind);
  if (found == kinds_.end()) return false;
  if (const auto scope = found->second.partitions.find(partition); scope != found->second.partitions.end()) {
    return scope->second;
  }
  return found->second.has_listing ? found->second.listings_closed : complete_;
}

}  // namespace riptide::stages
