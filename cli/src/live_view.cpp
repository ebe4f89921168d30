#include "riptide/cli/live_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "riptide/cli/graph_drawing.hpp"
#include "riptide/cli/markup.hpp"
#include "riptide/cli/numbers.hpp"
#include "riptide/cli/settings.hpp"
#include "riptide/cli/terminal.hpp"
#include "riptide/cli/tree.hpp"

namespace riptide::cli {
namespace {

std::uint64_t whole(const Tree& map, std::string_view key) {
  const Tree* const found = map.find(key);
  return found == nullptr ? 0 : static_cast<std::uint64_t>(parse_integer(found->text).value_or(0));
}
double real(const Tree& map, std::string_view key) {
  const Tree* const found = map.find(key);
  return found == nullptr ? 0 : parse_number(found->text).value_or(0);
}
std::string text(const Tree& map, std::string_view key) {
  const Tree* const found = map.find(key);
  return found == nullptr ? std::string() : found->text;
}

std::string per_second(double items, double seconds) {
  const double rate = seconds > 0 ? items / seconds : 0;
  return rate >= 10 || rate == 0 ? grouped(static_cast<std::uint64_t>(rate)) : fmt::format("{:.1f}", rate);
}

const LiveGraph::Node* find_node(const LiveGraph& live, std::string_view name) {
  const auto found =
      std::find_if(live.nodes.begin(), live.nodes.end(), [&](const auto& node) { return node.name == name; });
  return found == live.nodes.end() ? nullptr : &*found;
}
const LiveGraph::Edge* find_edge(const LiveGraph& live, std::string_view from, std::string_view to) {
  const auto found = std::find_if(live.edges.begin(), live.edges.end(),
                                  [&](const auto& edge) { return edge.from == from && edge.to == to; });
  return found == live.edges.end() ? nullptr : &*found;
}

std::string row(std::string_view cell, const std::vector<std::string>& cells) {
  std::string out = "<tr>";
  for (const std::string& one : cells) out += fmt::format("<{0}>{1}</{0}>", cell, xml_text(one));
  return out + "</tr>\n";
}

}  // namespace

std::optional<LiveGraph> read_live(std::string_view json) {
  const auto tree = read_json(json, "");
  if (!tree || tree->kind != Tree::Kind::kMap) return std::nullopt;
  const Tree* const nodes = tree->find("nodes");
  const Tree* const edges = tree->find("edges");
  if (nodes == nullptr || edges == nullptr) return std::nullopt;
  LiveGraph live;
  live.seconds = real(*tree, "seconds");
  live.memory_taken = whole(*tree, "memory_taken");
  live.memory_budget = whole(*tree, "memory_budget");
  live.bottleneck = text(*tree, "bottleneck");
  live.bottleneck_reason = text(*tree, "bottleneck_reason");
  for (const Tree& node : nodes->items) {
    live.nodes.push_back({text(node, "name"), whole(node, "items_in"), whole(node, "items_out"),
                          whole(node, "filtered"), whole(node, "failed"), real(node, "busy_seconds"),
                          whole(node, "waiting"), whole(node, "most_waiting")});
  }
  for (const Tree& edge : edges->items) {
    live.edges.push_back({text(edge, "from"), text(edge, "to"), whole(edge, "items"), whole(edge, "bytes")});
  }
  return live;
}

std::string live_table(const LiveGraph& before, const LiveGraph& now, int width, bool colours) {
  const double seconds = now.seconds - before.seconds;
  const auto bold = [&](std::string_view what) {
    return colours ? fmt::format("\x1b[1;33m{}\x1b[0m", what) : std::string(what);
  };
  std::string out = fmt::format("{} running, {} of {} taken\n\n", readable_seconds(now.seconds),
                                readable_bytes(now.memory_taken), readable_bytes(now.memory_budget));
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{:<42} {:>12} {:>14} {:>14}", "edge", "items/s", "bytes/s", "items"));
  for (const LiveGraph::Edge& edge : now.edges) {
    const LiveGraph::Edge* const old = find_edge(before, edge.from, edge.to);
    const double items = static_cast<double>(edge.items - (old != nullptr ? old->items : 0));
    const double bytes = static_cast<double>(edge.bytes - (old != nullptr ? old->bytes : 0));
    lines.push_back(fmt::format("{:<42} {:>12} {:>14} {:>14}", edge.from + " -> " + edge.to, per_second(items, seconds),
                                readable_bytes(static_cast<std::uint64_t>(seconds > 0 ? bytes / seconds : 0)),
                                grouped(edge.items)));
  }
  lines.emplace_back();
  lines.push_back(fmt::format("{:<42} {:>8} {:>8} {:>12} {:>10}", "node", "waiting", "busy", "filtered", "failed"));
  for (const LiveGraph::Node& node : now.nodes) {
    const LiveGraph::Node* const old = find_node(before, node.name);
    const double busy = node.busy_seconds - (old != nullptr ? old->busy_seconds : 0);
    std::string line =
        fmt::format("{:<42} {:>8} {:>7.0f}% {:>12} {:>10}", node.name, node.waiting,
                    seconds > 0 ? 100 * busy / seconds : 0, grouped(node.filtered), grouped(node.failed));
    if (node.name == now.bottleneck) line = bold(line + "  <- waits for: " + now.bottleneck_reason);
    lines.push_back(std::move(line));
  }
  for (const std::string& line : lines) out += (width > 0 ? cut_to_width(line, width) : line) + "\n";
  return out;
}

pipeline::GraphDescription with_flow(pipeline::GraphDescription graph, const LiveGraph& live) {
  for (auto& edge : graph.edges) {
    const LiveGraph::Edge* const flow = find_edge(live, graph.nodes[edge.from].name, graph.nodes[edge.to].name);
    if (flow == nullptr || edge.back) continue;
    edge.carries +=
        fmt::format(": {}, {}/s", grouped(flow->items), per_second(static_cast<double>(flow->items), live.seconds));
  }
  for (auto& node : graph.nodes) {
    const LiveGraph::Node* const flow = find_node(live, node.name);
    if (flow == nullptr) continue;
    node.says += fmt::format("; busy {}, at most {} waiting", readable_seconds(flow->busy_seconds), flow->most_waiting);
    if (flow->filtered > 0) node.says += fmt::format(", {} filtered", grouped(flow->filtered));
    if (flow->failed > 0) node.says += fmt::format(", {} failed", grouped(flow->failed));
    if (node.name == live.bottleneck) node.says = "BOTTLENECK (" + live.bottleneck_reason + "): " + node.says;
  }
  return graph;
}

std::string report_html(const pipeline::RunReport& report, const pipeline::GraphDescription& graph) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>riptide: {0}</title>\n<style>\n"
      "body{{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1100px;padding:0 1rem;color:#1c2733}}\n"
      "table{{border-collapse:collapse;margin:.5rem 0 1.5rem}}\n"
      "th,td{{padding:.25rem .75rem;border-bottom:1px solid #d8dee4;text-align:right}}\n"
      "th:first-child,td:first-child{{text-align:left}}\nsvg{{max-width:100%;height:auto}}\n</style></head><body>\n"
      "<h1>{0}</h1>\n<p>{1}: {2} (exit code {3}) after {4}, at most {5} of memory. Run {6}.</p>\n",
      xml_text(graph.title), xml_text(report.started_at), pipeline::to_string(report.status), report.exit_code,
      readable_seconds(report.seconds), readable_bytes(report.peak_rss_bytes), xml_text(report.run_id));
  for (const pipeline::SinkReport& sink : report.sinks) {
    out += fmt::format("<h2>{}</h2>\n", xml_text(sink.sink));
    if (!sink.error.empty()) out += fmt::format("<p><strong>{}</strong></p>\n", xml_text(sink.error));
    out += "<table>\n" + row("th", {"kind", "read", "created", "updated", "unchanged", "filtered", "invalid",
                                    "rejected", "duplicate", "abandoned", "deleted"});
    for (const pipeline::SinkKindReport& kind : sink.kinds) {
      const pipeline::Tally& t = kind.tally;
      std::vector<std::string> cells = {kind.kind};
      for (const std::uint64_t count : {t.read, t.created, t.updated, t.unchanged, t.filtered, t.invalid, t.rejected,
                                        t.duplicate, t.abandoned, t.deleted}) {
        cells.push_back(grouped(count));
      }
      out += row("td", cells);
    }
    out += "</table>\n";
  }
  if (!report.deletion.empty()) out += fmt::format("<p>Nothing was deleted: {}</p>\n", xml_text(report.deletion));
  if (!report.errors.empty()) {
    out += fmt::format("<h2>{} errors</h2>\n<table>\n", report.errors_total) + row("th", {"stage", "count", "message"});
    for (const pipeline::ErrorReport& error : report.errors) {
      out += row("td", {error.stage, grouped(error.count), error.message});
    }
    out += "</table>\n";
  }
  return out + "<h2>Graph</h2>\n" + draw_graph(graph, GraphFormat::kSvg) + "</body></html>\n";
}

}  // namespace riptide::cli
