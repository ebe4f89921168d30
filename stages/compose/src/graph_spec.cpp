#include "graph_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace riptide {
namespace {

using Type = NodeSpec::Type;

void check_names(const GraphSpec& graph, std::vector<std::string>& problems) {
  std::set<std::string> names;
  for (const NodeSpec& node : graph) {
    if (node.name.empty()) problems.emplace_back("a node has no name");
    if (!names.insert(node.name).second) problems.push_back(fmt::format("two nodes are called {}", node.name));
  }
}

void check_takers(const GraphSpec& graph, const Ways& ways, std::vector<std::string>& problems) {
  for (std::size_t i = 0; i < graph.size(); ++i) {
    for (std::size_t output = 0; output < graph[i].num_outputs(); ++output) {
      if (!ways.takers(i, output).empty()) continue;
      const std::string what =
          graph[i].type == Type::kRoute ? fmt::format("{}.{}", graph[i].name, graph[i].outputs[output]) : graph[i].name;
      problems.push_back(fmt::format("nothing takes what {} gives: put a sink behind it", what));
    }
    if (graph[i].type == Type::kRoute && graph[i].outputs.empty()) {
      problems.push_back(fmt::format("{} has no outputs: ask it for some", graph[i].name));
    }
  }
}

void check_sink(const GraphSpec& graph, const Ways& ways, std::size_t number, std::vector<std::string>& problems) {
  const NodeSpec& sink = graph[number];
  if (sink.sink == nullptr) {
    problems.push_back(fmt::format("{} is no sink", sink.name));
    return;
  }
  if (sink.takes == detail::Carries::kRecords && !sink.sink->takes_any()) {
    problems.push_back(fmt::format("{} takes entities, and records come to it: put a mapping before it", sink.name));
  }
  if (sink.sink_options.reconcile == Reconcile::kNever) return;
  if (sink.takes == detail::Carries::kRecords) {
    problems.push_back(fmt::format("{} is to delete what did not come, but records have no identity", sink.name));
  }
  for (std::size_t i = 0; i < graph.size(); ++i) {
    if (graph[i].type != Type::kStateful || graph[i].stateful.keeps_all || !ways.leads(i, number)) continue;
    problems.push_back(fmt::format(
        "{} is to delete what did not come, but {} before it may leave things out: without reconciling it is safe",
        sink.name, graph[i].name));
  }
}

}  // namespace

Ways::Ways(const GraphSpec& graph) : graph_(graph) {
  const std::size_t size = graph.size();
  takers_.resize(size);
  leads_.assign(size, std::vector<bool>(size, false));
  raw_ = leads_;
  for (std::size_t i = 0; i < size; ++i) takers_[i].resize(graph[i].num_outputs());
  for (std::size_t i = 0; i < size; ++i) {
    leads_[i][i] = true;
    if (graph[i].is_source()) raw_[i][i] = true;
    for (std::size_t input = 0; input < graph[i].inputs.size(); ++input) {
      const detail::Output& from = graph[i].inputs[input];
      takers_.at(from.node).at(from.number).push_back({i, input});
      for (std::size_t earlier = 0; earlier < i; ++earlier) {
        if (leads_[earlier][from.node]) leads_[earlier][i] = true;
        if (raw_[earlier][from.node] && graph[from.node].gives == detail::Carries::kRecords) raw_[earlier][i] = true;
      }
    }
  }
  plain_ = true;
  std::size_t mappings = 0;
  for (const NodeSpec& node : graph) mappings += node.is_mapping() ? 1 : 0;
  for (const NodeSpec& node : graph) {
    if (node.is_stage()) plain_ = false;
    for (const detail::Output& from : node.inputs) {
      if (graph[from.node].is_mapping() != node.is_sink()) plain_ = false;
    }
    if (node.is_sink() && node.inputs.size() != mappings) plain_ = false;
  }
}

std::vector<std::size_t> Ways::single_chain(std::size_t to) const {
  std::vector<std::size_t> chain{to};
  std::size_t mappings = 0;
  while (!graph_[chain.back()].is_source()) {
    const NodeSpec& node = graph_[chain.back()];
    mappings += node.is_mapping() ? 1 : 0;
    if (node.inputs.size() != 1 || (!node.is_sink() && !node.is_mapping() && !node.at_most_one())) return {};
    chain.push_back(node.inputs.front().node);
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

std::vector<std::string> problems_of(const GraphSpec& graph) {
  std::vector<std::string> problems;
  check_names(graph, problems);
  const Ways ways(graph);
  check_takers(graph, ways, problems);
  bool any_source = false;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    any_source = any_source || graph[i].is_source();
    if (graph[i].is_sink()) check_sink(graph, ways, i, problems);
    if (graph[i].is_source() && graph[i].source == nullptr && graph[i].local_source == nullptr) {
      problems.push_back(fmt::format("{} is no source", graph[i].name));
    }
  }
  if (!any_source) problems.emplace_back("the graph has no source");
  return problems;
}

}  // namespace riptide
