#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "journal/journal_recorder.hpp"
#include "paginate/scope_book.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "riptide/stages/resync.hpp"
#include "run_counts.hpp"
#include "run_state.hpp"

namespace riptide::stages {

/// A run's part in its journal: going on from the run before, keeping it, and its end.
class Resumption {
 public:
  /// `plan` as in `ResyncParts`.
  Resumption(RunState& state, std::optional<JournalPlan> plan) : state_(state), plan_(std::move(plan)) {}

  /// Takes over what the run before settled, or begins a journal. After the sinks are open, before anything is read.
  /// Errors: kConfig (the journal is of another catalogue, or damaged; the state file cannot be written).
  Result<void> begin(ScopeBook& book, const SinkLanes& lanes);
  /// Ends the journal with the run, and says in the report what was taken over. After the sinks are finished.
  void finish(bool complete, pipeline::RunReport& report);

  /// Any thread.
  [[nodiscard]] bool can_be_resumed() const noexcept {
    return begun_.load(std::memory_order_acquire) && recorder_->has_any();
  }

 private:
  Result<void> take_over(Journal& journal, const UnfinishedRun& run, ScopeBook& book, const SinkLanes& lanes,
                         SettledCounts& counts, std::vector<ScopeEntry>& scopes, std::vector<std::uint32_t>& numbers);
  void end_letters(bool complete, const pipeline::RunReport& report);
  void carry(const SettledCounts& counts, const SinkLanes& lanes);

  RunState& state_;
  const std::optional<JournalPlan> plan_;
  pipeline::ResumedReport resumed_;
  std::unique_ptr<JournalRecorder> recorder_;
  std::atomic<bool> begun_{false};
};

}  // namespace riptide::stages
