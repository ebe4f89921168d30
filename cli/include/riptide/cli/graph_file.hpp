#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/cli/dotenv.hpp"
#include "riptide/cli/node_types.hpp"
#include "riptide/cli/problem.hpp"
#include "riptide/cli/tree.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::cli {

/// A graph as its file says it: named nodes with inputs. Nothing is opened or contacted.
struct GraphFile {
  struct Input {
    std::string node;
    std::string output;  ///< Of a route; empty otherwise.
    int line = 0;
    int column = 0;
  };
  struct Node {
    std::string name;
    const NodeType* type = nullptr;
    std::vector<Input> inputs;          ///< None of a source.
    Tree fields;                        ///< Without `type` and `inputs`; references are resolved.
    Carries gives = Carries::kNothing;  ///< kRecords, kEntities, or kNothing of a sink.
    int line = 0;
    int column = 0;

    // Fields as the table of node types says them: checked when the file was read, the table's default where the file
    // has none.
    [[nodiscard]] bool has(std::string_view field) const;
    [[nodiscard]] std::string text(std::string_view field) const;
    [[nodiscard]] std::vector<std::string> texts(std::string_view field) const;
    [[nodiscard]] std::int64_t integer(std::string_view field) const;
    [[nodiscard]] double number(std::string_view field) const;
    [[nodiscard]] std::size_t bytes(std::string_view field) const;
    [[nodiscard]] std::chrono::milliseconds duration(std::string_view field) const;
    /// Compiled programs of expressions: by field, and `field.name` in a map of them.
    std::map<std::string, std::shared_ptr<const transform::jq::Program>, std::less<>> programs;
  };
  std::string origin;  ///< The file, for messages.
  std::string name;
  std::optional<std::size_t> memory_bytes;
  std::optional<int> threads;
  std::optional<std::size_t> in_flight;
  std::vector<Node> nodes;           ///< In an order in which inputs come first, else as in the file.
  std::vector<std::string> secrets;  ///< Values that must never be shown.

  [[nodiscard]] const Node* find(std::string_view node) const noexcept;
};

struct GraphFileReading {
  GraphFile graph;  ///< Complete only if no problem is an error.
  std::vector<Problem> problems;
};

/// Reads and checks a graph: types, fields, programs, references, and the graph as a whole (unknown inputs, circles,
/// dead ends, records where entities are needed, buffers without a bound, two sinks for one file). Every problem has
/// its line and says what to change.
///
/// @param origin      What messages call it: a file name.
/// @param environment What `${env:...}` and `${secret:...}` see.
GraphFileReading read_graph_file(std::string_view text, const std::string& origin,
                                 const EnvironmentLookup& environment);

/// Whether a tree looks like a graph file: it has `nodes`.
[[nodiscard]] bool is_graph_file(const Tree& tree) noexcept;

}  // namespace riptide::cli
