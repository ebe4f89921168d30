#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/stop.hpp"
#include "riptide/stages/resync.hpp"
#include "riptide/stages/sink.hpp"
#include "riptide/state/digest_store.hpp"

namespace riptide::stages {

/// How much of the target is read.
enum class Verify : std::uint8_t { kSample, kAll };

/// Where what is remembered of a target and what it has differ.
struct StateDrift {
  std::uint64_t remembered = 0;
  std::uint64_t listed = 0;           ///< Entities that the target says this integration owns, as far as it was asked.
  std::uint64_t there = 0;            ///< Of those, remembered.
  std::uint64_t unknown = 0;          ///< Of those, not remembered.
  std::uint64_t missing = 0;          ///< Remembered, but not in the target; only if `whole`.
  bool whole = false;                 ///< All was listed.
  std::vector<std::string> examples;  ///< At most 10, one line each.

  [[nodiscard]] bool any() const noexcept { return unknown != 0 || missing != 0; }
};

/// Holds what is remembered against the target's own list of what this integration owns: all of it, or its first pages.
/// Writes nothing. Blocks. Errors: what the target answers; kStopped.
pipeline::Result<StateDrift> verify_state(const RemoteSink& sink, const ResyncOptions& options,
                                          state::DigestStore& store, Verify how, const pipeline::Stop& stop);

/// Writes the drift as one JSON object, with a final newline.
std::string to_json(const StateDrift& drift);

}  // namespace riptide::stages
