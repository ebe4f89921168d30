#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "riptide/pipeline/run_report.hpp"
#include "riptide/stages/dead_letters.hpp"
#include "riptide/stages/resync.hpp"

namespace riptide::stages {

/// What became of letters that were tried again.
struct Replayed {
  std::uint64_t settled = 0;  ///< Letters that are gone: delivered, or filtered by today's mapping.
  std::uint64_t failed = 0;   ///< Letters that stay, or became letters of another stage.
  std::vector<pipeline::ErrorReport> errors;
  std::string sink_error;  ///< Why a sink could not take the rest; empty if all could.
};

/// Tries dead letters again: records go through the mapping, entities as they are, to the sinks that refused them (all
/// for records). Letters of what settles are removed; what fails again is a letter anew. `parts.dead_letters` and the
/// mapping must be there, a source need not. Blocks. Errors: kConfig (a sink that cannot be opened), kInternal.
[[nodiscard]] Result<Replayed> replay(ResyncParts parts, ResyncOptions options, const std::vector<DeadLetter>& letters,
                                      pipeline::Stop& stop);

}  // namespace riptide::stages
