#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "riptide/pipeline/graph.hpp"

namespace riptide::pipeline {

/// How a run ended; one for one with the exit codes 0, 1, 3, 4, 5 and 130/143.
enum class RunStatus : std::uint8_t { kComplete, kRejected, kIncomplete, kFailed, kGuarded, kStopped };
std::string_view to_string(RunStatus status) noexcept;

/// Counts of one resource block at one sink, in mapping evaluations.
struct Tally {
  std::uint64_t read = 0;
  std::uint64_t created = 0;
  std::uint64_t updated = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t filtered = 0;
  std::uint64_t invalid = 0;
  std::uint64_t rejected = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t abandoned = 0;
  std::uint64_t deleted = 0;  ///< Not part of the equation.

  /// The accounting equation: whatever was read has exactly one end.
  [[nodiscard]] bool balanced() const noexcept {
    return read == created + updated + unchanged + filtered + invalid + rejected + duplicate + abandoned;
  }
  Tally& operator+=(const Tally& other) noexcept;
};

/// One resource block at one sink.
struct SinkKindReport {
  std::string kind;
  std::uint32_t index = 0;  ///< Of the resource block in the mapping.
  Tally tally;
  std::uint64_t bytes_out = 0;
  std::uint64_t requests = 0;
};

/// One sink: what became of everything that was read.
struct SinkReport {
  std::string sink;
  std::vector<SinkKindReport> kinds;
  std::string error;  ///< Why it failed; empty if it did not.
};

/// A field of the mapping that came out null or failed.
struct MisconfiguredField {
  std::string field;
  std::string expression;
  std::uint64_t count = 0;  ///< Mapping evaluations.
  std::string example;      ///< One error message, or "null".
};

/// One resource block at the source.
struct KindReport {
  std::string kind;
  std::uint32_t index = 0;
  std::uint64_t pages = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes_in = 0;  ///< Bodies, decoded.
  std::uint64_t scopes_closed = 0;
  std::uint64_t scopes_open = 0;
  std::vector<MisconfiguredField> misconfigured;
};

/// A scope that was not read to its end.
struct ScopeReport {
  std::string kind;
  std::string partition;
  std::uint64_t pages_expected = 0;
  std::uint64_t pages_read = 0;
  std::string error;  ///< The first; empty if it was stopped.
};

/// The traffic with one host.
struct HostReport {
  std::string host;
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;
  std::uint64_t status_304 = 0;  ///< Pages of earlier runs that still held.
  std::uint64_t status_429 = 0;
  double seconds_paused = 0;
  std::uint64_t max_in_flight = 0;
  double p50_ms = 0;
  double p99_ms = 0;
};

/// An error, and how often it came.
struct ErrorReport {
  std::string kind;
  std::string identifier;
  std::string blueprint;
  std::string stage;
  std::string message;
  std::uint64_t count = 0;
};

/// Collects errors for the report: equal ones are counted, at most `kMost` different ones are kept. Any thread.
class ErrorLog {
 public:
  static constexpr std::size_t kMost = 1000;
  void add(ErrorReport error);
  [[nodiscard]] std::vector<ErrorReport> rows() const;
  [[nodiscard]] std::uint64_t total() const;

 private:
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  mutable std::mutex mutex_;  ///< Guards counts_ and total_.
  std::map<Key, std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

/// A guard that stopped the deletion, with its numbers.
struct GuardReport {
  bool tripped = false;
  std::string sink;
  std::string rule;  ///< "deletion_threshold" or "max_delete".
  std::uint64_t stale = 0;
  std::uint64_t owned = 0;
  double threshold = 0;
  std::string max_delete;             ///< As the user gave it; empty if he did not.
  std::vector<std::string> examples;  ///< At most 10 of what would have gone: "blueprint/identifier".
};

/// What a run took over from the runs that it goes on from. Its own rows include it.
struct ResumedReport {
  std::vector<std::string> run_ids;  ///< In order; empty: it began by itself.
  std::uint64_t pages = 0;
  std::uint64_t records = 0;
  std::vector<SinkReport> sinks;
};

/// What a run did: the `--report` object of the contract.
struct RunReport {
  std::string run_id;
  std::string version;
  RunStatus status = RunStatus::kComplete;
  int exit_code = 0;
  std::string started_at;  ///< ISO 8601, UTC.
  double seconds = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::vector<SinkReport> sinks;
  std::vector<KindReport> kinds;
  std::vector<ScopeReport> scopes;  ///< Only those not closed, at most 1,000.
  std::uint64_t scopes_total = 0;   ///< How many are not closed.
  std::vector<HostReport> hosts;
  std::vector<ErrorReport> errors;
  std::uint64_t errors_total = 0;
  std::vector<NodeStats> stages;
  GuardReport guard;
  ResumedReport resumed;
  std::string deletion;  ///< Why nothing was deleted, or empty.
  std::vector<std::string> notices;
};

/// What decides the exit code. See the contract: when several apply, 130/143, then 4, 3, 5, 1.
struct RunFacts {
  int stop_signal = 0;  ///< 2 (SIGINT), 15 (SIGTERM) or 0.
  bool sink_failed = false;
  bool source_incomplete = false;
  bool guarded = false;
  bool records_failed = false;  ///< Some were invalid or rejected.
};
int exit_code(const RunFacts& facts) noexcept;
RunStatus status_of(int exit_code) noexcept;

/// Returns what does not add up, one sentence each; empty when the accounting equation holds everywhere.
std::vector<std::string> check_accounting(const RunReport& report);

}  // namespace riptide::pipeline
