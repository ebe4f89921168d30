#include "pacer.hpp"

#include <algorithm>

namespace riptide::stages {
namespace {

/// Groups are few, and so are quotas; what a host makes up beyond that shares the first one, or is not kept.
constexpr std::size_t kMostGroups = 32;
constexpr std::size_t kMostQuotas = 64;
/// Answers without a word about a quota after which it is no longer taken for the group's.
constexpr std::size_t kForgottenAfter = 64;

}  // namespace

Pacer::Pacer(const std::vector<RequestBudget>& declared, Time now) {
  for (const RequestBudget& budget : declared) declared_.emplace_back(budget, now);
}

std::size_t Pacer::group(std::string_view name) {
  const auto found = std::find(groups_.begin(), groups_.end(), name);
  if (found != groups_.end()) return static_cast<std::size_t>(found - groups_.begin());
  if (groups_.size() == kMostGroups) return 0;
  groups_.emplace_back(name);
  return groups_.size() - 1;
}

Pacer::Time Pacer::ready_at(std::size_t group, Time now, std::size_t in_flight) {
  Time ready = now;
  for (Quota& quota : declared_) ready = std::max(ready, quota.ready_at(now, in_flight));
  for (Told& one : quotas_) {
    if (one.group == group) ready = std::max(ready, one.quota.ready_at(now, in_flight));
  }
  return ready;
}

void Pacer::sent(std::size_t group, Time now, std::size_t in_flight) {
  for (Quota& quota : declared_) quota.sent(now, in_flight);
  for (Told& one : quotas_) {
    if (one.group == group) one.quota.sent(now, in_flight);
  }
}

void Pacer::ended(const Ending& ending, Time now, std::size_t in_flight) {
  for (Quota& quota : declared_) quota.counted(now);
  const bool refused = ending.status == 429;
  for (const QuotaReport& report : ending.reports) {
    Told* one = told(ending.group, report, now);
    if (one == nullptr) continue;
    one->unseen = 0;
    one->quota.reported(report, ending.sent, now, in_flight);
    if (refused && report.remaining > 0) one->quota.slow_down();
  }
  for (Told& one : quotas_) {
    if (one.group != ending.group) {
      one.quota.counted_elsewhere(now, false);
    } else if (ending.status == 0) {
      one.quota.counted(now);
    } else if (ending.reports.empty() && refused) {
      one.quota.refused(now, ending.paused_until);
    } else if (one.unseen++ != 0) {
      one.quota.counted_elsewhere(now, one.since <= ending.sent);
    }
  }
  std::erase_if(quotas_, [&](const Told& one) { return one.unseen > kForgottenAfter + 4 * in_flight; });
}

Pacer::Told* Pacer::told(std::size_t group, const QuotaReport& report, Time now) {
  for (Told& one : quotas_) {
    if (one.group != group || one.name != report.name) continue;
    if (!report.name.empty() || !report.limit || one.limit == *report.limit) return &one;
  }
  if (quotas_.size() == kMostQuotas) return nullptr;
  Told& added = quotas_.emplace_back();
  added.group = group;
  added.name = report.name;
  added.limit = report.limit.value_or(0);
  added.since = now;
  return &added;
}

}  // namespace riptide::stages
