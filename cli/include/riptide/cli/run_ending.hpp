#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "riptide/cli/signals.hpp"
#include "riptide/cli/terminal.hpp"
#include "riptide/pipeline/graph.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "riptide/state/state_file.hpp"

namespace riptide::cli {

class Logger;

/// How a run ends for its user: the report, the history, the summary, and how to go on.
class RunEnding {
 public:
  struct Options {
    std::string report_file;           ///< "" is none; one that ends with .html is a page.
    std::vector<std::string> command;  ///< argv as typed: the line that says how to go on.
    std::string run_id;
    std::string version;
    std::string started_at;
  };
  RunEnding(Options options, Terminal& terminal, Logger& logger, SignalThread& signals);

  /// Where the run is remembered; null: nowhere.
  void remember_in(std::shared_ptr<const state::StateFile> state) { state_ = std::move(state); }
  /// The graph with what flowed, for a page.
  void draw(std::function<pipeline::GraphDescription()> graph) { graph_ = std::move(graph); }

  /// Ends a run. Returns the exit code: the report's, unless the report could not be written.
  int finish(const pipeline::RunReport& report, bool resumable);
  /// Ends a run that got no further than this error: its report has little in it.
  int failed(const pipeline::Error& error);

 private:
  void remember(const pipeline::RunReport& report) const;
  void name_partial_files(const pipeline::RunReport& report) const;

  const Options options_;
  Terminal& terminal_;
  Logger& logger_;
  SignalThread& signals_;
  std::shared_ptr<const state::StateFile> state_;
  std::function<pipeline::GraphDescription()> graph_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace riptide::cli
