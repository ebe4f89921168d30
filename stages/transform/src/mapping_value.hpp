#pragma once

#include <string>
#include <string_view>

/// Questions that the mapping asks of a value that has been written as compact JSON.
namespace riptide::transform::mapping_value {

/// True in the Python sense: not null, false, 0, "", [] or {}.
bool truthy(std::string_view json) noexcept;

inline bool is_string(std::string_view json) noexcept { return json.starts_with('"'); }
inline bool is_array(std::string_view json) noexcept { return json.starts_with('['); }
inline bool is_object(std::string_view json) noexcept { return json.starts_with('{'); }
inline bool is_null(std::string_view json) noexcept { return json.starts_with('n'); }

/// True for an array that has an object among its elements.
bool has_object_element(std::string_view json) noexcept;

/// Puts the string that Python's `str` makes of the number or boolean at `begin` of `out` in its place: 5 -> "5",
/// 1.0 -> "1", true -> "True". Leaves all else as it is.
void stringify(std::string& out, std::size_t begin);

/// The text by which an identity is compared: a string decoded, all else as it is written. Into `scratch` if it must.
std::string_view identity_text(std::string_view json, std::string& scratch);

}  // namespace riptide::transform::mapping_value
