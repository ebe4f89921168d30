#include "reconcile/closed_scopes.hpp"

namespace riptide::stages {

ClosedScopes::ClosedScopes(std::span<const ScopeBook::ScopeState> scopes, std::span<const std::string> kinds,
                           const UnreadableScopes& unreadable) {
  for (std::uint32_t number = 0; number < scopes.size(); ++number) {
    const ScopeBook::ScopeState& scope = scopes[number];
    for (const std::uint32_t resource : scope.spec->resources) {
      const bool closed = scope.closed && !unreadable.contains({resource, number});
      if (!closed) complete_ = false;
      // Two blocks of a kind may read the same partition: nothing tells which of them made an entity.
      const auto found = kinds_[kinds[resource]].partitions.emplace(scope.spec->partition, true).first;
      found->second = found->second && closed;
    }
    if (!scope.closed) complete_ = false;
    for (const std::uint32_t resource : scope.spec->dependents) {
      Kind& kind = kinds_[kinds[resource]];
      kind.has_listing = true;
      kind.listings_closed = kind.listings_closed && scope.closed;
    }
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
