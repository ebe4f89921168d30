#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "ledger.hpp"
#include "run_state.hpp"

namespace riptide::stages {

/// Whether a sink can still take anything. Any thread.
class SinkHealth {
 public:
  /// `failed` is called once, when it cannot.
  SinkHealth(RunState& state, std::string spec, std::function<void()> failed)
      : state_(state), spec_(std::move(spec)), on_failure_(std::move(failed)) {}

  /// Marks the sink as failed; the first error is kept and said.
  void fail(Error error);
  [[nodiscard]] bool has_failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  [[nodiscard]] std::string error() const;

 private:
  RunState& state_;
  const std::string spec_;
  const std::function<void()> on_failure_;
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;  ///< Guards error_, and what says so.
  std::optional<Error> error_;
};

/// What the parts of a lane share, whichever target they work for. Outlives them. Any thread.
struct LaneCore {
  RunState& state;
  const std::uint32_t number;  ///< Of the sink in the run.
  SinkLedger ledger;
  SinkHealth health;
};

}  // namespace riptide::stages
