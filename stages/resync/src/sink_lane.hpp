#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
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
#include "run_state.hpp"
#include "upload/local_writer.hpp"

namespace riptide::stages {

/// One sink with its part of the graph: batch, upload, settle; and afterwards reconciling and the end.
class SinkLane {
 public:
  /// `failed` is called once, when the sink cannot take anything any more.
  SinkLane(RunState& state, std::unique_ptr<Sink> sink, std::function<void()> failed);
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
  /// Removes what this run did not see.
  Result<Reconciled> reconcile_with(const DeletionRules& rules);
  /// Makes what was written stand, or keeps it aside.
  void finish(Finish how);

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
  void settle(Answer& answer);
  void send_later(const Batch& batch, const std::vector<Outcome>& outcomes);
  Result<std::vector<Outcome>> outcomes_of(Answer& answer);
  void send_halves(const Batch& batch);
  [[nodiscard]] std::size_t body_bytes(const Batch& batch) const;
  void lower_ceiling(const Batch& batch);
  void enter_outcomes(const Batch& batch, const std::vector<Outcome>& outcomes);
  void remember(const Batch& batch, std::span<const Outcome> outcomes);
  void note_searched(const Batch& batch, const Entity& entity, const Outcome& outcome);
  void book_deletions(const Reconciled& result);
  [[nodiscard]] std::uint32_t resource_of(const OwnedEntity& entity) const;

  RunState& state_;
  std::unique_ptr<Sink> sink_;
  RemoteSink* remote_ = nullptr;  ///< One of the two is set: the same sink.
  LocalSink* local_ = nullptr;
  const std::function<void()> on_failure_;
  SinkLedger ledger_;
  Batcher batcher_;
  pipeline::Graph* graph_ = nullptr;
  std::optional<pipeline::Node<MappedBlock, MappedBlock>> diff_node_;  ///< Of a remote sink.
  std::optional<pipeline::Node<MappedBlock, Batch>> batch_;
  std::optional<pipeline::Node<Batch, Answer>> upload_;
  std::optional<pipeline::Node<Answer, void>> settle_;
  std::atomic<std::size_t> in_flight_{0};  ///< Batches between batch and settle.
  std::atomic<bool> failed_{false};
  std::atomic<bool> identity_unknown_{false};
  mutable std::mutex mutex_;  ///< Guards error_.
  std::optional<Error> error_;
  bool opened_ = false;
  std::atomic<std::size_t> body_ceiling_{SIZE_MAX};  ///< Of a request's body, as the target was found to take it.
  std::unique_ptr<Deferral> deferral_;               ///< Where parents must go first.
  std::unique_ptr<Catalogue> catalogue_;             ///< The target, for the listings and the deletion.
  std::unique_ptr<Diff> diff_;                       ///< Where something is remembered of the target.
  std::unique_ptr<LifeReporter> life_;
  std::unique_ptr<HttpClient> client_;  // These two die first: their callbacks reach into the rest.
  std::unique_ptr<LocalWriter> writer_;
};

}  // namespace riptide::stages
