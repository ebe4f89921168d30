#pragma once

#include <string>
#include <string_view>

#include "jq/value.hpp"

namespace riptide::transform::jq {

/// Appends `text` as a JSON string, as jq escapes it (U+007F too).
void append_json_string(std::string& out, std::string_view text);

/// Appends a value as jq -c prints it. False once `out` is longer than `max_size`; `out` then holds a part.
bool append_json(std::string& out, const Value& value, std::size_t max_size);
/// The same within what is left of the current heap's budget: a value can be small in memory and huge as text, as its
/// parts are shared. Throws LimitExceeded.
void append_json(std::string& out, const Value& value);

/// The JSON text of a value, shortened as in jq's error messages.
std::string shortened(const Value& value);

}  // namespace riptide::transform::jq
