#pragma once

#include <memory>
#include <vector>

#include "compose/src/flow_context.hpp"
#include "reading_side.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "run_state.hpp"
#include "sink_lane.hpp"

namespace riptide::stages {

// Fills the report from what the parts of the run counted.

using SinkLanes = std::vector<std::unique_ptr<SinkLane>>;

void count_sinks(const FlowContext& context, const SinkLanes& lanes, pipeline::RunReport& report);
void count_scopes(const RunState& state, const ScopeBook& book, pipeline::RunReport& report);
void count_hosts(const ReadingSide& reading, const SinkLanes& lanes, pipeline::RunReport& report);

/// Resources of which something was not read to its end.
std::vector<std::uint32_t> incomplete_resources(const ScopeBook& book);

/// What decides the exit code; `report.sinks` and `report.guard` are filled.
pipeline::RunFacts facts_of(const FlowContext& context, const pipeline::RunReport& report, const ScopeBook& book,
                            const SinkLanes& lanes, int signal);

/// The guard against silent loss: everything adds up, all credit is at home. A violation is a failed run: it is entered
/// as an error and changes the exit code. Returns whether there was none.
bool check_conservation(const FlowContext& context, const SinkLanes& lanes, pipeline::RunReport& report);

}  // namespace riptide::stages
