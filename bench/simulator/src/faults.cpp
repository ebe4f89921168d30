#include "riptide/simulator/faults.hpp"

#include <array>
#include <utility>

namespace riptide::simulator {
namespace {

constexpr std::array<std::pair<std::string_view, Fault>, kNumFaults> kFaultNames{{
    {"none", Fault::kNone},
    {"too_many_requests", Fault::kTooManyRequests},
    {"unavailable", Fault::kUnavailable},
    {"status", Fault::kStatus},
    {"reset", Fault::kReset},
    {"short_body", Fault::kShortBody},
    {"truncated_json", Fault::kTruncatedJson},
    {"html", Fault::kHtml},
    {"drip", Fault::kDrip},
}};

}  // namespace

std::string_view fault_name(Fault fault) { return kFaultNames[static_cast<std::size_t>(fault)].first; }

std::optional<Fault> fault_by_name(std::string_view name) {
  for (const auto& [known, fault] : kFaultNames) {
    if (known == name) return fault;
  }
  return std::nullopt;
}

std::optional<std::string> check(const Faults& faults) {
  const FaultRates& rates = faults.rates;
  double sum = 0;
  for (const double rate : {rates.too_many_requests, rates.unavailable, rates.reset, rates.short_body,
                            rates.truncated_json, rates.html, rates.drip}) {
    if (!(rate >= 0 && rate <= 1)) return "a fault rate is not between 0 and 1";
    sum += rate;
  }
  if (sum > 1.0 + 1e-9) return "the fault rates add up to more than 1";
  if (faults.drip_bytes == 0) return "drip_bytes is 0: the answer would never end";
  if (faults.retry_after && faults.retry_after->count() < 0) return "retry_after is negative";
  for (const FaultRule& rule : faults.rules) {
    if (rule.status < 200 || rule.status > 599) return "the status of a fault rule is not between 200 and 599";
  }
  return std::nullopt;
}

}  // namespace riptide::simulator
