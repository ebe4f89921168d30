#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// What one answer says about one quota of its host.
struct QuotaReport {
  std::string name;                    ///< As the host calls it; empty if it does not.
  std::optional<std::uint64_t> limit;  ///< Requests in a window.
  std::uint64_t remaining = 0;
  std::optional<std::chrono::milliseconds> reset;   ///< From now.
  bool whole_seconds = true;                        ///< `reset` was rounded to seconds, nobody knows which way.
  std::optional<std::chrono::milliseconds> window;  ///< Length, where the host says it.
};

/// Reads the quota headers of an answer, in every form that is around: `x-ratelimit-*`, `x-rate-limit-*` and
/// `ratelimit-*` (limit, remaining, reset, period; `x-ratelimit-resource` names it; the limit may carry its policy,
/// `100;w=60`), `RateLimit: limit=100, remaining=50, reset=5` with `RateLimit-Policy: 100;w=60`
/// (draft-ietf-httpapi-ratelimit-headers up to 07), and `RateLimit: "name";r=50;t=5` with
/// `RateLimit-Policy: "name";q=100;w=60` (from 08 on, several at once). What cannot be read is not there; a quota
/// without a number that remains is none.
///
/// @param now  What dates and Unix times are measured against.
[[nodiscard]] std::vector<QuotaReport> read_quota_headers(const std::vector<Header>& headers,
                                                          std::chrono::system_clock::time_point now);

}  // namespace riptide::stages
