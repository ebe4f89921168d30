#pragma once

#include <string>
#include <string_view>

#include "jq/value.hpp"

namespace riptide::transform::jq {

/// Appends `value` by a format: "text" (or ""), "json", "csv", "tsv", "html", "uri", "urid", "sh", "base64",
/// "base64d", "base32", "base32d". False: `error` has jq's message.
bool format_value(std::string_view format, const Value& value, std::string& out, std::string& error);

/// True for a format that there is.
bool is_format(std::string_view format) noexcept;

}  // namespace riptide::transform::jq
