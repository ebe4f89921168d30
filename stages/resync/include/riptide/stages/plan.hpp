#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::stages {

enum class PlanAction : std::uint8_t { kCreate, kUpdate };
std::string_view to_string(PlanAction action) noexcept;

/// Digest of a set: the digests of its members, added up, so that order does not matter.
struct SetDigest {
  pipeline::Digest sum;
  void add(const pipeline::Digest& member) noexcept {
    sum.low += member.low;
    sum.high += member.high;
  }
  friend bool operator==(const SetDigest&, const SetDigest&) = default;
};

/// An entity that a run would write. Texts are borrowed for the call.
struct PlannedChange {
  PlanAction action = PlanAction::kCreate;
  std::string_view kind, partition, blueprint, identifier;
  std::string_view fields;  ///< JSON array of {"field", "before", "after"}; empty if nobody asked for it.
  pipeline::Digest digest;  ///< Of all that the change is: equal digests, equal changes.
};

/// An entity that a run would delete.
struct PlannedDeletion {
  std::string_view kind;  ///< Empty where the target does not tell.
  std::optional<std::string_view> partition;
  std::string_view blueprint, identifier;
  pipeline::Digest digest;
};

/// What a run would do at its one target: recorded by a resync whose sink plans, and read afterwards, as often as
/// needed. Changes lie on disk; memory is needed for identities that were read more than once, and little else.
///
/// An entity is one change, whatever was read of it: in several scopes, or again because its listing moved. Blocks of
/// the mapping that make the same entity are a change each, since a target may merge them.
class Plan {
 public:
  /// What is recorded, and where.
  struct Options {
    bool fields = false;         ///< Keep how each entity changes.
    bool keep_entities = false;  ///< Keep the entities themselves, to carry the plan out.
    std::string directory;       ///< For the file; "" is $TMPDIR, else /var/tmp.
  };
  explicit Plan(Options options);
  ~Plan();

  /// Names numbers of the run for people.
  struct Names {
    std::function<std::string_view(std::uint32_t resource)> kind;
    std::function<std::string(std::uint32_t scope)> partition;
  };

  // For the resync. Any thread.
  /// An entity was read, repeats with the same contents left out.
  void read(std::string_view kind, std::string_view partition, std::string_view json);
  /// A sink that plans said what it would do with a batch. Takes the batch's credit, until it is written. Returns
  /// which of its entities are changes now.
  std::vector<bool> record(pipeline::Batch& batch, const std::vector<pipeline::Outcome>& outcomes, const Names& names);
  /// Entities of a buffer need not be sent: that is known without asking the target.
  void unchanged(const pipeline::EntityBuffer& buffer, const std::vector<pipeline::Entity>& entities);
  /// An entity would be deleted.
  void stale(const OwnedEntity& entity);
  /// Nothing more comes. Errors: kTransport (the disk is full).
  pipeline::Result<void> seal();

  // Afterwards.
  /// Entities by what would become of them.
  struct Counts {
    std::uint64_t created = 0, updated = 0, unchanged = 0, stale = 0;
  };
  /// At most 1,000 blueprints; what belongs to others is under `kOtherBlueprints`.
  static constexpr std::string_view kOtherBlueprints = "*";
  static constexpr std::size_t kMaxBlueprints = 1000;
  [[nodiscard]] const std::map<std::string, Counts, std::less<>>& by_blueprint() const noexcept;
  [[nodiscard]] Counts counts() const noexcept;
  [[nodiscard]] const SetDigest& source() const noexcept;     ///< Of all that was read.
  [[nodiscard]] const SetDigest& changes() const noexcept;    ///< Of all changes.
  [[nodiscard]] const SetDigest& deletions() const noexcept;  ///< Of all deletions.

  using VisitChange = std::function<bool(const PlannedChange&)>;      ///< False ends the walk.
  using VisitDeletion = std::function<bool(const PlannedDeletion&)>;  ///< False ends the walk.
  [[nodiscard]] pipeline::Result<void> each_change(const VisitChange& visit) const;
  [[nodiscard]] pipeline::Result<void> each_deletion(const VisitDeletion& visit) const;
  /// With `keep_entities`: each change as an entity to be sent; `entity` lies in `from`. Where a later one replaced it,
  /// `from` is null.
  using VisitEntity = std::function<bool(const pipeline::EntityBuffer* from, const pipeline::Entity& entity)>;
  [[nodiscard]] pipeline::Result<void> each_entity(const VisitEntity& visit) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace riptide::stages
