#include "lane_core.hpp"

#include <fmt/format.h>

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

std::string SinkHealth::error() const {
  const std::lock_guard lock(mutex_);
  return error_ ? error_->message : std::string();
}

}  // namespace riptide::stages
