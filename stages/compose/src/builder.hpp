#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graph_spec.hpp"
#include "resync/src/flow_run.hpp"
#include "riptide/graph.hpp"

namespace riptide::detail {

/// What a `Graph` and the streams of it share.
class Builder {
 public:
  explicit Builder(GraphOptions graph_options) : options(std::move(graph_options)) {}

  /// Adds a node behind others, and returns where its first output is.
  Origin add(const std::shared_ptr<Builder>& self, const Origin* from, NodeSpec node);
  /// Makes the graph ready, once. Errors: kConfig; the same each time.
  Result<void> ready();

  GraphOptions options;
  GraphSpec graph;
  std::vector<std::string> problems;  ///< Found while it was built.
  std::unique_ptr<stages::FlowRun> run;

 private:
  std::optional<Error> failure_;
};

}  // namespace riptide::detail
