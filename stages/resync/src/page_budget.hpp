#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "compose/src/outlet.hpp"
#include "messages.hpp"
#include "riptide/pipeline/graph.hpp"
#include "run_state.hpp"
#include "upload/valve.hpp"

namespace riptide::stages {

/// The middle of the graph: pages wait here while too much of what became of others is on its way; then each goes to
/// what takes from its source.
class PageBudget {
 public:
  /// For so many sources.
  PageBudget(RunState& state, std::size_t sources) : state_(state), outlets_(sources), expected_(sources) {}

  /// Adds its node. `starved` is called when a page has to wait.
  void build(pipeline::Graph& graph, const pipeline::Node<FetchedPage, ReadPage>& paginate,
             std::function<void()> starved);
  [[nodiscard]] Outlet<ReadPage>& outlet(std::size_t source) { return outlets_[source]; }
  /// Says how much memory what becomes of a page of that size will need. For each that takes from a source.
  void expect(std::size_t source, std::function<std::size_t(std::size_t page_bytes)> expected) {
    expected_[source].push_back(std::move(expected));
  }
  /// Credit of what is on its way came home.
  void credit_came_home() { valve_->open(); }
  [[nodiscard]] const pipeline::Node<ReadPage, ReadPage>& node() const { return *node_; }

 private:
  RunState& state_;
  std::vector<Outlet<ReadPage>> outlets_;
  std::vector<std::vector<std::function<std::size_t(std::size_t)>>> expected_;
  std::unique_ptr<Valve<ReadPage>> valve_;
  std::optional<pipeline::Node<ReadPage, ReadPage>> node_;
};

}  // namespace riptide::stages
