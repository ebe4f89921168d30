#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/credits.hpp"

namespace riptide::pipeline {

/// 128 bits of XXH3: names an entity in the seen set.
struct Digest {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Digest&, const Digest&) = default;
};

/// Digests an entity's identity. Both parts are text: decoded strings; a number's own digits; other JSON as it is
/// written.
Digest identity_digest(std::string_view blueprint, std::string_view identifier) noexcept;

/// Digests any bytes.
Digest digest_of(std::string_view bytes) noexcept;

/// A part of an entity's bytes; `length` 0 means that the mapping does not have it.
struct Part {
  std::uint32_t begin = 0;
  std::uint32_t length = 0;
  [[nodiscard]] bool present() const noexcept { return length != 0; }
};

/// One mapped entity: where its JSON lies in a buffer, and where its parts lie in that JSON. All parts are raw JSON
/// (strings with their quotes).
struct Entity {
  std::uint64_t begin = 0;  ///< Of the whole object, in the owner's `bytes`.
  std::uint32_t length = 0;
  Part identifier, blueprint, title, icon, team, properties, relations;  ///< Relative to `begin`.
  std::uint32_t resource = 0;                                            ///< Index of the mapping's resource block.
  std::uint32_t scope = 0;                                               ///< Number of the scope within the run.
  std::uint32_t page = 0;  ///< Ticket of the page it was read on; 0: none.
  Digest identity;
  bool searched = false;  ///< Its identifier or a relation is a search query: identity is known only to the target.
  bool related_by_search = false;  ///< Of those, a relation or the team is: what it finds may change by itself.
  bool repeated = false;           ///< Its identity was read before in another scope of this run.
  bool duplicate = false;          ///< Its identity was read before in this scope, with other contents.
  std::uint8_t sends = 0;          ///< How often it was sent to this target before.
};

/// Entities as owned bytes: what one page became, or what one request carries.
struct EntityBuffer {
  std::string bytes;  ///< Entity objects back to back.
  std::vector<Entity> entities;

  [[nodiscard]] std::string_view json(const Entity& entity) const noexcept {
    return std::string_view(bytes).substr(entity.begin, entity.length);
  }
  [[nodiscard]] std::string_view part(const Entity& entity, Part part) const noexcept {
    return std::string_view(bytes).substr(entity.begin + part.begin, part.length);
  }
  /// Copies one entity of another buffer to the end of this one.
  void append(const EntityBuffer& from, const Entity& entity);
};

/// Records grouped for one upload. Holds the credit for its bytes until it is settled.
struct Batch : EntityBuffer {
  std::string blueprint;     ///< Text of the blueprint that all entities share; empty where the sink mixes them.
  std::uint64_t number = 0;  ///< In the order in which a sink's batches left; halves of a batch share it.
  bool waits = false;        ///< Not to be sent: kept until what its entities relate to is there.
  Credit credit;
};

/// What became of one entity at the target.
struct Outcome {
  enum class Kind : std::uint8_t {
    kCreated,
    kUpdated,
    kUnchanged,
    kRejected,   ///< The target refused it; `message` says why.
    kAbandoned,  ///< Never settled: the run stopped or the sink failed.
  };
  Kind kind = Kind::kUpdated;
  std::string message;     ///< Only with kRejected and kAbandoned.
  std::string identifier;  ///< Text that the target returned; empty when it is the entity's own.
  /// Only with kRejected: the refusal is of this entity alone and may have to do with others that were not there yet.
  bool may_pass_later = false;
  /// Only of a sink that plans, with kUpdated: how the entity differs from what the target holds, as a JSON array of
  /// {"field", "before", "after"}.
  std::string changes = {};
};

}  // namespace riptide::pipeline
