#include "riptide/cli/graph_drawing.hpp"

#include <fmt/format.h>

#include "riptide/cli/markup.hpp"
#include "riptide/json/document.hpp"

namespace riptide::cli {
namespace {

using pipeline::Concurrency;
using pipeline::GraphDescription;
using Kind = GraphDescription::Kind;

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kStage:
      return "stage";
    case Kind::kAsync:
      return "async";
    case Kind::kPhase:
      return "phase";
  }
  return "stage";
}

std::string replaced(std::string_view text, std::initializer_list<std::pair<char, std::string_view>> table) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ') {
      out += ' ';
      continue;
    }
    bool found = false;
    for (const auto& [from, to] : table) {
      if (c == from) {
        out += to;
        found = true;
        break;
      }
    }
    if (!found) out += c;
  }
  return out;
}

// On one line.
std::string xml(std::string_view text) { return xml_text(replaced(text, {})); }

std::string dot_text(std::string_view text) { return replaced(text, {{'"', "\\\""}, {'\\', "\\\\"}}); }

std::string mermaid_text(std::string_view text) {
  return replaced(text, {{'"', "#quot;"}, {'#', "#35;"}, {'<', "#lt;"}, {'>', "#gt;"}});
}

std::string as_json(const GraphDescription& graph) {
  std::string out = "{\"title\":" + json::quoted(graph.title) + ",\"nodes\":[";
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto& node = graph.nodes[i];
    out += fmt::format("{}\n  {{\"name\":{},\"kind\":\"{}\",\"concurrency\":\"{}\",\"says\":{}}}", i == 0 ? "" : ",",
                       json::quoted(node.name), name_of(node.kind),
                       node.concurrency == Concurrency::kSerial ? "serial" : "unlimited", json::quoted(node.says));
  }
  out += "],\n \"edges\":[";
  for (std::size_t i = 0; i < graph.edges.size(); ++i) {
    const auto& edge = graph.edges[i];
    out += fmt::format("{}\n  {{\"from\":{},\"to\":{},\"carries\":{},\"back\":{}}}", i == 0 ? "" : ",",
                       json::quoted(graph.nodes.at(edge.from).name), json::quoted(graph.nodes.at(edge.to).name),
                       json::quoted(edge.carries), edge.back);
  }
  return out + "]}\n";
}

std::string as_dot(const GraphDescription& graph) {
  std::string out = "digraph riptide {\n  rankdir=TB;\n  label=\"" + dot_text(graph.title) +
                    "\";\n  labelloc=t;\n  node [shape=box, fontname=\"sans-serif\", style=\"rounded,filled\", "
                    "fillcolor=\"#eef3fb\"];\n  edge [fontname=\"sans-serif\", fontsize=11];\n";
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto& node = graph.nodes[i];
    std::string style;
    if (node.kind == Kind::kAsync) style = ", fillcolor=\"#e7f6ec\"";
    if (node.kind == Kind::kPhase) style = ", fillcolor=\"#f4f4f4\", style=\"rounded,filled,dashed\"";
    out += fmt::format("  n{} [label=\"{}\\n{}\"{}];\n", i, dot_text(node.name), dot_text(node.says), style);
  }
  for (const auto& edge : graph.edges) {
    out += fmt::format("  n{} -> n{} [label=\"{}\"{}];\n", edge.from, edge.to, dot_text(edge.carries),
                       edge.back ? ", style=dashed, constraint=false" : "");
  }
  return out + "}\n";
}

std::string as_mermaid(const GraphDescription& graph) {
  std::string out = "flowchart TD\n";
  if (!graph.title.empty()) out = "---\ntitle: " + json::quoted(graph.title) + "\n---\n" + out;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto& node = graph.nodes[i];
    const std::string label = "\"<b>" + mermaid_text(node.name) + "</b><br/>" + mermaid_text(node.says) + "\"";
    const bool async = node.kind == Kind::kAsync;
    out += fmt::format("  n{}{}{}{}:::{}\n", i, async ? "([" : "[", label, async ? "])" : "]", name_of(node.kind));
  }
  for (const auto& edge : graph.edges) {
    const std::string label = edge.carries.empty() ? "" : "|\"" + mermaid_text(edge.carries) + "\"|";
    out += fmt::format("  n{} {}{} n{}\n", edge.from, edge.back ? "-.->" : "-->", label, edge.to);
  }
  return out +
         "  classDef stage fill:#eef3fb,stroke:#4a6fa5,color:#1b2733\n"
         "  classDef async fill:#e7f6ec,stroke:#3b8f5a,color:#1b2733\n"
         "  classDef phase fill:#f4f4f4,stroke:#8a8a8a,color:#1b2733,stroke-dasharray:5 4\n";
}

std::string as_svg(const GraphDescription& graph) {
  const GraphLayout layout = lay_out(graph);
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "font-family=\"Helvetica, Arial, sans-serif\" role=\"img\">\n<title>{2}</title>\n",
      layout.width, layout.height, xml(graph.title));
  out +=
      "<defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" "
      "orient=\"auto-start-reverse\"><path d=\"M0 0 10 5 0 10z\" fill=\"#5b6b7b\"/></marker></defs>\n"
      "<style>.stage{fill:#eef3fb;stroke:#4a6fa5}.async{fill:#e7f6ec;stroke:#3b8f5a}"
      ".phase{fill:#f4f4f4;stroke:#8a8a8a;stroke-dasharray:5 4}.edge{fill:none;stroke:#5b6b7b;stroke-width:1.5}"
      ".back{stroke-dasharray:6 4}.name{font-size:15px;font-weight:bold;fill:#1b2733}.says{font-size:12px;fill:#3a4856}"
      ".label{font-size:12px;font-style:italic;fill:#3a4856;stroke:#fff;stroke-width:4px;paint-order:stroke}</style>\n";
  out +=
      fmt::format("<rect width=\"{:.0f}\" height=\"{:.0f}\" rx=\"8\" fill=\"#fff\"/>\n", layout.width, layout.height);
  if (!graph.title.empty()) {
    out += fmt::format("<text class=\"name\" x=\"{:.0f}\" y=\"34\" text-anchor=\"middle\">{}</text>\n",
                       layout.width / 2, xml(graph.title));
  }
  for (std::size_t e = 0; e < graph.edges.size(); ++e) {
    const auto& path = layout.paths[e];
    if (path.points.empty()) continue;
    std::string points = fmt::format("M{:.1f} {:.1f}", path.points[0].x, path.points[0].y);
    if (path.points.size() == 2) {
      const auto& [begin, end] = std::tie(path.points[0], path.points[1]);
      const double middle = (begin.y + end.y) / 2;
      points +=
          fmt::format(" C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", begin.x, middle, end.x, middle, end.x, end.y);
    } else {
      for (std::size_t p = 1; p < path.points.size(); ++p) {
        points += fmt::format(" L{:.1f} {:.1f}", path.points[p].x, path.points[p].y);
      }
    }
    out += fmt::format("<path class=\"edge{}\" data-edge=\"{} to {}\" d=\"{}\" marker-end=\"url(#tip)\"/>\n",
                       path.dashed ? " back" : "", xml(graph.nodes[graph.edges[e].from].name),
                       xml(graph.nodes[graph.edges[e].to].name), points);
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto& node = graph.nodes[i];
    const auto& box = layout.boxes[i];
    out += fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"{}\"/>\n",
                       name_of(node.kind), box.x, box.y, box.width, box.height, node.kind == Kind::kAsync ? 18 : 6);
    const double middle = box.x + box.width / 2;
    double y = box.y + 27;
    out += fmt::format("<text class=\"name\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", middle, y,
                       xml(node.name));
    for (const std::string& line : box.says) {
      y += 17;
      out += fmt::format("<text class=\"says\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", middle, y,
                         xml(line));
    }
  }
  for (std::size_t e = 0; e < graph.edges.size(); ++e) {
    if (graph.edges[e].carries.empty() || layout.paths[e].points.empty()) continue;
    out += fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", layout.paths[e].label.x,
                       layout.paths[e].label.y, xml(graph.edges[e].carries));
  }
  out += fmt::format(
      "<text class=\"says\" x=\"24\" y=\"{:.0f}\">blue: computes; green: waits for I/O elsewhere; grey: before or "
      "after the "
      "graph</text>\n",
      layout.height - 18);
  return out + "</svg>\n";
}

}  // namespace

std::optional<GraphFormat> graph_format(std::string_view name) {
  if (name == "dot") return GraphFormat::kDot;
  if (name == "mermaid") return GraphFormat::kMermaid;
  if (name == "svg") return GraphFormat::kSvg;
  if (name == "json") return GraphFormat::kJson;
  return std::nullopt;
}

std::string draw_graph(const GraphDescription& graph, GraphFormat format) {
  switch (format) {
    case GraphFormat::kDot:
      return as_dot(graph);
    case GraphFormat::kMermaid:
      return as_mermaid(graph);
    case GraphFormat::kSvg:
      return as_svg(graph);
    case GraphFormat::kJson:
      return as_json(graph);
  }
  return "";
}

}  // namespace riptide::cli
