#include "riptide/stages/retry_policy.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace riptide::stages {

using std::chrono::milliseconds;

bool is_retried_status(Method method, int status) noexcept {
  switch (status) {
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return true;
    case 500:
      return method == Method::kGet;
    default:
      return false;
  }
}

bool may_repeat(const HttpRequest& request) noexcept { return request.retryable || request.method == Method::kGet; }

bool pauses_host(int status, bool server_asked) noexcept { return status == 429 || (status == 503 && server_asked); }

milliseconds retry_delay(const RetryPolicy& policy, int failed_attempts, std::optional<milliseconds> asked,
                         double unit) noexcept {
  const milliseconds cap = std::max(policy.cap, milliseconds{0});
  if (asked) return std::clamp(*asked, milliseconds{0}, cap);
  const double base = static_cast<double>(std::max(policy.base, milliseconds{0}).count());
  const double doubled = base * std::exp2(std::clamp(failed_attempts - 1, 0, 62));
  const double varied = doubled * (1 + policy.jitter * (2 * unit - 1));
  if (!(varied < static_cast<double>(cap.count()))) return cap;
  return milliseconds{static_cast<std::int64_t>(std::max(varied, 0.0))};
}

}  // namespace riptide::stages
