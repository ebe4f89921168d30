#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fast_path.hpp"
#include "riptide/transform/jq.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::transform {

/// One compiled expression of a mapping.
struct CompiledExpression {
  const ExpressionSpec* spec = nullptr;        ///< Of the `MappingSpec` that the program owns.
  std::shared_ptr<const jq::Program> program;  ///< Null if it does not compile (lenient).
  std::string error;                           ///< Why it does not.
  fast::ClosureId closure = fast::kNoClosure;  ///< Of the resource's plan, if the fast path can do it.
  bool sees_part = false;                      ///< The evaluator needs only what the plan knows that it sees.
  std::uint32_t field = 0;                     ///< Its number within the resource, for the misconfigured fields.
};

/// A compiled search query.
struct CompiledSearch {
  std::vector<std::pair<std::string, CompiledExpression>> leaves;  ///< By name as a JSON key: `"operator":`.
  std::vector<CompiledSearch> rules;
  bool has_rules = false;
};

/// A compiled mapped value: one of the two.
struct CompiledValue {
  std::optional<CompiledExpression> expression;
  std::optional<CompiledSearch> search;
};

/// One object of `mappings`. Names are JSON keys with quotes and colon, from the second on with the comma before them.
struct CompiledEntity {
  CompiledValue identifier;
  CompiledValue blueprint;
  std::optional<CompiledValue> title;
  std::optional<CompiledValue> icon;
  std::optional<CompiledValue> team;
  std::vector<std::pair<std::string, CompiledValue>> properties;
  std::vector<std::pair<std::string, CompiledValue>> relations;
  bool has_properties = false;
  bool has_relations = false;
};

/// `itemsToParse` and what goes with it.
struct CompiledItems {
  CompiledExpression list;
  std::shared_ptr<const jq::Program> remove;  ///< `del(PATH)`; null: nothing is removed.
  bool removes_all = false;                   ///< PATH is `.`: every record is skipped, as in Ocean.
  std::string name;
  // For the fast path, where the resource has a plan:
  bool in_plan = false;                                    ///< The list and what is removed are in the plan.
  fast::PathTrie::NodeId removed = fast::PathTrie::kNone;  ///< What `remove` takes out.
  fast::PathTrie::NodeId item = fast::PathTrie::kNone;     ///< Where `name` lies.
};

/// What is known of an expression beside how to evaluate it.
struct CompiledField {
  const ExpressionSpec* spec = nullptr;
  std::string path;                            ///< Its place in the mapping.
  std::shared_ptr<const jq::Program> program;  ///< Null if it does not compile (lenient).
  bool fast_path = false;
  bool whole_record = false;  ///< The evaluator needs all of the record.
  std::string why;            ///< Why it is not on the fast path.
};

struct CompiledResource {
  fast::Plan plan;
  bool has_plan = false;  ///< At least one expression is in it.
  CompiledExpression selector;
  std::optional<CompiledItems> items;
  std::vector<CompiledEntity> entities;
  std::vector<CompiledField> fields;  ///< By `CompiledExpression::field`.
};

struct Mapping::Program {
  MappingSpec spec;
  EvaluationLimits limits;
  std::vector<CompiledResource> resources;
};

}  // namespace riptide::transform
