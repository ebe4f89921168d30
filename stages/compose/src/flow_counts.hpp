#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "graph_spec.hpp"
#include "riptide/live.hpp"
#include "riptide/pipeline/run_report.hpp"

namespace riptide {

/// Who listens at a node, for so many items. Any thread; free where nobody does.
class Tap {
 public:
  void begin(std::size_t count, std::function<void(const TappedItem&)> hear);
  /// Calls `hear` until it returns false.
  void begin(std::function<bool(const TappedItem&)> hear);
  [[nodiscard]] bool open() const noexcept { return open_.load(std::memory_order_relaxed); }
  void hear(const TappedItem& item);

 private:
  std::atomic<bool> open_{false};
  std::mutex mutex_;  ///< Held while listeners are called; guards them.
  std::vector<std::function<bool(const TappedItem&)>> listeners_;
};

/// What a node did, in items. Written by any worker.
struct NodeCounts {
  explicit NodeCounts(std::size_t resources) : filtered_of(resources), failed_of(resources) {}
  std::atomic<std::uint64_t> in{0};
  std::atomic<std::uint64_t> out{0};
  std::atomic<std::uint64_t> made{0};
  std::atomic<std::uint64_t> filtered{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> failed_calls{0};  ///< Of a stage with a state, that were for no item.
  std::atomic<std::uint64_t> messages_in{0};
  std::atomic<std::uint64_t> messages_out{0};
  std::atomic<std::uint64_t> busy_nanoseconds{0};
  /// By resource: of a record, each that its page is read for.
  std::vector<std::atomic<std::uint64_t>> filtered_of;
  std::vector<std::atomic<std::uint64_t>> failed_of;
  Tap tap;
};

/// What went from one node to another.
struct EdgeCounts {
  std::size_t from = 0;
  std::size_t output = 0;
  std::size_t to = 0;
  std::atomic<std::uint64_t> items{0};
  std::atomic<std::uint64_t> bytes{0};
};

/// The counts of a whole graph.
class FlowCounts {
 public:
  FlowCounts(const GraphSpec& graph, const Ways& ways, std::size_t resources);

  [[nodiscard]] NodeCounts& node(std::size_t number) { return nodes_[number]; }
  [[nodiscard]] const NodeCounts& node(std::size_t number) const { return nodes_[number]; }
  /// The edge to a taker of an output.
  [[nodiscard]] EdgeCounts& edge(std::size_t from, std::size_t output, std::size_t to);
  [[nodiscard]] const std::deque<EdgeCounts>& edges() const noexcept { return edges_; }
  /// Items that came to a node by its edges.
  [[nodiscard]] std::uint64_t came_to(std::size_t node) const;

  /// What does not add up, one sentence each.
  [[nodiscard]] std::vector<std::string> check() const;
  /// What stages that users named did, for the report.
  [[nodiscard]] pipeline::NodeStats stats(std::size_t node) const;

 private:
  const GraphSpec& graph_;
  std::deque<NodeCounts> nodes_;
  std::deque<EdgeCounts> edges_;
};

/// How a stage runs, for the report: "parallel", "serial", "16 in flight".
std::string concurrency_of(const NodeSpec& node);

}  // namespace riptide
