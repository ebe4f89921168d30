#include "riptide/pipeline/stop.hpp"

#include <utility>

namespace riptide::pipeline {

void Stop::request(Error reason, Urgency urgency) {
  requests_.fetch_add(1, std::memory_order_relaxed);
  std::vector<std::function<void(Urgency)>> callbacks;
  {
    const std::lock_guard lock(mutex_);
    const bool first = !requested_.load(std::memory_order_relaxed);
    const bool raised = urgency == Urgency::kAbort && !aborting_.load(std::memory_order_relaxed);
    if (first) reason_ = std::move(reason);
    requested_.store(true, std::memory_order_release);
    if (raised) aborting_.store(true, std::memory_order_release);
    if (first || raised) callbacks = callbacks_;
  }
  for (const auto& callback : callbacks) callback(urgency);
}

std::optional<Error> Stop::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

void Stop::on_request(std::function<void(Urgency)> callback) {
  bool late = false;
  {
    const std::lock_guard lock(mutex_);
    late = requested_.load(std::memory_order_relaxed);
    callbacks_.push_back(callback);
  }
  if (late) callback(aborting() ? Urgency::kAbort : Urgency::kDrain);
}

}  // namespace riptide::pipeline
