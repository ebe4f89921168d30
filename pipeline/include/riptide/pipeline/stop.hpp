#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "riptide/pipeline/error.hpp"

namespace riptide::pipeline {

/// The run's one way to end early. Flows one way: requested -> nothing more is admitted -> what is in flight settles.
/// All calls from any thread.
class Stop {
 public:
  enum class Urgency { kDrain, kAbort };  ///< kAbort: what is in flight is broken off (a second signal).

  /// Asks for the stop with its reason. The first reason is kept; later ones are counted. kAbort raises the urgency.
  void request(Error reason, Urgency urgency = Urgency::kDrain);

  [[nodiscard]] bool requested() const noexcept { return requested_.load(std::memory_order_acquire); }
  [[nodiscard]] bool aborting() const noexcept { return aborting_.load(std::memory_order_acquire); }
  [[nodiscard]] std::optional<Error> reason() const;
  [[nodiscard]] std::size_t requests() const noexcept { return requests_.load(std::memory_order_relaxed); }

  /// Calls back once on the first request and once more on the raise to kAbort, on the requester's thread. A callback
  /// that is added after the fact is called at once. Must not throw and must not call `on_request`.
  void on_request(std::function<void(Urgency)> callback);

 private:
  mutable std::mutex mutex_;  ///< Guards reason_ and callbacks_.
  std::optional<Error> reason_;
  std::vector<std::function<void(Urgency)>> callbacks_;
  std::atomic<bool> requested_{false};
  std::atomic<bool> aborting_{false};
  std::atomic<std::size_t> requests_{0};
};

}  // namespace riptide::pipeline
