#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace riptide::transform {

/// One jq expression as the user wrote it, and where.
struct ExpressionSpec {
  std::string text;
  std::string path;  ///< Dotted place in the entity, e.g. "properties.url"; what reports name.
  int line = 0;      ///< 1-based, in the mapping's file; 0 if it does not come from a file.
  int column = 0;
};

struct SearchSpec;

/// A mapped value: an expression, or a search query whose leaves are expressions.
using ValueSpec = std::variant<ExpressionSpec, std::shared_ptr<const SearchSpec>>;

/// A search query: {combinator, rules: [rule | query]}; a rule is {property, operator, value}. All leaves are
/// expressions, kept under their names in file order.
struct SearchSpec {
  std::vector<std::pair<std::string, ExpressionSpec>> leaves;  ///< combinator, or property, operator and value.
  std::vector<SearchSpec> rules;
  bool has_rules = false;
};

/// `port.entity.mappings`: only keys that are present are evaluated and sent.
struct EntitySpec {
  std::optional<ValueSpec> identifier;
  std::optional<ValueSpec> blueprint;
  std::optional<ValueSpec> title;
  std::optional<ValueSpec> icon;
  std::optional<ValueSpec> team;
  std::vector<std::pair<std::string, ValueSpec>> properties;
  std::vector<std::pair<std::string, ValueSpec>> relations;
  bool has_properties = false;
  bool has_relations = false;
};

/// One block of `resources`.
struct ResourceSpec {
  std::string kind;
  ExpressionSpec selector;
  std::vector<std::pair<std::string, std::string>> selector_fields;  ///< Beside `query`, values as JSON text.
  std::optional<ExpressionSpec> items_to_parse;
  std::string item_name = "item";
  bool item_top_level_transform = true;
  std::vector<EntitySpec> entities;  ///< One for each mapping; Ocean has exactly one.
  int line = 0;
};

/// A whole mapping, read from YAML or JSON but not compiled.
struct MappingSpec {
  std::vector<ResourceSpec> resources;
  bool merge = true;
  bool create_missing_related = true;
  bool delete_dependents = true;
  double deletion_threshold = 0.9;
  std::string origin;  ///< Where it comes from, for messages: a file name, "the default mapping", "Port".
};

}  // namespace riptide::transform
