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
  int operator()(const GraphFlags& flags) const { return run_graph(flags); }
  int operator()(const LintFlags& flags) const { return run_lint(flags); }
  int operator()(const DemoFlags& flags) const { return run_demo(flags, command); }
  int operator()(const BenchFlags& flags) const { return run_bench(flags); }
  int operator()(const MapFlags& flags) const { return run_map(flags); }
  int operator()(const JqFlags& flags) const { return run_jq(flags); }
  int operator()(const ServeOctopusFlags& flags) const { return run_serve_octopus(flags); }
};

}  // namespace

int run_program(const std::vector<std::string>& command) {
  try {
    const std::vector<std::string> arguments(command.begin() + (command.empty() ? 0 : 1), command.end());
    return std::visit(Runner{command}, parse_command_line(arguments));
  } catch (const std::exception& error) {  // out of memory, or a mistake of ours
    std::fprintf(stderr, "riptide: %s\n", error.what());
    return kExitSinkFailed;
  }
}

}  // namespace riptide::cli
