#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "riptide/stages/source.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::bench {

/// What a floor read and what it cost this process (all threads).
struct FloorResult {
  std::uint64_t pages = 0;
  std::uint64_t records = 0;   ///< 0 for the bare loop, which does not look inside.
  std::uint64_t entities = 0;  ///< Distinct ones.
  std::uint64_t bytes = 0;     ///< Of bodies.
  double wall_seconds = 0;
  double cpu_seconds = 0;  ///< User and system.
  std::string error;       ///< Empty when all went well.
};

/// What both floors read: the source's own requests, over one curl multi on the calling thread.
struct FloorOptions {
  std::shared_ptr<const stages::Source> source;
  std::shared_ptr<const transform::Mapping> mapping;
  std::size_t in_flight = 32;
};

/// Fetches every page that the source would, with keep-alive and nothing else: no parse but the source's own reading of
/// the envelope of a scope's first page, without which nobody knows the other pages.
FloorResult bare_fetch_floor(const FloorOptions& options);

/// The best single-threaded program for the job: the same loop, and each page is read, mapped by the compiled mapping,
/// deduplicated and copied into batches, in place, with no graph, no queue and no second thread.
FloorResult single_thread_floor(const FloorOptions& options);

}  // namespace riptide::bench
