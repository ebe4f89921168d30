#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace riptide::pipeline {

/// Names what went wrong, for the caller's decision and for the report.
enum class ErrorKind : std::uint8_t {
  kConfig,       ///< A setting or a mapping is wrong; the user can change it.
  kMalformed,    ///< Bytes that are not what they claim to be (not JSON, wrong shape).
  kLimit,        ///< Larger, deeper or longer than a configured bound.
  kAuth,         ///< Credentials missing or refused.
  kNotFound,     ///< The remote side says that it is not there.
  kRateLimited,  ///< The remote side asks to come back later.
  kTransport,    ///< No answer: connection, TLS, timeout, truncated body.
  kRejected,     ///< The target refused this record or batch.
  kStopped,      ///< The run was asked to stop.
  kInternal,     ///< A broken invariant of ours.
};

/// Returns the stable lower-case name that logs and reports use, e.g. "rate_limited".
std::string_view to_string(ErrorKind kind) noexcept;

/// Says whether asking again can help. Decided where the knowledge is (HTTP status in fetch, item status in the sink).
struct Retry {
  enum class When : std::uint8_t { kNever, kNow, kAfter };
  When when = When::kNever;
  std::chrono::milliseconds delay{0};  ///< Only with kAfter.

  static Retry never() noexcept { return {}; }
  static Retry now() noexcept { return {When::kNow, {}}; }
  static Retry after(std::chrono::milliseconds delay) noexcept { return {When::kAfter, delay}; }
};

/// An error as a value. Message order: a static sentence first, then the values, e.g.
/// "page exceeds the record limit: 12000 > 10000". Never holds a secret: callers redact before they build it.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;
  Retry retry = Retry::never();

  Error() = default;
  Error(ErrorKind error_kind, std::string error_message, Retry error_retry = Retry::never())
      : kind(error_kind), message(std::move(error_message)), retry(error_retry) {}

  /// Returns this error with `context` put in front: "context: message".
  [[nodiscard]] Error within(std::string_view context) &&;
};

}  // namespace riptide::pipeline
