#include <cstdio>
#include <utility>

#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/graph_drawing.hpp"
#include "riptide/cli/graph_file.hpp"
#include "riptide/cli/graph_wiring.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/sync_graph.hpp"
#include "riptide/cli/verbs.hpp"

namespace riptide::cli {
namespace {

int put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return std::fflush(stdout) == 0 ? kExitComplete : kExitSinkFailed;
}

// Draws a graph file. Settings of its sources may be missing: nobody is contacted.
int graph_of_file(const GraphFlags& flags, ConfigSources settings, Terminal& terminal) {
  std::vector<Problem> problems;
  auto text = read_file(flags.file);
  if (!text) problems.push_back({Problem::Level::kError, flags.file, 0, 0, "", text.error().message});
  if (print_problems(problems, terminal)) return kExitUsage;
  const GraphFileReading reading = read_graph_file(*text, flags.file, variables_of(settings));
  terminal.hide(reading.graph.secrets);
  if (print_problems(reading.problems, terminal)) return kExitUsage;
  GraphMaterial material;
  material.settings = std::move(settings);
  material.run_id = "described";
  material.only_described = true;
  GraphParts parts(reading.graph, material, problems);
  terminal.hide(parts.secrets());
  if (print_problems(problems, terminal)) return kExitUsage;
  Graph graph(parts.options());
  parts.add_to(graph, problems);
  if (print_problems(problems, terminal)) return kExitUsage;
  auto described = graph.describe();
  if (!described) {
    terminal.print("riptide: " + flags.file + ": " + described.error().message);
    return kExitUsage;
  }
  return put(draw_graph(*described, *graph_format(flags.format)));
}

}  // namespace

int run_graph(const GraphFlags& flags) {
  Terminal terminal(2);
  std::vector<Problem> problems;
  if (flags.live) return show_live(flags.run);
  ConfigSources sources = gather_sources(flags.sync.common.config, problems);
  sources.flags = settings_of(flags.sync);
  if (!flags.file.empty()) return graph_of_file(flags, std::move(sources), terminal);
  const ConfigReading reading = read_config(sources, {.source = ConfigNeeds::Missing::kPlaceholder});
  problems.insert(problems.end(), reading.problems.begin(), reading.problems.end());
  if (print_problems(problems, terminal)) return kExitUsage;
  problems.clear();
  if (flags.format == "yaml") {
    const auto specs = choose_sinks(flags.sync.sinks, reading.config, problems);
    if (print_problems(problems, terminal)) return kExitUsage;
    return put(to_yaml(with_absolute_paths(sync_as_graph(flags.sync, reading.config, specs))));
  }
  auto graph = describe_resync(flags.sync, reading.config, problems);
  if (print_problems(problems, terminal) || !graph) return kExitUsage;
  return put(draw_graph(*graph, *graph_format(flags.format)));
}

}  // namespace riptide::cli
