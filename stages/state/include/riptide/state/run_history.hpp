#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "riptide/state/state_file.hpp"

namespace riptide::state {

/// One run that ended, as the history shows it.
struct PastRun {
  std::string run_id;
  std::string started_at;  ///< ISO 8601, UTC.
  double seconds = 0;
  int exit_code = 0;
  std::string status;
  pipeline::Tally counts;  ///< Over all kinds of the sink that has a state file.
};

/// The runs into a target, newest first; of the last `kMost` also their reports. One thread at a time.
class RunHistory {
 public:
  static constexpr std::int64_t kMost = 200;

  /// Errors: kConfig (of a later riptide), kTransport.
  [[nodiscard]] static pipeline::Result<RunHistory> open(const StateFile& file);

  /// Adds a run; the oldest beyond `kMost` go. `report` is its JSON.
  [[nodiscard]] pipeline::Result<void> add(const PastRun& run, std::string_view report);
  [[nodiscard]] pipeline::Result<std::vector<PastRun>> all();
  /// The report of a run: its id, or the beginning of it that no other has. Nothing if there is none. Errors: kConfig
  /// (several begin so).
  [[nodiscard]] pipeline::Result<std::optional<std::string>> report(std::string_view run_id);

 private:
  explicit RunHistory(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  std::unique_ptr<Database> database_;
};

/// What the history keeps of a report: the counts of the sink named `sink`, or of the first one.
[[nodiscard]] PastRun past_run(const pipeline::RunReport& report, std::string_view sink = {});

}  // namespace riptide::state
