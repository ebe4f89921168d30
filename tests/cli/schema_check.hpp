#pragma once

#include <string>
#include <vector>

#include "riptide/cli/tree.hpp"

namespace riptide::cli {

/// Holds a value against a JSON Schema, as far as ours use the language; a word that is not known is a fault too.
/// Returns at most ten faults, with the path.
std::vector<std::string> against(const Tree& schema, const Tree& value);

}  // namespace riptide::cli
