#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/graph.hpp"

namespace riptide::cli {

enum class GraphFormat { kDot, kMermaid, kSvg, kJson };
std::optional<GraphFormat> graph_format(std::string_view name);

/// Writes a graph in one of the formats, with a final line break. Pure.
std::string draw_graph(const pipeline::GraphDescription& graph, GraphFormat format);

/// Where the parts of the picture lie, in pixels.
struct GraphLayout {
  struct Box {
    double x = 0, y = 0, width = 0, height = 0;
    std::vector<std::string> says;  ///< `Node::says`, broken into lines.
  };
  struct Point {
    double x = 0, y = 0;
  };
  struct Path {
    std::vector<Point> points;  ///< Corners from box to box.
    Point label;                ///< Left end of the label's baseline.
    bool dashed = false;        ///< Flows against the others.
  };
  double width = 0, height = 0;
  std::vector<Box> boxes;   ///< One for each node.
  std::vector<Path> paths;  ///< One for each edge.
};

/// Lays a graph out from top to bottom: a node's layer is its longest distance from a start. Boxes never overlap. Edges
/// to the next layer go straight; longer ones run in lanes on the left, those against the flow in lanes on the right.
GraphLayout lay_out(const pipeline::GraphDescription& graph);

}  // namespace riptide::cli
