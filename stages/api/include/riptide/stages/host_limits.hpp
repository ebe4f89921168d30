#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace riptide::stages {

/// At most so many requests in any stretch of time of that length.
struct RequestBudget {
  std::uint64_t requests = 0;
  std::chrono::milliseconds window{1'000};
};

/// What the maker of an API, or the user, says about a host's limits in advance: they hold from the first request on.
/// What the host says in its answers (quota headers) is obeyed too, without being declared.
struct HostLimits {
  std::string url;                     ///< Any http or https URL of the host; empty means every host.
  std::size_t max_in_flight = 0;       ///< Requests at once; 0 says nothing. The user's own ceiling still holds.
  std::vector<RequestBudget> budgets;  ///< All of them hold. Over all requests to the host, retries included.
};

}  // namespace riptide::stages
