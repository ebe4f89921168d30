#pragma once

#include <cstddef>
#include <string>

namespace riptide::bench {

/// Fetches one URL so many times over a curl multi driven by hand, with keep-alive, so many at once.
/// @return Bytes of all bodies; 0 when an answer was not 200.
std::size_t fetch_bare(const std::string& url, std::size_t requests, std::size_t in_flight);

}  // namespace riptide::bench
