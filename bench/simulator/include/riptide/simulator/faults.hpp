#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace riptide::simulator {

/// What can go wrong with one answer.
enum class Fault {
  kNone,
  kTooManyRequests,  ///< 429, with Retry-After when `Faults::retry_after` is set.
  kUnavailable,      ///< 503.
  kStatus,           ///< `FaultRule::status` with an ErrorMessage.
  kReset,            ///< The connection is reset after half of the body.
  kShortBody,        ///< Half of the promised body, then an orderly close.
  kTruncatedJson,    ///< 200 and a right Content-Length, but the JSON stops half way.
  kHtml,             ///< 200 and a page of HTML, as a proxy or a login wall answers.
  kDrip,             ///< The answer is right, but arrives in `Faults::drip_bytes` every `Faults::drip_interval`.
};
inline constexpr std::size_t kNumFaults = 9;

/// "too_many_requests", "reset", ...: names in stats and flags.
std::string_view fault_name(Fault fault);
std::optional<Fault> fault_by_name(std::string_view name);

/// A fault for chosen requests. The first rule that applies decides; random faults come after all rules, so that a rule
/// with kNone keeps them away from its targets.
struct FaultRule {
  /// Applies to targets (path and query; of a POST, a blank and the body too) that contain this; "" is every one.
  /// "/Spaces-7/" is all of one space.
  std::string target = {};
  Fault fault = Fault::kNone;
  int status = 500;  ///< Of kStatus: 404 or 403 make a dead space, 500 a broken one.
  /// Of the requests that match, in order of arrival: lets the first `after` pass, then hits `times`.
  std::uint64_t after = 0;
  std::uint64_t times = UINT64_MAX;
};

/// The chance of each fault on a request, 0 to 1; their sum is at most 1. Which request is hit depends on the seed, the
/// target and how often that target was asked before: not on the order of arrival, so that a run can be repeated.
struct FaultRates {
  double too_many_requests = 0;
  double unavailable = 0;
  double reset = 0;
  double short_body = 0;
  double truncated_json = 0;
  double html = 0;
  double drip = 0;
};

struct Faults {
  std::vector<FaultRule> rules = {};
  FaultRates rates = {};
  /// A target that was hit this often by random faults in a row is answered well the next time.
  std::uint32_t max_in_a_row = 3;
  std::optional<std::chrono::seconds> retry_after = std::chrono::seconds{1};  ///< Of 429 and 503.
  std::size_t drip_bytes = 512;
  std::chrono::microseconds drip_interval{2000};
};

/// Says what is wrong with the faults, or nothing.
std::optional<std::string> check(const Faults& faults);

}  // namespace riptide::simulator
