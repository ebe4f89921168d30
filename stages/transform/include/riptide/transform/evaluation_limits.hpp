#pragma once

#include <cstddef>
#include <cstdint>

namespace riptide::transform {

/// Bounds for one evaluation; exceeding one costs that evaluation only.
struct EvaluationLimits {
  std::uint64_t max_steps = 10'000'000;
  std::size_t max_memory_bytes = 64u << 20;
  std::size_t max_output_bytes = 16u << 20;
  std::uint32_t max_depth = 10'000;            ///< Nesting of JSON that is read.
  std::uint64_t max_regex_steps = 10'000'000;  ///< Steps back of one search by a regular expression; 0: no bound.
};

}  // namespace riptide::transform
