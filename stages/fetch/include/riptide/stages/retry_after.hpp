#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// Reads how long a server asks to wait, in any form that servers use for `Retry-After` and `x-ratelimit-reset`:
/// seconds, also fractional (RFC 9110 section 10.2.3), a Unix time in seconds (a number over 10,000), an ISO 8601 date
/// and time (no zone means UTC), or an HTTP date in its three formats (RFC 9110 section 5.6.7).
///
/// @param now  What dates and Unix times are measured against.
/// @return The wait, not negative and at most a year; a Unix time that has passed is 0. Nothing if the value cannot be
///         read, or is a date that has passed: the caller's own back-off then applies.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now);

/// Returns what `Retry-After` of an answer says, else what `x-ratelimit-reset` or `ratelimit-reset` says, else nothing.
std::optional<std::chrono::milliseconds> requested_delay(const std::vector<Header>& headers,
                                                         std::chrono::system_clock::time_point now);

}  // namespace riptide::stages
