#pragma once

#include <chrono>
#include <optional>

#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// When and how often a request is sent again. Source of the status list: Ocean's, plus 500 on GET (contract).
struct RetryPolicy {
  int attempts = 11;                      ///< Sends in all, the first included.
  std::chrono::milliseconds base{100};    ///< First back-off; doubles with each attempt.
  std::chrono::milliseconds cap{60'000};  ///< Of a back-off and of a Retry-After.
  double jitter = 0.1;                    ///< Fraction by which a back-off varies, both ways.
};

/// Says whether a status is worth another attempt, credentials aside (401 is the caller's): 408, 429, 502, 503, 504,
/// and 500 on GET.
[[nodiscard]] bool is_retried_status(Method method, int status) noexcept;

/// Says whether a request may be sent again at all: GET, and what its maker declared retryable.
[[nodiscard]] bool may_repeat(const HttpRequest& request) noexcept;

/// Says whether an answer stops the traffic to its whole host: 429, and 503 with a wait that the server asked for.
[[nodiscard]] bool pauses_host(int status, bool server_asked) noexcept;

/// Returns the wait after a failed attempt.
///
/// @param failed_attempts  Attempts so far, at least 1.
/// @param asked  What the server asked for (see `requested_delay`); wins over the back-off. Both are capped.
/// @param unit   Randomness of the jitter, in [0, 1).
[[nodiscard]] std::chrono::milliseconds retry_delay(const RetryPolicy& policy, int failed_attempts,
                                                    std::optional<std::chrono::milliseconds> asked,
                                                    double unit) noexcept;

}  // namespace riptide::stages
