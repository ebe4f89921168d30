#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ledger.hpp"
#include "riptide/node_options.hpp"
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

/// How one sink is fed, and what becomes of what did not come.
struct LaneOptions {
  riptide::SinkOptions sink;
  /// Entities come as a mapping made them, and the mappings know what was seen and what is the same for all sinks.
  /// Otherwise the lane itself tells repeats, and counts what arrives.
  bool direct = true;
  /// What leads to a deletion must have come to this sink itself.
  bool own_seen = false;
  /// Resources whose entities can come.
  std::vector<std::uint32_t> resources;
};

/// The options that all sinks of a plain resync have.
riptide::SinkOptions plain_sink(const ResyncOptions& options, double deletion_threshold);

/// Limits of the sink, under those of the options.
SinkLimits limits_of(const Sink& sink, const riptide::SinkOptions& options) noexcept;

/// What the parts of a lane share, whichever target they work for. Outlives them. Any thread.
struct LaneCore {
  RunState& state;
  const std::uint32_t number;  ///< Of the sink in the run.
  SinkLedger ledger;
  SinkHealth health;
  const LaneOptions options;
  /// Of `own_seen`; else null.
  const std::unique_ptr<pipeline::SeenSet> own_seen;

  /// The identities that came here.
  [[nodiscard]] pipeline::SeenSet& seen() noexcept { return own_seen ? *own_seen : state.seen; }
};

}  // namespace riptide::stages
