#pragma once

#include <optional>
#include <string_view>

#include "jq/ast.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::transform::jq {

/// Reads a program by jq 1.8's grammar. Nothing on an error, which is in `error` then.
std::optional<ast::Module> parse(std::string_view program, CompileError& error);

/// Reads a module, or the library of builtins: what it imports, and definitions.
std::optional<ast::Module> parse_library(std::string_view text, CompileError& error);

}  // namespace riptide::transform::jq
