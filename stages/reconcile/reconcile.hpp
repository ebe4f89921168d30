#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/seen_set.hpp"
#include "riptide/stages/deletion_rules.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::stages {

/// A target as reconciling sees it, local or behind HTTP.
class Catalogue {
 public:
  virtual ~Catalogue() = default;
  /// Calls `visit` with every entity that this integration owns (of the kinds that were read, where the target can
  /// tell).
  virtual pipeline::Result<void> owned(const std::function<void(const OwnedEntity&)>& visit) = 0;
  /// Takes out of `stale` what must stay all the same: somebody changed it since the run began, or what stays relates
  /// to it.
  virtual pipeline::Result<void> spare(std::vector<OwnedEntity>& stale) {
    (void)stale;
    return {};
  }
  /// True if `remove` must see all together, since it keeps an order among them.
  [[nodiscard]] virtual bool removes_together() const { return false; }
  /// Removes entities and returns how many of them the target says were there.
  virtual pipeline::Result<std::size_t> remove(std::span<const OwnedEntity> entities) = 0;
  /// Entities that are owned though `owned` did not visit them: those that the run has added since they were listed.
  [[nodiscard]] virtual std::uint64_t unlisted() const { return 0; }
};

/// What may be removed.
struct DeletionRules {
  double threshold = 1;  ///< At most this share of all that is owned.
  std::optional<MaxDelete> max_delete;
  /// Whether an entity that was not seen has disappeared, as far as its scope tells. All have, if this is null.
  std::function<bool(const OwnedEntity&)> disappeared;
};

/// Which guard stops a deletion.
enum class GuardRule : std::uint8_t { kNone, kThreshold, kMaxDelete };
std::string_view to_string(GuardRule rule) noexcept;

/// The first rule that so many of so many entities break. Nothing to delete breaks none.
GuardRule broken_rule(const DeletionRules& rules, std::uint64_t stale, std::uint64_t owned) noexcept;

/// What reconciling one target found and did.
struct Reconciled {
  std::uint64_t owned = 0;
  std::uint64_t stale = 0;             ///< Not seen, and disappeared.
  std::uint64_t kept = 0;              ///< Not seen, but their scope was not read to its end, or is not known.
  std::uint64_t spared = 0;            ///< Not seen, but changed since the run began, or related to by what stays.
  GuardRule guard = GuardRule::kNone;  ///< What stopped it: nothing was removed then.
  std::vector<std::string> examples;   ///< "blueprint/identifier" of at most 10 stale ones.
  std::uint64_t removed_count = 0;     ///< What the target says was removed.
};

/// Told of entities that were asked to be removed, and how many of them the target says were there.
using Removed = std::function<void(std::span<const OwnedEntity>, std::size_t count)>;

/// Removes what the integration owns, the run did not see and the rules let go, some thousands at a time. What is stale
/// lies in memory or, where it is much, in a file in `directory`. Errors: what the catalogue returned; kTransport.
pipeline::Result<Reconciled> reconcile(Catalogue& catalogue, const pipeline::SeenSet& seen, const DeletionRules& rules,
                                       const std::string& directory = {}, const Removed& removed = nullptr);

/// Finds the same and removes nothing: `stale` is called with each entity that would be removed if no guard stopped it.
pipeline::Result<Reconciled> find_stale(Catalogue& catalogue, const pipeline::SeenSet& seen, const DeletionRules& rules,
                                        const std::function<void(const OwnedEntity&)>& stale,
                                        const std::string& directory = {});

}  // namespace riptide::stages
