#pragma once

#include <cstdint>

namespace riptide::pipeline {

/// The most memory that this program had resident so far. Not what getrusage says: that keeps the peak of whoever
/// started the program, from between its fork and its exec. 0 where it cannot be known.
[[nodiscard]] std::uint64_t peak_rss_bytes();

}  // namespace riptide::pipeline
