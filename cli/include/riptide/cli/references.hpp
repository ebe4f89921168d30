#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "riptide/cli/dotenv.hpp"
#include "riptide/cli/problem.hpp"
#include "riptide/cli/tree.hpp"

namespace riptide::cli {

/// Puts values in the place of references in every text of a tree: `${env:NAME}`, `${env:NAME:-what else}`, and
/// `${secret:NAME}`, which is the variable NAME, or what the file that NAME_FILE names holds. `$${env:` stands for
/// itself. The value stays a text: fields that want a number take one as text too.
///
/// @param secrets Receives the values of secrets, which must never be shown.
/// Problems: a variable that is not set, a reference that is not closed; each with its place, none with a value.
void resolve_references(Tree& tree, const std::string& origin, const EnvironmentLookup& environment,
                        std::vector<std::string>& secrets, std::vector<Problem>& problems);

}  // namespace riptide::cli
