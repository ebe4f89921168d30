#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/cli/config.hpp"
#include "riptide/cli/problem.hpp"
#include "riptide/cli/progress.hpp"
#include "riptide/cli/signals.hpp"
#include "riptide/cli/terminal.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/stages/cassette_player.hpp"

namespace riptide::cli {

class Logger;

/// How a plan is shown.
struct PlanOutput {
  bool fields = false;  ///< With what changes in each entity.
  std::string file;     ///< Where it goes beside stdout; "" is nowhere.
};

/// What the runner is given beside the configuration.
struct RunRequest {
  SyncFlags flags;
  std::vector<std::string> command;  ///< argv as typed: the line that says how to go on.
  /// Where state files are when `--state` does not say; nothing: without `--state` nothing is remembered.
  std::optional<std::string> state_home = std::nullopt;
  /// Set once the run keeps a journal, so that `--resume` goes on from it. Borrowed; may be null.
  std::atomic<bool>* resumable = nullptr;
  /// What is to be shown of a plan, if nothing is to be written.
  std::optional<PlanOutput> plan = std::nullopt;
  /// What answers in the source's place; null: the source does.
  std::shared_ptr<stages::CassettePlayer> player = nullptr;
  /// Where the source's answers are kept; nothing: nowhere.
  struct Recording {
    std::string file;
    std::vector<std::string> redact;
  };
  std::optional<Recording> recording = std::nullopt;
};

/// Runs one resync from a checked configuration: sinks, mapping, source, graph, progress, report, summary. Writes
/// everything to `terminal`. Returns the exit code. Call it on the main thread; `signals` must exist before.
int run_resync(const RunRequest& request, const Config& config, Terminal& terminal, Logger& logger,
               pipeline::Stop& stop, SignalThread& signals);

/// Prints problems, errors after warnings, and returns whether one is an error.
bool print_problems(const std::vector<Problem>& problems, Terminal& terminal);

}  // namespace riptide::cli
