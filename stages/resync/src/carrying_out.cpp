#include "carrying_out.hpp"

#include <memory>
#include <string>
#include <utility>

#include "reconciling.hpp"

namespace riptide::stages {
namespace {

/// Entities are fed in blocks of about this many bytes.
constexpr std::size_t kBlockBytes = 256u << 10;

/// Feeds the lane what the plan holds, within the memory for batches.
class Feeder {
 public:
  Feeder(RunState& state, SinkLane& lane, pipeline::Graph& graph) : state_(state), lane_(lane), graph_(graph) {}

  /// False: the run was stopped.
  bool add(const EntityBuffer& from, const Entity& entity) {
    if (state_.stop->requested()) return false;
    block_->entities.append(from, entity);
    if (block_->entities.bytes.size() >= kBlockBytes) feed();
    return true;
  }

  void finish() {
    if (!block_->entities.entities.empty()) feed();
    graph_.wait();  // A diff may hold blocks back: what is flushed must have come through.
    lane_.flush(MappedBlock::Flush::kAll);
    graph_.wait();
    lane_.drain_waiting([this] { graph_.wait(); });
  }

 private:
  void feed() {
    block_->credit = state_.batch_bytes.take(block_->entities.bytes.size());
    lane_.feed(std::exchange(block_, std::make_shared<MappedBlock>()));
    if (state_.batch_bytes.taken() < state_.batch_bytes.capacity() / 2) return;
    graph_.wait();
    // Batches that are not full hold the rest: of many blueprints, a batch each.
    if (state_.batch_bytes.taken() < state_.batch_bytes.capacity() / 2) return;
    lane_.flush(MappedBlock::Flush::kAll);
    graph_.wait();
  }

  RunState& state_;
  SinkLane& lane_;
  pipeline::Graph& graph_;
  std::shared_ptr<MappedBlock> block_ = std::make_shared<MappedBlock>();
};

}  // namespace

void finish_plan(RunState& state, const ScopeBook& book, SinkLane& lane, pipeline::RunReport& report) {
  Plan& plan = *state.options.plan;
  report.deletion = deletion_obstacle(state, book, lane);
  if (report.deletion.empty() && lane.identity_unknown()) {
    report.deletion = std::string(lane.sink().spec()) + " does not say which entity a search identifier finds";
  }
  const DeletionRules rules = deletion_rules(state, book, lane);
  report.guard.sink = lane.sink().spec();
  report.guard.threshold = rules.threshold;
  if (rules.max_delete) report.guard.max_delete = rules.max_delete->text;
  if (report.deletion.empty() && !lane.has_failed() && lane.sink().can_delete()) {
    auto found = lane.find_stale_for(plan, rules);
    if (!found) {
      lane.fail(std::move(found).error());
    } else {
      report.guard.stale = found->stale;
      report.guard.owned = found->owned;
      report.guard.examples = std::move(found->examples);
      note_kept(state, lane.sink().spec(), *found);
    }
  }
  if (auto sealed = plan.seal(); !sealed) lane.fail(std::move(sealed).error());
  // A sync deletes after it wrote: what it creates is owned then.
  if (report.guard.owned != 0 || report.guard.stale != 0) report.guard.owned += plan.counts().created;
  const GuardRule broken = broken_rule(rules, report.guard.stale, report.guard.owned);
  report.guard.tripped = broken != GuardRule::kNone;
  report.guard.rule = to_string(broken);
}

void carry_out_plan(RunState& state, SinkLane& lane, pipeline::Graph& graph, const pipeline::RunReport& report) {
  const Plan& plan = *state.options.plan;
  state.set_phase("carrying out");
  Feeder feeder(state, lane, graph);
  auto fed = plan.each_entity([&](const EntityBuffer* from, const Entity& entity) {
    if (lane.has_failed()) return false;
    if (from != nullptr) return feeder.add(*from, entity);
    lane.replaced(entity);
    return true;
  });
  feeder.finish();
  lane.end_writes();
  lane.give_up_held();
  if (!fed) lane.fail(std::move(fed).error());
  if (lane.has_failed() || state.stop->requested() || !report.deletion.empty() || report.guard.tripped) return;
  if (!lane.sink().can_delete()) return;
  if (auto removed = lane.remove_planned(plan); !removed) lane.fail(std::move(removed).error());
}

}  // namespace riptide::stages
