#pragma once

#include <string>
#include <vector>

#include "riptide/cli/command_line.hpp"
#include "riptide/cli/config.hpp"
#include "riptide/cli/graph_file.hpp"
#include "riptide/sinks/sink_spec.hpp"

namespace riptide::cli {

/// The graph that `sync` with these flags runs, as a graph file says it: a source, its mapping, and the sinks. Settings
/// are not in it: as for `sync`, they come from config.yaml, `.env` and the environment.
GraphFile sync_as_graph(const SyncFlags& flags, const Config& config, const std::vector<sinks::SinkSpec>& specs);

/// The same graph with all files named from the root, so that its file may lie anywhere.
GraphFile with_absolute_paths(GraphFile graph);

/// Writes a graph as its file, in the order of its nodes.
std::string to_yaml(const GraphFile& graph);

}  // namespace riptide::cli
