#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>

#include "riptide/simulator/faults.hpp"

namespace riptide::simulator {

/// What a server has done so far.
struct ServerStats {
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;        ///< Read in full, whatever the answer was.
  std::uint64_t bytes = 0;           ///< Handed to the kernel, headers included.
  std::uint64_t max_in_service = 0;  ///< The most requests that were served at one moment.
  std::uint64_t max_waiting = 0;     ///< The most that waited for the server's capacity.
  std::map<int, std::uint64_t> by_status = {};
  std::array<std::uint64_t, kNumFaults> by_fault = {};  ///< Index: Fault.
  std::chrono::nanoseconds cpu{0};                      ///< Of the serving thread.
};

}  // namespace riptide::simulator
