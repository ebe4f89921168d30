#pragma once

#include <cstdint>

namespace riptide::transform {

/// How often this thread has called `operator new`. The malloc of C libraries (libjq) is not counted.
std::uint64_t allocations() noexcept;

}  // namespace riptide::transform
