#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "batch/batcher.hpp"
#include "lane_core.hpp"
#include "messages.hpp"
#include "reconcile/reconcile.hpp"
#include "riptide/pipeline/graph.hpp"
#include "riptide/stages/plan.hpp"
#include "run_state.hpp"
#include "settlement.hpp"
#include "target.hpp"
#include "uploads.hpp"

namespace riptide::stages {

/// One sink with its part of the graph: diff, batch, upload, settle; and afterwards reconciling and the end. The nodes
/// stand for the whole run; what they work with is made for one target, and made anew when a plan is carried out.
class SinkLane {
 public:
  /// The `number`th sink of the run. `failed` is called once, when it cannot take anything any more.
  SinkLane(RunState& state, std::uint32_t number, std::unique_ptr<Sink> sink, LaneOptions options,
           std::function<void()> failed);
  ~SinkLane();
  SinkLane(const SinkLane&) = delete;
  SinkLane& operator=(const SinkLane&) = delete;

  /// Adds its nodes; `suffix` tells their names from those of other sinks.
  void build(pipeline::Graph& graph, const std::string& suffix);
  /// Sends what a node emits on a channel here. The messages may be shared with others.
  template <class In>
  void feed_from(const pipeline::Node<In, MappedBlock>& node, std::size_t channel = 0) {
    if (diff_node_) {
      graph_->edge(node, *diff_node_, "entities", channel);
    } else {
      graph_->edge(node, *batch_, "entities", channel);
    }
  }
  /// Of a lane that is not `direct`, before entities are put to it: counts them, tells repeats, and takes out those
  /// that came before with the same contents. Any thread; the block is its own.
  void arrive(MappedBlock& block);
  /// Opens a local sink, or starts the HTTP client. Errors: kConfig and kInternal; a sink that cannot take anything now
  /// fails alone.
  Result<void> open(ScopeNames scope_names);
  /// Lets partial batches go.
  void flush(MappedBlock::Flush how);
  void abort();
  /// Sends what was held back, parents first. `wait` waits for the graph. All has been read and flushed.
  void drain_waiting(const std::function<void()>& wait);
  /// All writes are over: the graph is done.
  void end_writes();
  /// Finds what this run did not see and enters it into the plan; removes nothing.
  Result<Reconciled> find_stale_for(Plan& plan, const DeletionRules& rules);
  /// The plan is made and is to be carried out: this sink and what is remembered of its target take the place of those
  /// that planned, and what is fed from now on is sent. Errors as of `open`.
  Result<void> go_live(std::unique_ptr<Sink> sink, std::shared_ptr<const state::StateFile> memory);
  /// Sends entities that the plan held back; `graph.wait()` waits for them.
  void feed(std::shared_ptr<MappedBlock> block);
  /// An entity that the plan held back is not sent: a later one of the same identity is.
  void replaced(const Entity& entity) { core_.ledger.replaced(entity); }
  /// Gives up what the plan held back and was not fed.
  void give_up_held() { core_.ledger.held_abandoned(); }
  /// Removes what the plan says.
  Result<void> remove_planned(const Plan& plan);
  /// Removes what this run did not see.
  Result<Reconciled> reconcile_with(const DeletionRules& rules);
  /// Makes what was written stand, or keeps it aside.
  void finish(Finish how);
  /// Names the catalogue of a local sink that is open, see `LocalSink::catalogue_name`.
  [[nodiscard]] std::string catalogue_name() const { return parts_->target.catalogue_name(); }
  /// Enters counts of the runs before.
  void carry(std::uint32_t resource, const pipeline::Tally& tally, std::uint64_t bytes_out) {
    core_.ledger.carry(resource, tally, bytes_out);
  }

  /// Who tells the target how the run is going; null if nobody does. From `open` on.
  [[nodiscard]] LifeReporter* life() noexcept { return parts_->target.life(); }

  /// Marks the sink as failed; the first error is kept and said.
  void fail(Error error) { core_.health.fail(std::move(error)); }

  [[nodiscard]] const Sink& sink() const noexcept { return parts_->target.sink(); }
  [[nodiscard]] const SinkLedger& ledger() const noexcept { return core_.ledger; }
  [[nodiscard]] const LaneOptions& options() const noexcept { return core_.options; }
  [[nodiscard]] bool has_failed() const noexcept { return core_.health.has_failed(); }
  [[nodiscard]] std::string error() const { return core_.health.error(); }
  /// The target did not say which entity a search identifier found: nothing may be deleted there.
  [[nodiscard]] bool identity_unknown() const noexcept { return parts_->settlement.identity_unknown(); }
  /// Whether what the run's entities relate to must stay at the target.
  [[nodiscard]] bool spares_related() const { return parts_->target.spares_related(); }
  [[nodiscard]] std::vector<HostStats> host_stats() const;
  [[nodiscard]] std::size_t settle_node() const { return settle_->index(); }
  /// Nothing may be deleted here; the first reason counts. Before it is reconciled.
  void spare_all(std::string reason) {
    if (spared_.empty()) spared_ = std::move(reason);
  }
  [[nodiscard]] const std::string& spared_because() const noexcept { return spared_; }
  /// The first node of the lane.
  [[nodiscard]] std::size_t first_node() const { return diff_node_ ? diff_node_->index() : batch_->index(); }

 private:
  /// What the nodes work with: all that depends on the target.
  struct Parts {
    Parts(SinkLane& lane, std::unique_ptr<Sink> sink, Target::Use use, std::shared_ptr<const state::StateFile> memory);
    ~Parts() { target.end_writes(); }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;

    Target target;
    Batcher batcher;  ///< The batch node's.
    Uploads uploads;
    Settlement settlement;
  };

  void diff(std::shared_ptr<MappedBlock> block, pipeline::Completion<MappedBlock> completion);
  void diff_now(const std::shared_ptr<MappedBlock>& block, pipeline::Completion<MappedBlock> completion);
  void fill_batches(MappedBlock& block, const pipeline::Emit<Batch>& emit);
  void add_block(const MappedBlock& block, Batcher::Clock::time_point now, std::vector<std::shared_ptr<Batch>>& full);

  RunState& state_;
  LaneCore core_;
  std::uint64_t batches_ = 0;  ///< That left the batch node.
  std::string spared_;
  pipeline::Graph* graph_ = nullptr;
  std::optional<pipeline::Node<MappedBlock, MappedBlock>> diff_node_;  ///< Of a remote sink.
  std::optional<pipeline::Node<MappedBlock, Batch>> batch_;
  std::optional<pipeline::Node<Batch, Answer>> upload_;
  std::optional<pipeline::Node<Answer, void>> settle_;
  std::unique_ptr<Parts> planners_;  ///< Who planned, once others carry the plan out: the client may hold its requests.
  std::unique_ptr<Parts> parts_;     ///< Always there. Changes only while nothing is in the graph.
  std::unique_ptr<HttpClient> client_;  ///< Of a remote sink, from `open` on. Dies first: it calls back into the rest.
};

}  // namespace riptide::stages
