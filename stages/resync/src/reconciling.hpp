#pragma once

#include <memory>
#include <string>
#include <vector>

#include "paginate/scope_book.hpp"
#include "reconcile/reconcile.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "run_state.hpp"
#include "sink_lane.hpp"

namespace riptide::stages {

// The end of a run at its targets: what may be deleted, and the deletion.

/// What the step does, for the picture of the graph.
std::string reconciling_says(const std::vector<std::unique_ptr<SinkLane>>& lanes);

/// Why nothing may be deleted at a target; empty if something may. All reading is over.
std::string deletion_obstacle(const RunState& state, const ScopeBook& book, const SinkLane& lane);

/// What may be removed from a target of this run.
DeletionRules deletion_rules(const RunState& state, const ScopeBook& book, const SinkLane& lane);

/// Says how many entities stay though they were not seen, if any.
void note_kept(RunState& state, std::string_view spec, const Reconciled& result);

/// Removes from each target what this run did not see, as far as the rules allow; fills `report.deletion` and
/// `report.guard`.
void reconcile_lanes(RunState& state, const ScopeBook& book, const std::vector<std::unique_ptr<SinkLane>>& lanes,
                     pipeline::RunReport& report);

}  // namespace riptide::stages
