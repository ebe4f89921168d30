#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "jq/ast.hpp"

/// What keeps an expression from the fast path, in words for its author.
namespace riptide::transform::fast {

/// Goes on after "the expression": "uses test(), which needs the evaluator".
struct Reason {
  std::string text;
  bool weak = false;  ///< Gives way to any other.
};

/// Names what about this node itself, not its children, the fast path cannot do.
Reason reason_against(const jq::ast::Node& node);

/// A literal whole number that fits; jq's own forms of all others are the evaluator's business.
std::optional<std::int64_t> whole_number(const jq::ast::Node& node);

}  // namespace riptide::transform::fast
