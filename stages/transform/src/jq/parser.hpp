#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "jq/ast.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::transform::jq {

/// Reads a program by jq 1.8's grammar. Nothing on an error, which is in `error` then.
std::optional<ast::Module> parse(std::string_view program, CompileError& error);

/// Reads definitions only, as the library of builtins is: each is a function without a body to apply it to.
std::optional<std::vector<std::unique_ptr<ast::Function>>> parse_library(std::string_view text, CompileError& error);

}  // namespace riptide::transform::jq
