#pragma once

#include <cstdint>

#include "lane_core.hpp"
#include "reconcile/reconcile.hpp"
#include "riptide/stages/plan.hpp"
#include "target.hpp"

namespace riptide::stages {

// What disappears from one target at the end of a run. For the thread that runs the resync, after the graph is done.

/// Removes what this run did not see and the rules let go.
Result<Reconciled> remove_stale(LaneCore& lane, Target& target, const DeletionRules& rules);
/// Finds the same and enters it into the plan; removes nothing.
Result<Reconciled> plan_removal(LaneCore& lane, Target& target, Plan& plan, const DeletionRules& rules);
/// Removes what the plan says, but for what must stay by now.
Result<void> remove_planned(LaneCore& lane, Target& target, const Plan& plan);

}  // namespace riptide::stages
