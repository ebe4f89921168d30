#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "riptide/graph.hpp"
#include "riptide/pipeline/graph.hpp"
#include "riptide/pipeline/run_report.hpp"

namespace riptide::cli {

/// Reads what `to_json(LiveGraph)` wrote. Nothing if it is not that.
std::optional<LiveGraph> read_live(std::string_view json);

/// A running graph for a terminal: the edges with items and bytes a second since `before`, the nodes with what waits
/// before them and how busy they are, the bottleneck marked with its reason. Ends with a line break.
std::string live_table(const LiveGraph& before, const LiveGraph& now, int width, bool colours);

/// The picture of a graph with what flowed: rates on its edges, what waited before its nodes, the bottleneck named.
pipeline::GraphDescription with_flow(pipeline::GraphDescription graph, const LiveGraph& live);

/// The report as a page that needs nothing else: what came of each kind at each sink, what went wrong, and the graph
/// with what flowed (SVG).
std::string report_html(const pipeline::RunReport& report, const pipeline::GraphDescription& graph);

}  // namespace riptide::cli
