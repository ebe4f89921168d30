#pragma once

#include "jq/compiler.hpp"

namespace riptide::transform::jq {

/// Finds out which parts of a program can have more than one output (`Code::single` and its like).
void find_single_outputs(CompiledCode& program);

}  // namespace riptide::transform::jq
