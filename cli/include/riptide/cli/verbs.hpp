#pragma once

#include <string>
#include <vector>

#include "riptide/cli/command_line.hpp"

namespace riptide::cli {

/// Runs the program: `command` is argv as typed. Returns the exit code.
int run_program(const std::vector<std::string>& command);

/// The verbs. `command` is argv as typed, for the line that says how to go on.
int run_sync(const SyncFlags& flags, const std::vector<std::string>& command);
int run_plan(const PlanFlags& flags, const std::vector<std::string>& command);
int run_record(const RecordFlags& flags, const std::vector<std::string>& command);
int run_graph(const GraphFlags& flags);
int run_lint(const LintFlags& flags);
int run_init(const InitFlags& flags);
int run_demo(const DemoFlags& flags, const std::vector<std::string>& command);
int run_bench(const BenchFlags& flags);
int run_map(const MapFlags& flags);
int run_dlq(const DlqFlags& flags);
/// Where `riptide jq` reads and writes: file descriptors, borrowed.
struct JqStreams {
  int in = 0, out = 1, err = 2;
};
int run_jq(const JqFlags& flags, const JqStreams& streams = {});
int run_state(const StateFlags& flags);
int run_runs(const RunsFlags& flags);
int run_serve_octopus(const ServeOctopusFlags& flags);

}  // namespace riptide::cli
