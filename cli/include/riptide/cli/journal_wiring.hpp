#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "riptide/cli/config.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/stages/journal.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::cli {

/// What a run hangs on, for its journal: another run goes on from it only on the same terms.
stages::JournalTerms journal_terms(const Config& config, const MappingText& mapping,
                                   const std::vector<std::uint32_t>& resources,
                                   const std::vector<std::unique_ptr<stages::Sink>>& sinks);

/// The first of the sinks whose runs cannot be gone on with, or null.
const stages::Sink* without_resume(const std::vector<std::unique_ptr<stages::Sink>>& sinks);

/// Why a run on these terms cannot go on from what the state file says, or "" (also if there is nothing to go on from).
pipeline::Result<std::string> obstacle_to_resume(const state::StateFile& file, const stages::JournalTerms& terms);

}  // namespace riptide::cli
