#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json_value.hpp"

namespace riptide::e2e {

/// Holds a value against one of the JSON Schemas in docs/, as far as those use the language: type, enum, required,
/// properties, additionalProperties, items, maxItems, minimum, minLength, maxLength, $ref to #/$defs. Returns what is
/// wrong, at most ten sentences with the path. A word that is none of these (nor a mere description) is wrong too.
std::vector<std::string> against_schema(const Json& value, std::string_view schema_file);

}  // namespace riptide::e2e
