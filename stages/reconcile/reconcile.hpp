#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/seen_set.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::stages {

/// A target as reconciling sees it, local or behind HTTP.
class Catalogue {
 public:
  virtual ~Catalogue() = default;
  /// Calls `visit` with every entity that this integration owns (of the kinds that were read, where the target can
  /// tell).
  virtual pipeline::Result<void> owned(const std::function<void(const OwnedEntity&)>& visit) = 0;
  /// Removes entities and returns how many of them the target says were there.
  virtual pipeline::Result<std::size_t> remove(std::span<const OwnedEntity> entities) = 0;
};

/// What reconciling one target found and did.
struct Reconciled {
  std::uint64_t owned = 0;
  std::uint64_t stale = 0;
  bool guarded = false;               ///< The threshold stopped it: nothing was removed.
  std::vector<std::string> examples;  ///< "blueprint/identifier" of at most 10 stale ones.
  std::vector<OwnedEntity> removed;   ///< What was asked to be removed.
  std::uint64_t removed_count = 0;    ///< What the target says was removed.
};

/// Removes what the integration owns and the run did not see, unless that is more than `threshold` of all it owns.
/// Errors: what the catalogue returned.
pipeline::Result<Reconciled> reconcile(Catalogue& catalogue, const pipeline::SeenSet& seen, double threshold);

}  // namespace riptide::stages
