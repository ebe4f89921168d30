#include "riptide/cli/run_ending.hpp"

#include <filesystem>
#include <utility>

#include "riptide/cli/command_line.hpp"
#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/live_view.hpp"
#include "riptide/cli/logging.hpp"
#include "riptide/cli/summary.hpp"
#include "riptide/pipeline/peak_memory.hpp"
#include "riptide/stages/resync.hpp"
#include "riptide/state/run_history.hpp"

namespace riptide::cli {

using pipeline::RunReport;

RunEnding::RunEnding(Options options, Terminal& terminal, Logger& logger, SignalThread& signals)
    : options_(std::move(options)), terminal_(terminal), logger_(logger), signals_(signals) {}

int RunEnding::failed(const pipeline::Error& error) {
  RunReport report;
  report.run_id = options_.run_id;
  report.version = options_.version;
  report.started_at = options_.started_at;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  report.peak_rss_bytes = pipeline::peak_rss_bytes();
  report.exit_code = signals_.first() != 0 ? 128 + signals_.first() : kExitSinkFailed;
  report.status = pipeline::status_of(report.exit_code);
  report.deletion = "the run did not begin";
  report.errors.push_back(
      {.kind = {}, .identifier = {}, .blueprint = {}, .stage = "start", .message = error.message, .count = 1});
  report.errors_total = 1;
  return finish(report, false);
}

int RunEnding::finish(const RunReport& report, bool resumable) {
  signals_.run_is_over();
  int code = report.exit_code;
  const std::string& file = options_.report_file;
  if (!file.empty()) {
    const std::string text = file.ends_with(".html")
                                 ? report_html(report, graph_ ? graph_() : pipeline::GraphDescription())
                                 : stages::to_json(report);
    if (auto written = write_file_atomically(file, terminal_.redacted(text)); !written) {
      logger_.error("the report " + file + " was not written: " + written.error().message);
      if (code == kExitComplete || code == 1) code = kExitSinkFailed;
    }
  }
  remember(report);
  terminal_.print(summary_text(report, terminal_.colours()));
  if (code != kExitComplete && code != 1) name_partial_files(report);
  if (code == 3 || code == kExitSinkFailed || code > 128) {
    terminal_.print("to go on from here:\n" + command_to_go_on(options_.command, resumable));
  }
  return code;
}

// The run is over whatever becomes of its entry in the history.
void RunEnding::remember(const RunReport& report) const {
  if (!state_) return;
  auto history = state::RunHistory::open(*state_);
  if (!history) {
    logger_.warning("the run is not in the history: " + history.error().message);
    return;
  }
  const std::string json = terminal_.redacted(stages::to_json(report));
  if (auto added = history->add(state::past_run(report, "port"), json); !added) {
    logger_.warning("the run is not in the history: " + added.error().message);
  }
}

// Files that did not take their names. A sink that failed has said so itself.
void RunEnding::name_partial_files(const RunReport& report) const {
  constexpr std::string_view kPrefix = "ndjson:";
  for (const pipeline::SinkReport& sink : report.sinks) {
    if (!sink.error.empty() || !sink.sink.starts_with(kPrefix)) continue;
    const std::string partial = sink.sink.substr(kPrefix.size()) + ".partial";
    std::error_code none;
    if (std::filesystem::exists(partial, none)) terminal_.print("what was written is in " + partial);
  }
}

}  // namespace riptide::cli
