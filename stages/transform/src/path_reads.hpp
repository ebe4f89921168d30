#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jq/ast.hpp"

namespace riptide::transform {

/// One step of a path that a program reads.
struct ReadStep {
  enum class Kind : std::uint8_t { kRoot, kMember, kElement, kEach };
  Kind kind = Kind::kRoot;
  std::uint32_t parent = 0;
  std::string key;          ///< kMember.
  std::int64_t number = 0;  ///< kElement; negative from the end.
  jq::ast::Position at;     ///< Where it first stands in the program.
};

/// The paths that a program reads from its input, as a tree: step 0 is the input itself, parents come before their
/// children. What cannot be told from the text alone (computed keys, functions of the program's own, `..`) is left out.
std::vector<ReadStep> steps_read(const jq::ast::Module& module);

/// Writes a step with all before it as jq does: `.fields.tags[0].name`.
std::string path_text(const std::vector<ReadStep>& steps, std::uint32_t step);

}  // namespace riptide::transform
