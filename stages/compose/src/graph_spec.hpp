#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "riptide/local_source.hpp"
#include "riptide/mapping.hpp"
#include "riptide/node_options.hpp"
#include "riptide/stages/sink.hpp"
#include "riptide/stages/source.hpp"
#include "riptide/stream.hpp"

namespace riptide {

/// A node as its user described it.
struct NodeSpec {
  enum class Type : std::uint8_t {
    kSource,
    kFilter,
    kEdit,
    kExpand,
    kAsync,
    kStateful,
    kRoute,
    kMapping,
    kEntities,
    kSink,
  };
  Type type = Type::kFilter;
  std::string name;
  std::string says;
  std::vector<detail::Output> inputs;  ///< Each of a node that stands before this one.
  detail::Carries takes = detail::Carries::kRecords;
  detail::Carries gives = detail::Carries::kRecords;
  StageOptions options;

  // By type: what runs there.
  std::shared_ptr<const stages::Source> source;  ///< One of these two.
  std::shared_ptr<LocalSource> local_source;
  SourceOptions source_options;
  detail::FilterBody filter;
  detail::EditBody edit;
  detail::ExpandBody expand;
  detail::AskBody ask;
  detail::StatefulBody stateful;
  detail::ChooseBody choose;
  std::optional<Mapping> mapping;
  std::unique_ptr<stages::Sink> sink;
  SinkOptions sink_options;

  /// Of a route: the names of its outputs. All others have one output without a name.
  std::vector<std::string> outputs;
  std::optional<std::size_t> otherwise;  ///< Of a route: the output for the rest, if somebody takes it.

  [[nodiscard]] std::size_t num_outputs() const noexcept {
    if (type == Type::kSink) return 0;
    return type == Type::kRoute ? outputs.size() : 1;
  }
  [[nodiscard]] bool is_source() const noexcept { return type == Type::kSource; }
  [[nodiscard]] bool is_mapping() const noexcept { return type == Type::kMapping; }
  [[nodiscard]] bool is_sink() const noexcept { return type == Type::kSink; }
  /// Runs a body of the user's.
  [[nodiscard]] bool is_stage() const noexcept { return !is_source() && !is_mapping() && !is_sink(); }
  /// Gives no more than one item for each that comes, at one output.
  [[nodiscard]] bool at_most_one() const noexcept {
    return type == Type::kFilter || type == Type::kEdit || type == Type::kAsync || type == Type::kEntities;
  }
};

/// A graph as its user described it: nodes in an order in which inputs come first.
using GraphSpec = std::vector<NodeSpec>;

/// What the graph says of the way things take through it.
class Ways {
 public:
  explicit Ways(const GraphSpec& graph);

  struct Taker {
    std::size_t node = 0;
    std::size_t input = 0;
  };
  /// Who takes from an output of a node.
  [[nodiscard]] const std::vector<Taker>& takers(std::size_t node, std::size_t output) const {
    return takers_.at(node).at(output);
  }
  /// Whether something that leaves `from` can come to `to`; a node comes to itself.
  [[nodiscard]] bool leads(std::size_t from, std::size_t to) const { return leads_.at(from).at(to); }
  /// Whether records of a source come to a node without having been mapped.
  [[nodiscard]] bool raw(std::size_t source, std::size_t node) const { return raw_.at(source).at(node); }
  /// The nodes on the only way to `to`, first the source, if there is one only, and if nothing on it but a mapping can
  /// give more than one item for each that comes, or send it elsewhere. Empty otherwise.
  [[nodiscard]] std::vector<std::size_t> single_chain(std::size_t to) const;
  /// Whether every sink hangs on every mapping, and on nothing else, and every mapping on a source: the shape of a
  /// plain resync.
  [[nodiscard]] bool plain() const noexcept { return plain_; }

 private:
  const GraphSpec& graph_;
  std::vector<std::vector<std::vector<Taker>>> takers_;
  std::vector<std::vector<bool>> leads_;
  std::vector<std::vector<bool>> raw_;
  bool plain_ = false;
};

/// Everything that is wrong with a graph as it stands, one sentence each.
std::vector<std::string> problems_of(const GraphSpec& graph);

}  // namespace riptide
