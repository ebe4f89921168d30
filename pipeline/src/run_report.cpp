#include "riptide/pipeline/run_report.hpp"

#include <fmt/format.h>

namespace riptide::pipeline {

std::string_view to_string(RunStatus status) noexcept {
  switch (status) {
    case RunStatus::kComplete:
      return "complete";
    case RunStatus::kRejected:
      return "rejected";
    case RunStatus::kIncomplete:
      return "incomplete";
    case RunStatus::kFailed:
      return "failed";
    case RunStatus::kGuarded:
      return "guarded";
    case RunStatus::kStopped:
      return "stopped";
  }
  return "failed";
}

Tally& Tally::operator+=(const Tally& other) noexcept {
  read += other.read;
  created += other.created;
  updated += other.updated;
  unchanged += other.unchanged;
  filtered += other.filtered;
  invalid += other.invalid;
  rejected += other.rejected;
  duplicate += other.duplicate;
  abandoned += other.abandoned;
  deleted += other.deleted;
  return *this;
}

void ErrorLog::add(ErrorReport error) {
  if (error.count == 0) error.count = 1;
  const std::lock_guard lock(mutex_);
  total_ += error.count;
  Key key(std::move(error.kind), std::move(error.identifier), std::move(error.blueprint), std::move(error.stage),
          std::move(error.message));
  if (const auto found = counts_.find(key); found != counts_.end()) {
    found->second += error.count;
  } else if (counts_.size() < kMost) {
    counts_.emplace(std::move(key), error.count);
  }
}

std::vector<ErrorReport> ErrorLog::rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<ErrorReport> rows;
  rows.reserve(counts_.size());
  for (const auto& [key, count] : counts_) {
    rows.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), std::get<3>(key), std::get<4>(key), count});
  }
  return rows;
}

std::uint64_t ErrorLog::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

int exit_code(const RunFacts& facts) noexcept {
  if (facts.stop_signal != 0) return 128 + facts.stop_signal;
  if (facts.sink_failed) return 4;
  if (facts.source_incomplete) return 3;
  if (facts.guarded) return 5;
  if (facts.records_failed) return 1;
  return 0;
}

RunStatus status_of(int code) noexcept {
  switch (code) {
    case 0:
      return RunStatus::kComplete;
    case 1:
      return RunStatus::kRejected;
    case 3:
      return RunStatus::kIncomplete;
    case 4:
      return RunStatus::kFailed;
    case 5:
      return RunStatus::kGuarded;
    default:
      return code > 128 ? RunStatus::kStopped : RunStatus::kFailed;
  }
}

std::vector<std::string> check_accounting(const RunReport& report) {
  std::vector<std::string> faults;
  for (const SinkReport& sink : report.sinks) {
    for (const SinkKindReport& kind : sink.kinds) {
      if (kind.tally.balanced()) continue;
      const Tally& t = kind.tally;
      faults.push_back(
          fmt::format("records do not add up: sink={} kind={}[{}] read={} created={} updated={} unchanged={} "
                      "filtered={} invalid={} "
                      "rejected={} duplicate={} abandoned={}",
                      sink.sink, kind.kind, kind.index, t.read, t.created, t.updated, t.unchanged, t.filtered,
                      t.invalid, t.rejected, t.duplicate, t.abandoned));
    }
  }
  return faults;
}

}  // namespace riptide::pipeline
