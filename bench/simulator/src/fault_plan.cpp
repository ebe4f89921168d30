#include "fault_plan.hpp"

#include <utility>

#include "random.hpp"

namespace riptide::simulator {

FaultPlan::FaultPlan(const Faults& faults, std::uint64_t seed)
    : faults_(faults), seed_(seed), has_rates_(draw(0.0) != Fault::kNone), matched_(faults.rules.size(), 0) {}

FaultPlan::Decision FaultPlan::decide(std::string_view target) {
  for (std::size_t i = 0; i < faults_.rules.size(); ++i) {
    const FaultRule& rule = faults_.rules[i];
    if (target.find(rule.target) == std::string_view::npos) continue;
    const std::uint64_t before = matched_[i]++;
    if (before >= rule.after && before - rule.after < rule.times) return {rule.fault, rule.status};
  }
  if (!has_rates_) return {};
  History& history = history_[std::string(target)];
  const double chance = unit(mix(hash(target, seed_) + history.asked++));
  const Fault fault = history.in_a_row < faults_.max_in_a_row ? draw(chance) : Fault::kNone;
  history.in_a_row = fault == Fault::kNone ? 0 : history.in_a_row + 1;
  return {fault, 0};
}

// The rates lie one behind the other on [0, 1).
Fault FaultPlan::draw(double chance) const {
  const FaultRates& rates = faults_.rates;
  const std::pair<Fault, double> parts[] = {
      {Fault::kTooManyRequests, rates.too_many_requests},
      {Fault::kUnavailable, rates.unavailable},
      {Fault::kReset, rates.reset},
      {Fault::kShortBody, rates.short_body},
      {Fault::kTruncatedJson, rates.truncated_json},
      {Fault::kHtml, rates.html},
      {Fault::kDrip, rates.drip},
  };
  for (const auto& [fault, rate] : parts) {
    if (chance < rate) return fault;
    chance -= rate;
  }
  return Fault::kNone;
}

}  // namespace riptide::simulator
