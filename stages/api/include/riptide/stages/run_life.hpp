#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// Where a run, or a kind of it, stands.
enum class SyncState : std::uint8_t { kPending, kSyncing, kCompleted, kFailed, kAborted };

/// One resource block while it is synced.
struct KindLife {
  std::string kind;
  std::uint32_t index = 0;
  std::string blueprint;  ///< The mapping's expression, as written.
  SyncState state = SyncState::kPending;
  bool success = false;           ///< Ended without any error.
  double seconds = 0;             ///< Since it began.
  std::uint64_t extracted = 0;    ///< Records read.
  std::uint64_t transformed = 0;  ///< Entities made.
  std::uint64_t filtered = 0;
  std::uint64_t invalid = 0;
  std::uint64_t loaded = 0;     ///< Entities that the target took.
  std::uint64_t rejected = 0;   ///< Entities that it did not take.
  std::uint64_t unchanged = 0;  ///< Entities that were not sent.
};

/// The end of reconciling, or of the whole run.
struct RunOutcome {
  SyncState state = SyncState::kCompleted;
  double seconds = 0;
  std::uint64_t deleted = 0;
};

/// A line of the run's log.
struct LifeLogRecord {
  std::string message;
  std::string_view level;  ///< DEBUG, INFO, WARNING, ERROR.
  std::chrono::system_clock::time_point at;
};

/// A request that only tells the target how the run is going. If it fails, the run does not.
struct LifeSign {
  std::string_view what;  ///< For the message that it failed: "sync metrics". Static storage.
  HttpRequest request;
};

/// What a target is told of a run while it goes on: its beginning and end, each kind's, a heartbeat, examples of what
/// is read, the log. A pure description, called from any thread; whoever runs the resync owns clock and client, sends
/// the signs in order, and treats failures as notices. Times are handed in.
class RunLife {
 public:
  using Time = std::chrono::system_clock::time_point;
  using LifeSigns = std::vector<LifeSign>;

  virtual ~RunLife() = default;

  /// Before anything is read.
  [[nodiscard]] virtual LifeSigns started(Time now, std::span<const KindLife> kinds) const = 0;
  /// A kind began, or ended.
  [[nodiscard]] virtual LifeSigns kind_changed(const KindLife& kind) const = 0;
  [[nodiscard]] virtual LifeSigns reconciling() const = 0;
  [[nodiscard]] virtual LifeSigns reconciled(const RunOutcome& outcome) const = 0;
  /// The last signs of a run.
  [[nodiscard]] virtual LifeSigns ended(Time now, const RunOutcome& outcome) const = 0;

  /// Sent again and again while the run goes on.
  [[nodiscard]] virtual LifeSigns heartbeat() const = 0;
  [[nodiscard]] virtual std::chrono::milliseconds heartbeat_period() const noexcept = 0;

  /// How many raw records of each kind are wanted; 0 for none.
  [[nodiscard]] virtual std::size_t max_examples() const noexcept { return 0; }
  /// `records` are JSON objects.
  [[nodiscard]] virtual LifeSigns examples(std::string_view kind, std::span<const std::string> records) const {
    (void)kind;
    (void)records;
    return {};
  }

  /// Whether the log is wanted.
  [[nodiscard]] virtual bool wants_log() const noexcept { return false; }
  [[nodiscard]] virtual LifeSigns log(std::span<const LifeLogRecord> records) const {
    (void)records;
    return {};
  }
};

}  // namespace riptide::stages
