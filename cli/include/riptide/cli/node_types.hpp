#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace riptide::cli {

/// What a node of a graph file is for.
enum class NodeRole : std::uint8_t { kSource, kTransform, kRoute, kBatch, kSink };

/// What an input takes, or an output gives. kSame: what its inputs bring.
enum class Carries : std::uint8_t { kNothing, kRecords, kEntities, kAny, kSame };

/// The shape of a field's value.
enum class FieldType : std::uint8_t {
  kText,
  kPath,        ///< Of a file.
  kUrl,         ///< http or https.
  kExpression,  ///< A jq program.
  kBool,
  kInteger,
  kNumber,
  kSize,      ///< Bytes: 64MiB.
  kDuration,  ///< 30s.
  kChoice,
  kTexts,          ///< A list of texts, or one text.
  kTextMap,        ///< Texts by name.
  kExpressionMap,  ///< jq programs by name, in file order.
  kKinds,          ///< A list of kinds: names, or blocks with `kind` and `selector`.
  kBlock,          ///< Any block: who reads it knows more.
};

/// One field of a node: what reads, checks, documents and defaults it, and puts it into the schema.
struct NodeField {
  std::string_view name;
  FieldType type = FieldType::kText;
  std::string_view says;  ///< One line for the documentation.
  bool required = false;
  std::string_view fallback = {};  ///< As the user would write it; empty if there is none.
  std::string_view choices = {};   ///< With kChoice: "a|b|c".
  double least = 0;                ///< Of numbers, sizes (bytes) and durations (seconds).
  double most = 9e15;
};

/// One type of node: the row that a new one adds.
struct NodeType {
  std::string_view name;
  NodeRole role = NodeRole::kTransform;
  Carries takes = Carries::kAny;
  Carries gives = Carries::kSame;
  std::string_view says;
  std::span<const NodeField> fields;

  [[nodiscard]] const NodeField* find(std::string_view field) const noexcept;
};

/// All types, in the order of the documentation.
std::span<const NodeType> node_types();
const NodeType* find_node_type(std::string_view name) noexcept;

std::string_view name_of(NodeRole role) noexcept;
std::string_view name_of(Carries what) noexcept;

/// The types as sections of Markdown, for docs/graphs.md.
std::string node_types_as_markdown();

/// The JSON Schema (2020-12) of a graph file, for editors.
std::string graph_schema();

}  // namespace riptide::cli
