#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "riptide/cli/problem.hpp"
#include "riptide/cli/tree.hpp"
#include "riptide/transform/mapping_spec.hpp"

namespace riptide::cli {

struct MappingReading {
  transform::MappingSpec spec;  ///< Complete only if no problem is an error.
  std::vector<Problem> problems;
  /// Of each resource of `spec`, as written, with its place: the kind and the selector. Null where there is none.
  struct Block {
    Tree kind;
    Tree selector;
  };
  std::vector<Block> blocks;
};

/// Reads a mapping from YAML or JSON: a file, the default of an integration type, or the `config` of an integration in
/// Port. Strict about shapes (all problems are listed), tolerant of unknown fields (warnings with a suggestion).
/// Nothing is compiled here.
///
/// @param origin What messages call it: a file name, "the default mapping of octopus", "the mapping in Port".
MappingReading read_mapping(std::string_view text, const std::string& origin);

}  // namespace riptide::cli
