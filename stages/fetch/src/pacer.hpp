#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "quota.hpp"
#include "quota_report.hpp"

namespace riptide::stages {

/// All quotas of one host: those that were declared, which hold for every request, and those that its answers tell of,
/// which hold for the group of requests that they answered (`HttpRequest::quota_group`). A group may be under several
/// (so many a minute and so many a day); they are told apart by their names, or by their limits. No clock of its own.
/// Belongs to one thread.
class Pacer {
 public:
  using Time = Quota::Time;

  Pacer() = default;
  Pacer(const std::vector<RequestBudget>& declared, Time now);

  /// Returns the number of a group.
  [[nodiscard]] std::size_t group(std::string_view name);
  [[nodiscard]] std::size_t num_groups() const noexcept { return groups_.size(); }
  [[nodiscard]] const std::string& group_name(std::size_t group) const { return groups_.at(group); }

  /// Says when the group's next request may be sent; see `Quota::ready_at`.
  [[nodiscard]] Time ready_at(std::size_t group, Time now, std::size_t in_flight);
  /// A request leaves. @param in_flight  Without it.
  void sent(std::size_t group, Time now, std::size_t in_flight);

  /// How a request ended.
  struct Ending {
    std::size_t group = 0;
    Time sent;
    int status = 0;  ///< 0: no answer came.
    std::vector<QuotaReport> reports = {};
    Time paused_until = {};  ///< Of a 429: how long the host asks to wait.
  };
  /// A request ended. @param in_flight  Without it.
  void ended(const Ending& ending, Time now, std::size_t in_flight);

  /// The quotas that the answers told of, for tests and messages.
  [[nodiscard]] std::size_t num_quotas() const noexcept { return quotas_.size(); }

 private:
  struct Told {
    std::size_t group = 0;
    std::string name;
    std::uint64_t limit = 0;
    Time since;              ///< When it was first told of.
    std::size_t unseen = 0;  ///< Answers to its group since it was told of.
    Quota quota;
  };

  /// The quota that a report is about, a new one if need be; null when there are too many.
  Told* told(std::size_t group, const QuotaReport& report, Time now);

  std::vector<std::string> groups_;
  std::vector<Quota> declared_;
  std::vector<Told> quotas_;
};

}  // namespace riptide::stages
