#pragma once

#include <string_view>

namespace riptide::pipeline {

/// Returns how many cores this process may use at once: by its affinity and by the CPU quota of its control group
/// (version 2 `cpu.max`, version 1 `cpu.cfs_quota_us`), whole ones, at least 1.
int cores_allowed();

/// Reads the text of a `cpu.max` file ("200000 100000"); 0 when it sets no limit or is not understood.
int cores_of_quota(std::string_view cpu_max) noexcept;

}  // namespace riptide::pipeline
