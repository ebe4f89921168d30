#pragma once

#include <span>
#include <string>
#include <vector>

#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/mapping_reader.hpp"
#include "riptide/cli/problem.hpp"
#include "riptide/stages/field.hpp"

namespace riptide::cli {

/// What a field that no table has is: in some blocks the source refuses it, elsewhere it is ignored.
enum class UnknownField { kError, kWarning };

/// Checks the members of a block against their table: names, types, choices, expressions. Every problem has its place
/// in `origin`, says what to change, and has a suggestion where a name or choice looks like a slip. No value that
/// may be a secret is quoted.
///
/// @param where What messages call the block: "resources[0].selector".
void check_fields(const Tree& block, std::span<const stages::Field> fields, const std::string& where,
                  UnknownField unknown, const std::string& origin, std::vector<Problem>& problems);

/// Checks kind and selector of every block of a mapping against what the type knows. Blocks whose form is wrong
/// otherwise are left out: that was said already.
void check_selectors(const MappingReading& mapping, const IntegrationType& type, const std::string& origin,
                     std::vector<Problem>& problems);

}  // namespace riptide::cli
