#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <exception>

#include "riptide/cli/verbs.hpp"

namespace riptide::cli {
namespace {

struct Runner {
  const std::vector<std::string>& command;

  int operator()(const Say& say) const {
    std::fputs(say.text.c_str(), say.exit_code == kExitComplete ? stdout : stderr);
    return say.exit_code;
  }
  int operator()(const SyncFlags& flags) const { return run_sync(flags, command); }
  int operator()(const PlanFlags& flags) const { return run_plan(flags, command); }
  int operator()(const RecordFlags& flags) const { return run_record(flags, command); }
  int operator()(const GraphFlags& flags) const { return run_graph(flags); }
  int operator()(const LintFlags& flags) const { return run_lint(flags); }
  int operator()(const InitFlags& flags) const { return run_init(flags); }
  int operator()(const DemoFlags& flags) const { return run_demo(flags, command); }
  int operator()(const BenchFlags& flags) const { return run_bench(flags); }
  int operator()(const MapFlags& flags) const { return run_map(flags); }
  int operator()(const DlqFlags& flags) const { return run_dlq(flags); }
  int operator()(const JqFlags& flags) const { return run_jq(flags); }
  int operator()(const StateFlags& flags) const { return run_state(flags); }
  int operator()(const RunsFlags& flags) const { return run_runs(flags); }
  int operator()(const ServeOctopusFlags& flags) const { return run_serve_octopus(flags); }
};

// Else a file or socket takes the number of a stream that the caller closed, and gets what is meant for the stream.
// Opened the wrong way round, so that using it stays an error.
void hold_standard_streams() {
  for (int stream = 0; stream <= 2; ++stream) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    if (::open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

}  // namespace

int run_program(const std::vector<std::string>& command) {
  hold_standard_streams();
  try {
    const std::vector<std::string> arguments(command.begin() + (command.empty() ? 0 : 1), command.end());
    return std::visit(Runner{command}, parse_command_line(arguments));
  } catch (const std::exception& error) {  // out of memory, or a mistake of ours
    std::fprintf(stderr, "riptide: %s\n", error.what());
    return kExitSinkFailed;
  }
}

}  // namespace riptide::cli
