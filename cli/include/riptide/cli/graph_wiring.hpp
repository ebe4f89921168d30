#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "riptide/cli/config.hpp"
#include "riptide/cli/graph_file.hpp"
#include "riptide/cli/problem.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/graph.hpp"
#include "riptide/sinks/port_preparation.hpp"

namespace riptide::cli {

/// What the nodes of a graph file are made from, beside what the file says.
struct GraphMaterial {
  ConfigSources settings;              ///< Of the process: what nodes leave out.
  std::optional<MappingText> mapping;  ///< For `mapping` nodes that name none; nothing: the type's own.
  std::string run_id;
  bool only_described = false;                    ///< Nobody will be contacted: settings may be missing.
  std::optional<sinks::port::Prepared> prepared;  ///< What Port said; nothing: it is told nothing of the run.
  /// In the place of a node's own source or sink, for tests of graphs; null, or a null result: its own.
  std::function<std::shared_ptr<LocalSource>(const GraphFile::Node&)> other_source;
  std::function<std::unique_ptr<stages::Sink>(const GraphFile::Node&)> other_sink;
};

/// A graph file with its settings, mappings and tables: everything that can be wrong before anybody is contacted was
/// found.
class GraphParts {
 public:
  /// Reads settings, mappings and tables of the nodes. `file` is borrowed for as long as the parts live. Adds to
  /// `problems`; of no use if one is an error.
  GraphParts(const GraphFile& file, const GraphMaterial& material, std::vector<Problem>& problems);
  ~GraphParts();
  GraphParts(const GraphParts&) = delete;
  GraphParts& operator=(const GraphParts&) = delete;

  /// Options that the file and the settings decide.
  [[nodiscard]] GraphOptions options() const;
  /// Adds the nodes. Problems: a source or sink that cannot be made.
  void add_to(Graph& graph, std::vector<Problem>& problems);
  /// Settings of what belongs to no node.
  [[nodiscard]] const Config& settings() const;
  /// The sinks whose targets last, as `--sink` names them.
  [[nodiscard]] std::vector<sinks::SinkSpec> sink_specs() const;
  /// The settings that a Port sink of the graph works with, or null if it has none.
  [[nodiscard]] const Config* port_config() const;
  /// Values of secrets, which must never be shown.
  [[nodiscard]] std::vector<std::string> secrets() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace riptide::cli
