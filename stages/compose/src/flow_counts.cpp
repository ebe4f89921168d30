#include "flow_counts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "riptide/pipeline/check.hpp"

namespace riptide {

void Tap::begin(std::size_t count, std::function<void(const TappedItem&)> hear) {
  const std::lock_guard lock(mutex_);
  if (!hear || count == 0) return;
  listeners_.emplace_back([left = count, hear = std::move(hear)](const TappedItem& item) mutable {
    hear(item);
    return --left != 0;
  });
  open_.store(true, std::memory_order_relaxed);
}

void Tap::begin(std::function<bool(const TappedItem&)> hear) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(hear));
  open_.store(true, std::memory_order_relaxed);
}

void Tap::hear(const TappedItem& item) {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [&](auto& listener) {
    try {
      return !listener(item);
    } catch (...) {
      return true;  // Who listens has no part in the run.
    }
  });
  open_.store(!listeners_.empty(), std::memory_order_relaxed);
}

FlowCounts::FlowCounts(const GraphSpec& graph, const Ways& ways, std::size_t resources) : graph_(graph) {
  for (std::size_t i = 0; i < graph.size(); ++i) {
    nodes_.emplace_back(resources);
    for (std::size_t output = 0; output < graph[i].num_outputs(); ++output) {
      for (const Ways::Taker& taker : ways.takers(i, output)) {
        EdgeCounts& edge = edges_.emplace_back();
        edge.from = i;
        edge.output = output;
        edge.to = taker.node;
      }
    }
  }
}

EdgeCounts& FlowCounts::edge(std::size_t from, std::size_t output, std::size_t to) {
  const auto found = std::find_if(edges_.begin(), edges_.end(), [&](const EdgeCounts& edge) {
    return edge.from == from && edge.output == output && edge.to == to;
  });
  RIPTIDE_CHECK(found != edges_.end());
  return *found;
}

std::uint64_t FlowCounts::came_to(std::size_t node) const {
  std::uint64_t sum = 0;
  for (const EdgeCounts& edge : edges_) sum += edge.to == node ? edge.items.load() : 0;
  return sum;
}

std::vector<std::string> FlowCounts::check() const {
  std::vector<std::string> faults;
  for (std::size_t i = 0; i < graph_.size(); ++i) {
    if (!graph_[i].is_stage()) continue;
    const NodeCounts& counts = nodes_[i];
    if (counts.in + counts.made != counts.out + counts.filtered + counts.failed) {
      faults.push_back(fmt::format(
          "the items of {} do not add up: {} in + {} made, but {} out + {} filtered + {} failed", graph_[i].name,
          counts.in.load(), counts.made.load(), counts.out.load(), counts.filtered.load(), counts.failed.load()));
    }
    if (const std::uint64_t came = came_to(i); came != counts.in) {
      faults.push_back(fmt::format("{} items went to {}, and {} came", came, graph_[i].name, counts.in.load()));
    }
    std::uint64_t left = 0;
    for (std::size_t output = 0; output < graph_[i].num_outputs(); ++output) {
      // All that take from one output get the same.
      const auto first = std::find_if(edges_.begin(), edges_.end(),
                                      [&](const EdgeCounts& edge) { return edge.from == i && edge.output == output; });
      if (first == edges_.end()) continue;
      left += first->items;
      for (const EdgeCounts& edge : edges_) {
        if (edge.from != i || edge.output != output || edge.items == first->items) continue;
        faults.push_back(fmt::format("{} gave {} items to {} and {} to {}", graph_[i].name, first->items.load(),
                                     graph_[first->to].name, edge.items.load(), graph_[edge.to].name));
      }
    }
    if (left != counts.out) {
      faults.push_back(fmt::format("{} gave {} items, and {} went on", graph_[i].name, counts.out.load(), left));
    }
  }
  return faults;
}

std::string concurrency_of(const NodeSpec& node) {
  if (node.type == NodeSpec::Type::kAsync) return fmt::format("{} in flight", node.options.in_flight);
  return node.type == NodeSpec::Type::kStateful || node.options.serial ? "serial" : "parallel";
}

pipeline::NodeStats FlowCounts::stats(std::size_t node) const {
  const NodeCounts& counts = nodes_[node];
  pipeline::NodeStats row;
  row.name = graph_[node].name;
  row.messages_in = counts.messages_in;
  row.messages_out = counts.messages_out;
  row.busy_seconds = static_cast<double>(counts.busy_nanoseconds.load()) / 1e9;
  row.items = pipeline::NodeStats::Items{.in = counts.in,
                                         .out = counts.out,
                                         .made = counts.made,
                                         .filtered = counts.filtered,
                                         .failed = counts.failed,
                                         .concurrency = concurrency_of(graph_[node])};
  return row;
}

}  // namespace riptide
