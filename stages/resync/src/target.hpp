#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "deferral.hpp"
#include "diff/diff.hpp"
#include "lane_core.hpp"
#include "life_reporter.hpp"
#include "messages.hpp"
#include "reconcile/reconcile.hpp"
#include "riptide/stages/http_client.hpp"
#include "upload/local_writer.hpp"

namespace riptide::stages {

/// Names the partition of a scope.
using ScopeNames = std::function<std::string(std::uint32_t scope)>;

/// What one sink writes to, with what is known of it: how it is listed, what it confirmed in earlier runs, what must
/// wait for its parents, who is told how the run goes. A lane that carries out a plan has two after each other.
class Target {
 public:
  /// What becomes of the entities: a plan, or they are written.
  enum class Use : std::uint8_t { kPlanned, kWritten };
  /// `memory` may be null.
  Target(LaneCore& lane, std::unique_ptr<Sink> sink, Use use, std::shared_ptr<const state::StateFile> memory);
  /// Waits for the listing, if there is one: the client must have been aborted, or be idle.
  ~Target();
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  /// Opens a local sink, or what a remote one has beside its `client` (borrowed; null for a local one). Errors:
  /// kConfig; a target that cannot take anything now fails the lane.
  Result<void> open(ScopeNames scope_names, HttpClient* client);
  [[nodiscard]] bool is_open() const noexcept { return opened_; }

  [[nodiscard]] const Sink& sink() const noexcept { return *sink_; }
  [[nodiscard]] bool planned() const noexcept { return use_ == Use::kPlanned; }
  [[nodiscard]] const RemoteSink* remote() const noexcept { return remote_; }  ///< Null for others.
  /// Whether several batches may be on their way to it.
  [[nodiscard]] bool answers_later() const noexcept { return local_ == nullptr; }
  [[nodiscard]] std::string scope_name(std::uint32_t scope) const { return scope_names_ ? scope_names_(scope) : "*"; }
  [[nodiscard]] const ScopeNames& scope_names() const noexcept { return scope_names_; }

  // What stands here after `open`; null where there is none.
  [[nodiscard]] Diff* diff() const noexcept { return diff_.get(); }              ///< Something is remembered of it.
  [[nodiscard]] Deferral* deferral() const noexcept { return deferral_.get(); }  ///< Parents must go first.
  [[nodiscard]] LifeReporter* life() const noexcept { return life_.get(); }
  [[nodiscard]] Catalogue& catalogue() const noexcept { return *catalogue_; }
  /// Names the catalogue of a local sink that is open, see `LocalSink::catalogue_name`.
  [[nodiscard]] std::string catalogue_name() const;
  /// Whether what the run's entities relate to must stay.
  [[nodiscard]] bool spares_related() const { return remote_ != nullptr && remote_->relations_request("").has_value(); }

  /// Writes or sends a batch, or puts it aside if it waits; `done` is called on the thread that did.
  void write(std::shared_ptr<Batch> batch, std::function<void(Answer::What)> done);
  /// Writes that were made, in `done` the batch's own included; 0 for a remote sink.
  [[nodiscard]] std::uint64_t writes() const { return writer_ ? writer_->written() : 0; }
  /// How many of these survive the death of this process, where that is later than their answer and asked for.
  [[nodiscard]] std::optional<std::uint64_t> kept_writes() const;

  /// No more writes: waits for those that were queued at a local sink.
  void end_writes() { writer_.reset(); }
  /// Why not all that is there could be listed; empty if it was, or need not be. Waits for the listing.
  [[nodiscard]] std::string listing_error() const;
  /// Makes what was written stand and remembers it, or keeps it aside. Errors: those of the sink and of the state.
  Result<void> finish(Finish how);
  /// Gives back what is known of the target, so that another one can take it.
  void forget() { diff_.reset(); }

 private:
  Result<void> open_local();
  Result<void> open_async();
  Result<void> open_remote();
  Result<void> open_diff();

  LaneCore& lane_;
  RunState& state_;
  const std::unique_ptr<Sink> sink_;
  const Use use_;
  const std::shared_ptr<const state::StateFile> memory_;
  RemoteSink* const remote_;  ///< One of the three is set: the same sink.
  LocalSink* const local_;
  AsyncSink* const async_;
  HttpClient* client_ = nullptr;
  bool opened_ = false;
  ScopeNames scope_names_;
  std::unique_ptr<Deferral> deferral_;
  std::unique_ptr<Catalogue> catalogue_;
  std::unique_ptr<Diff> diff_;
  std::unique_ptr<LifeReporter> life_;
  std::unique_ptr<LocalWriter> writer_;  // Dies first.
};

}  // namespace riptide::stages
