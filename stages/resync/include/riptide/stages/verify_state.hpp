#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/stop.hpp"
#include "riptide/stages/resync.hpp"
#include "riptide/stages/sink.hpp"
#include "riptide/state/digest_store.hpp"
#include "riptide/state/sent_fields.hpp"

namespace riptide::stages {

/// Whose contents are read back. What is there is always asked in full: it is one request for thousands.
struct Verify {
  static constexpr std::size_t kUsualSample = 1000;
  std::optional<std::size_t> sample = kUsualSample;  ///< So many, chosen evenly by the seed; nothing: all.
  std::uint64_t seed = 0;                            ///< The same seed chooses the same entities.
};

/// One entity that the target does not have as it confirmed it.
struct EntityDrift {
  enum class What : std::uint8_t {
    kMissing,  ///< Confirmed, and not there.
    kChanged,  ///< There, with other contents.
    kExtra,    ///< This integration owns it, and nothing is remembered of it.
  };
  What what = What::kMissing;
  std::string blueprint;  ///< Empty, as the next, where only a digest was kept of a missing entity.
  std::string identifier;
  std::string kind, partition;      ///< That it was read in; empty of an extra one.
  std::vector<std::string> fields;  ///< That changed: "title", "properties.NAME".
};
std::string_view to_string(EntityDrift::What what) noexcept;

/// Where what is remembered of a target and what it has differ.
struct StateDrift {
  /// Entities that are named; more are only counted.
  static constexpr std::size_t kMostNamed = 1000;

  Verify how;
  std::uint64_t remembered = 0;
  std::uint64_t listed = 0;    ///< Entities that the target says this integration owns.
  std::uint64_t there = 0;     ///< Of those, remembered.
  std::uint64_t extra = 0;     ///< Of those, not remembered.
  std::uint64_t missing = 0;   ///< Remembered, but not in the target.
  std::uint64_t compared = 0;  ///< Field by field.
  std::uint64_t changed = 0;   ///< Of those, with other contents.
  std::uint64_t not_kept = 0;  ///< Would have been compared, but of their contents nothing was kept.
  std::vector<EntityDrift> entities;

  [[nodiscard]] std::uint64_t total() const noexcept { return extra + missing + changed; }
};

/// Holds what is remembered against the target: first against its own list of what this integration owns, then field by
/// field against what it holds. `fields` are of the same file as `store`. Writes nothing. Blocks. Memory: about 40
/// bytes an entity that is remembered. Errors: what the target answers; kStopped; those of the state.
pipeline::Result<StateDrift> verify_state(const RemoteSink& sink, const ResyncOptions& options,
                                          state::DigestStore& store, state::SentFieldsReader& fields, Verify how,
                                          const pipeline::Stop& stop);

/// Writes the drift as one JSON object, with a final newline.
std::string to_json(const StateDrift& drift);

}  // namespace riptide::stages
