#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

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

  /// Keeps a callback registered; its end waits for a call under way and is the last that the callback hears.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&& other) noexcept : stop_(std::exchange(other.stop_, nullptr)), number_(other.number_) {}
    Subscription& operator=(Subscription&& other) noexcept {
      std::swap(stop_, other.stop_);
      std::swap(number_, other.number_);
      return *this;
    }
    ~Subscription();

   private:
    friend class Stop;
    Subscription(Stop* stop, std::size_t number) noexcept : stop_(stop), number_(number) {}
    Stop* stop_ = nullptr;
    std::size_t number_ = 0;
  };

  /// Calls back once on the first request and once more on the raise to kAbort, on the requester's thread, as long as
  /// the subscription lives (it must not outlive the Stop). Late listeners are called at once. The callback must not
  /// throw, subscribe, or end its own subscription.
  [[nodiscard]] Subscription on_request(std::function<void(Urgency)> callback);

 private:
  std::recursive_mutex calls_mutex_;  ///< Held while callbacks run; guards callbacks_. Taken before mutex_.
  std::map<std::size_t, std::function<void(Urgency)>> callbacks_;
  std::size_t next_number_ = 0;
  mutable std::mutex mutex_;  ///< Guards reason_.
  std::optional<Error> reason_;
  std::atomic<bool> requested_{false};
  std::atomic<bool> aborting_{false};
  std::atomic<std::size_t> requests_{0};
};

}  // namespace riptide::pipeline
