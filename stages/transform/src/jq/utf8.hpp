#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// UTF-8, as strict as RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF.
namespace riptide::transform::jq::utf8 {

/// Appends a code point; one that is not a scalar value becomes U+FFFD.
void append(std::string& out, std::uint32_t code_point);

/// Decodes the sequence at the front of `text` (not empty). Returns its length, and -1 in `code_point` if it is
/// broken: the length is then that of the longest broken prefix (one U+FFFD stands for it).
std::size_t decode(std::string_view text, std::int32_t& code_point) noexcept;

/// Returns the length of the sequence at the front of `text`, broken or not; 0 if empty.
std::size_t sequence_length(std::string_view text) noexcept;

[[nodiscard]] bool valid(std::string_view text) noexcept;

/// Returns `text` with U+FFFD in place of what is broken.
std::string repaired(std::string_view text);

/// Counts code points of valid text.
std::size_t count(std::string_view text) noexcept;

/// Returns the byte offset of the code point number `index` of valid text, its size if there are fewer.
std::size_t offset(std::string_view text, std::size_t index) noexcept;

}  // namespace riptide::transform::jq::utf8
