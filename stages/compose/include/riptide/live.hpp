#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace riptide {

/// A graph as it runs: totals since its beginning. Rates are the difference of two of them.
struct LiveGraph {
  /// What went through a node, in items.
  struct Node {
    std::string name;
    std::uint64_t items_in = 0;
    std::uint64_t items_out = 0;
    std::uint64_t filtered = 0;
    std::uint64_t failed = 0;
    double busy_seconds = 0;         ///< In its bodies, summed over threads.
    std::uint64_t waiting = 0;       ///< Messages (pages, batches) that wait before it.
    std::uint64_t most_waiting = 0;  ///< The most that ever did.
  };
  /// What went from one node to another.
  struct Edge {
    std::string from;
    std::string to;
    std::uint64_t items = 0;
    std::uint64_t bytes = 0;
  };
  std::vector<Node> nodes;  ///< In the order in which they were added.
  std::vector<Edge> edges;
  double seconds = 0;            ///< Since the run began.
  std::size_t memory_taken = 0;  ///< In bytes, as the next.
  std::size_t memory_budget = 0;
  /// The node that the others wait for, and why: "quota", "memory", "CPU", "source" or "sink". Empty where none stands
  /// out.
  std::string bottleneck;
  std::string bottleneck_reason;
};

/// An item that passed a node. Valid during the call.
struct TappedItem {
  std::string_view node;
  std::string_view output;  ///< Of a route; empty otherwise.
  std::string_view kind;
  std::string_view json;
};

}  // namespace riptide
