#pragma once

#include <cstdint>
#include <string>

namespace riptide::cli {

/// "1,234,567".
std::string grouped(std::uint64_t number);
/// "87.2 MiB".
std::string readable_bytes(std::uint64_t bytes);
/// "850 ms", "12.3 s", "4 min 05 s".
std::string readable_seconds(double seconds);

/// Now in UTC as ISO 8601: "2026-11-24T11:45:12Z".
std::string utc_now();
}  // namespace riptide::cli
