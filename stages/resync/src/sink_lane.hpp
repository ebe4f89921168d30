#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "batch/batcher.hpp"
#include "deferral.hpp"
#include "diff/diff.hpp"
#include "ledger.hpp"
#include "life_reporter.hpp"
#include "messages.hpp"
#include "reconcile/reconcile.hpp"
#include "riptide/pipeline/graph.hpp"
#include "riptide/stages/plan.hpp"
#include "run_state.hpp"
#include "upload/local_writer.hpp"

namespace riptide::stages {

/// One sink with its part of the graph: batch, upload, settle; and afterwards reconciling and the end.
class SinkLane {
 public:
  /// The `number`th sink of the run. `failed` is called once, when it cannot take anything any more.
  SinkLane(RunState& state, std::uint32_t number, std::unique_ptr<Sink> sink, std::function<void()> failed);
  ~SinkLane();
  SinkLane(const SinkLane&) = delete;
  SinkLane& operator=(const SinkLane&) = delete;

  /// Adds its nodes behind `transform`; `suffix` tells their names from those of other sinks.
  void build(pipeline::Graph& graph, const pipeline::Node<ReadPage, MappedBlock>& transform, const std::string& suffix);
  /// Opens a local sink, or starts the HTTP client. Errors: kConfig and kInternal; a sink that cannot take anything now
  /// fails alone.
  Result<void> open(std::function<std::string(std::uint32_t)> scope_names);
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
  void replaced(const Entity& entity) { ledger_.replaced(entity); }
  /// Gives up what the plan held back and was not fed.
  void give_up_held() { ledger_.held_abandoned(); }
  /// Removes what the plan says.
  Result<void> remove_planned(const Plan& plan);
  /// Removes what this run did not see.
  Result<Reconciled> reconcile_with(const DeletionRules& rules);
  /// Makes what was written stand, or keeps it aside.
  void finish(Finish how);
  /// Names the catalogue of a local sink that is open, see `LocalSink::catalogue_name`.
  [[nodiscard]] std::string catalogue_name() const;
  /// Enters counts of the runs before.
  void carry(std::uint32_t resource, const pipeline::Tally& tally, std::uint64_t bytes_out) {
    ledger_.carry(resource, tally, bytes_out);
  }

  /// Who tells the target how the run is going; null if nobody does. From `open` on.
  [[nodiscard]] LifeReporter* life() noexcept { return life_.get(); }

  /// Marks the sink as failed; the first error is kept and said.
  void fail(Error error);

  [[nodiscard]] const Sink& sink() const noexcept { return *sink_; }
  [[nodiscard]] const SinkLedger& ledger() const noexcept { return ledger_; }
  [[nodiscard]] bool has_failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  [[nodiscard]] std::string error() const;
  /// The target did not say which entity a search identifier found: nothing may be deleted there.
  [[nodiscard]] bool identity_unknown() const noexcept { return identity_unknown_.load(std::memory_order_relaxed); }
  /// Whether what the run's entities relate to must stay at the target.
  [[nodiscard]] bool spares_related() const { return remote_ != nullptr && remote_->relations_request("").has_value(); }
  [[nodiscard]] std::vector<HostStats> host_stats() const;
  [[nodiscard]] std::size_t settle_node() const { return settle_->index(); }

 private:
  Result<void> open_parts(const std::function<std::string(std::uint32_t)>& scope_names);
  Result<void> open_diff(const std::function<std::string(std::uint32_t)>& scope_names);
  void diff(std::shared_ptr<MappedBlock> block, pipeline::Completion<MappedBlock> completion);
  void diff_now(const std::shared_ptr<MappedBlock>& block, pipeline::Completion<MappedBlock> completion);
  void fill_batches(MappedBlock& block, const pipeline::Emit<Batch>& emit);
  void add_block(const MappedBlock& block, Batcher::Clock::time_point now, std::vector<std::shared_ptr<Batch>>& full);
  void upload(std::shared_ptr<Batch> batch, pipeline::Completion<Answer> completion);
  void start_upload(std::shared_ptr<Batch> batch, pipeline::Completion<Answer> completion);
  void start_next_upload();
  void settle(Answer& answer);
  void send_later(const Answer& answer, const std::vector<Outcome>& outcomes);
  Result<std::vector<Outcome>> outcomes_of(Answer& answer);
  void send_halves(const Batch& batch);
  bool split_if_too_large(Batch& batch);
  [[nodiscard]] std::size_t body_bytes(const Batch& batch) const;
  void lower_ceiling(const Batch& batch);
  void enter_outcomes(const Answer& answer, const std::vector<Outcome>& outcomes);
  void settle_pages(BatchSettlement settlement, std::uint64_t write);
  void settle_kept_pages(std::uint64_t kept);
  void remember(const Batch& batch, std::span<const Outcome> outcomes);
  void note_searched(const Batch& batch, const Entity& entity, const Outcome& outcome);
  void book_deletions(const Reconciled& result);
  [[nodiscard]] std::uint32_t resource_of(const OwnedEntity& entity) const;

  RunState& state_;
  const std::uint32_t number_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Sink> planner_;                   ///< The sink that planned, once another carries the plan out.
  bool planning_;                                   ///< Changes only while nothing is in the graph.
  std::shared_ptr<const state::StateFile> memory_;  ///< May be null.
  std::uint64_t batches_ = 0;                       ///< That left the batch node.
  RemoteSink* remote_ = nullptr;                    ///< One of the two is set: the same sink.
  LocalSink* local_ = nullptr;
  const std::function<void()> on_failure_;
  SinkLedger ledger_;
  std::optional<Batcher> batcher_;  ///< Always there.
  pipeline::Graph* graph_ = nullptr;
  std::optional<pipeline::Node<MappedBlock, MappedBlock>> diff_node_;  ///< Of a remote sink.
  std::optional<pipeline::Node<MappedBlock, Batch>> batch_;
  std::optional<pipeline::Node<Batch, Answer>> upload_;
  std::optional<pipeline::Node<Answer, void>> settle_;
  std::atomic<std::size_t> in_flight_{0};  ///< Batches between batch and settle.
  std::atomic<bool> failed_{false};
  std::atomic<bool> identity_unknown_{false};
  mutable std::mutex mutex_;  ///< Guards error_, and what says so.
  std::optional<Error> error_;
  struct Held {
    std::shared_ptr<Batch> batch;
    pipeline::Completion<Answer> completion;
  };
  std::deque<Held> held_;        ///< Batches that wait until others are settled. Guarded by mutex_, as is the next.
  std::size_t not_settled_ = 0;  ///< Batches that were sent, of a remote sink.
  /// Written, but not yet kept by the sink, by write: what a page's entities settle with. Guarded by mutex_.
  std::multimap<std::uint64_t, BatchSettlement> unkept_;
  bool opened_ = false;
  std::function<std::string(std::uint32_t)> scope_names_;
  std::atomic<std::size_t> body_ceiling_{SIZE_MAX};  ///< Of a request's body, as the target was found to take it.
  std::unique_ptr<Deferral> deferral_;               ///< Where parents must go first.
  std::unique_ptr<Catalogue> catalogue_;             ///< The target, for the listings and the deletion.
  std::unique_ptr<Diff> diff_;                       ///< Where something is remembered of the target.
  std::unique_ptr<LifeReporter> life_;
  std::unique_ptr<HttpClient> client_;  // These two die first: their callbacks reach into the rest.
  std::unique_ptr<LocalWriter> writer_;
};

}  // namespace riptide::stages
