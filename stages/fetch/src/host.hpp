#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "concurrency_limit.hpp"
#include "latency_histogram.hpp"
#include "pacer.hpp"
#include "transfer.hpp"

namespace riptide::stages {

/// What is counted about a host; read by `HttpClient::stats` from other threads under the loop's metrics lock.
struct HostMetrics {
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;
  std::uint64_t status_304 = 0;
  std::uint64_t status_429 = 0;
  SteadyClock::duration paused{0};  ///< All pauses in full, also the part that is still to come.
  SteadyClock::time_point paused_until{};
  std::uint64_t max_in_flight = 0;
  LatencyHistogram latency;
};

/// The requests of one quota group that wait for their turn.
struct Lane {
  std::deque<std::unique_ptr<Transfer>> first;  ///< Sent before the queue: second attempts, and token requests.
  std::deque<std::unique_ptr<Transfer>> queue;  ///< In order of arrival.
  SteadyClock::time_point told_until{};         ///< Until when the user was told that its quota is spent.

  [[nodiscard]] bool idle() const noexcept { return first.empty() && queue.empty(); }
  [[nodiscard]] std::unique_ptr<Transfer> take_next() {
    auto& from = first.empty() ? queue : first;
    std::unique_ptr<Transfer> next = std::move(from.front());
    from.pop_front();
    return next;
  }
};

/// One origin: its queues, its limits and its pause. Belongs to the I/O thread, the metrics aside.
struct Host {
  std::string name;
  std::size_t in_flight = 0;
  std::size_t waiting = 0;  ///< In all lanes.
  ConcurrencyLimit concurrency;
  Pacer pacer;
  std::deque<Lane> lanes;     ///< By the pacer's groups.
  std::size_t last_lane = 0;  ///< Served last: the others come first.
  SteadyClock::time_point paused_until{};
  SteadyClock::time_point wakes_at = SteadyClock::time_point::max();  ///< A timer exists for then, or earlier.
  HostMetrics metrics;

  Host(std::string host_name, ConcurrencyLimit::Options limits, Pacer host_pacer)
      : name(std::move(host_name)), concurrency(limits), pacer(std::move(host_pacer)) {}

  /// Returns the number of a request's lane.
  [[nodiscard]] std::size_t lane_of(const HttpRequest& request) {
    const std::size_t lane = pacer.group(request.quota_group);
    while (lanes.size() <= lane) lanes.emplace_back();
    return lane;
  }
  enum class Place { kFront, kFirst, kQueue };
  void put(std::unique_ptr<Transfer> transfer, Place place);
  [[nodiscard]] std::unique_ptr<Transfer> take_from(std::size_t lane);
  /// Takes one, whatever its turn. `waiting` is not 0.
  [[nodiscard]] std::unique_ptr<Transfer> take_any();
};

}  // namespace riptide::stages
