#include "lane_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace riptide::stages {

void SinkHealth::fail(Error error) {
  {
    const std::lock_guard lock(mutex_);
    // What was given up because of the first error says nothing new.
    if (!error_ && !(error.kind == ErrorKind::kStopped && state_.stop->requested())) {
      state_.say(LogLevel::kError, fmt::format("sink {}: {}", spec_, error.message));
      state_.errors.add({{}, {}, {}, "upload", fmt::format("{}: {}", spec_, error.message), 1});
      error_ = std::move(error);
    }
  }
  if (failed_.exchange(true, std::memory_order_acq_rel)) return;
  on_failure_();
}

riptide::SinkOptions plain_sink(const ResyncOptions& options, double deletion_threshold) {
  riptide::SinkOptions sink;
  sink.batch_age = options.batch_age;
  sink.reconcile = options.delete_scope == DeleteScope::kClosed ? Reconcile::kClosedScopes : Reconcile::kAll;
  if (!options.delete_stale) {
    sink.reconcile = Reconcile::kNever;
    sink.kept_because = options.no_delete_reason.empty() ? "deleting is switched off" : options.no_delete_reason;
  }
  sink.deletion_threshold = deletion_threshold;
  sink.max_delete = options.max_delete;
  sink.retry = options.sink_retry;
  sink.timeout = options.sink_timeout;
  sink.verify_tls = options.verify_sink_tls;
  return sink;
}

SinkLimits limits_of(const Sink& sink, const riptide::SinkOptions& options) noexcept {
  SinkLimits limits = sink.limits();
  if (options.max_records) limits.max_records = std::clamp<std::size_t>(*options.max_records, 1, limits.max_records);
  if (options.max_bytes) limits.max_bytes = std::clamp<std::size_t>(*options.max_bytes, 1, limits.max_bytes);
  return limits;
}

std::string SinkHealth::error() const {
  const std::lock_guard lock(mutex_);
  return error_ ? error_->message : std::string();
}

}  // namespace riptide::stages
