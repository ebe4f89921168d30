#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "riptide/cli/config.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/sinks/sink_spec.hpp"
#include "riptide/stages/journal.hpp"

namespace riptide::cli {

/// What a run hangs on, for its journal: another run goes on from it only on the same terms. Without the mapping, which
/// may have to be asked for.
stages::JournalTerms journal_terms(const Config& config, const std::vector<sinks::SinkSpec>& specs);
/// Adds the mapping, and what of it is read.
void enter_mapping(const Config& config, const MappingText& mapping, const std::vector<std::uint32_t>& resources,
                   stages::JournalTerms& terms);

/// The first of the sinks that do not keep what a run that went down wrote, or null.
const sinks::SinkSpec* written_anew(const std::vector<sinks::SinkSpec>& specs);

/// What of the terms is known: all, or all but the mapping.
enum class Known : std::uint8_t { kAll, kBeforeTheMapping };
/// Why a run on these terms cannot go on from what the state file says, or "" (also if there is nothing to go on from).
pipeline::Result<std::string> obstacle_to_resume(const state::StateFile& file, stages::JournalTerms terms, Known known);

}  // namespace riptide::cli
