#pragma once

#include "paginate/scope_book.hpp"
#include "riptide/pipeline/graph.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "run_state.hpp"
#include "sink_lane.hpp"

namespace riptide::stages {

// A run that plans: what comes when everything was read.

/// Finds what would be deleted, enters it into the plan and seals it. Fills `report.deletion` and, whether a guard
/// would trip or not, `report.guard`. A plan that cannot be finished fails the lane.
void finish_plan(RunState& state, const ScopeBook& book, SinkLane& lane, pipeline::RunReport& report);

/// Sends the plan's changes through the lane, which is live, and deletes what it says, unless a guard trips or the run
/// is stopped.
void carry_out_plan(RunState& state, SinkLane& lane, pipeline::Graph& graph, const pipeline::RunReport& report);

}  // namespace riptide::stages
