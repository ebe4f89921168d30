#include "riptide/pipeline/stop.hpp"

#include <utility>

namespace riptide::pipeline {

void Stop::request(Error reason, Urgency urgency) {
  requests_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard calls(calls_mutex_);
  const bool first = !requested_.load(std::memory_order_relaxed);
  const bool raised = urgency == Urgency::kAbort && !aborting_.load(std::memory_order_relaxed);
  if (!first && !raised) return;
  if (first) {
    const std::lock_guard lock(mutex_);
    reason_ = std::move(reason);
  }
  requested_.store(true, std::memory_order_release);
  if (raised) aborting_.store(true, std::memory_order_release);
  for (const auto& [number, callback] : callbacks_) callback(urgency);
}

std::optional<Error> Stop::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

Stop::Subscription Stop::on_request(std::function<void(Urgency)> callback) {
  const std::lock_guard calls(calls_mutex_);
  const std::size_t number = next_number_++;
  const auto& kept = callbacks_.emplace(number, std::move(callback)).first->second;
  if (requested()) kept(aborting() ? Urgency::kAbort : Urgency::kDrain);
  return Subscription(this, number);
}

Stop::Subscription::~Subscription() {
  if (stop_ == nullptr) return;
  const std::lock_guard calls(stop_->calls_mutex_);
  stop_->callbacks_.erase(number_);
}

}  // namespace riptide::pipeline
