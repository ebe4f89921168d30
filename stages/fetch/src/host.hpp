#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "latency_histogram.hpp"
#include "transfer.hpp"

namespace riptide::stages {

/// What is counted about a host; read by `HttpClient::stats` from other threads under the loop's metrics lock.
struct HostMetrics {
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;
  std::uint64_t status_429 = 0;
  SteadyClock::duration paused{0};  ///< All pauses in full, also the part that is still to come.
  SteadyClock::time_point paused_until{};
  std::uint64_t max_in_flight = 0;
  LatencyHistogram latency;
};

/// One origin: its queue, its limit and its pause. Belongs to the I/O thread, the metrics aside.
struct Host {
  std::string name;
  std::size_t in_flight = 0;
  std::deque<std::unique_ptr<Transfer>> first;  ///< Sent before the queue: second attempts, and token requests.
  std::deque<std::unique_ptr<Transfer>> queue;  ///< In order of arrival.
  SteadyClock::time_point paused_until{};
  bool resume_armed = false;  ///< A timer for the end of the pause exists.
  HostMetrics metrics;

  [[nodiscard]] bool idle() const noexcept { return first.empty() && queue.empty(); }
  [[nodiscard]] std::unique_ptr<Transfer> take_next() {
    auto& from = first.empty() ? queue : first;
    std::unique_ptr<Transfer> next = std::move(from.front());
    from.pop_front();
    return next;
  }
};

}  // namespace riptide::stages
