#pragma once

#include <benchmark/benchmark.h>

#include "allocations.hpp"
#include "transform_pages.hpp"

namespace riptide::transform {

/// Tells what one iteration over `input` came to, in records, bytes and allocations.
inline void count_work(benchmark::State& state, const BenchPage& input, std::uint64_t allocations_before) {
  const auto records = static_cast<double>(input.records.spans.size());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(input.records.spans.size()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(input.page->size()));
  state.counters["allocs_per_record"] = benchmark::Counter(
      static_cast<double>(allocations() - allocations_before) / (static_cast<double>(state.iterations()) * records),
      benchmark::Counter::kAvgThreads);
  state.counters["record_time"] =
      benchmark::Counter(records, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

}  // namespace riptide::transform
