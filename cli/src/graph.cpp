#include <cstdio>

#include "riptide/cli/graph_drawing.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/verbs.hpp"

namespace riptide::cli {

int run_graph(const GraphFlags& flags) {
  Terminal terminal(2);
  std::vector<Problem> problems;
  ConfigSources sources = gather_sources(flags.sync.common.config, problems);
  sources.flags = settings_of(flags.sync);
  const ConfigReading reading = read_config(sources, {.source = ConfigNeeds::Missing::kPlaceholder});
  problems.insert(problems.end(), reading.problems.begin(), reading.problems.end());
  if (print_problems(problems, terminal)) return kExitUsage;
  problems.clear();
  auto graph = describe_resync(flags.sync, reading.config, problems);
  if (print_problems(problems, terminal) || !graph) return kExitUsage;
  const std::string picture = draw_graph(*graph, *graph_format(flags.format));
  std::fwrite(picture.data(), 1, picture.size(), stdout);
  return std::fflush(stdout) == 0 ? kExitComplete : kExitSinkFailed;
}

}  // namespace riptide::cli
