#pragma once

#include <emmintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "jq/value.hpp"

/// The bytes and words of JSON texts, as jq takes them.
namespace riptide::transform::jq {

constexpr bool is_space(char c) noexcept {
  return static_cast<unsigned char>(c) <= ' ' && (c == ' ' || c == '\t' || c == '\n' || c == '\r');
}
constexpr bool is_structure(char c) noexcept {
  return c == '[' || c == ']' || c == '{' || c == '}' || c == ',' || c == ':' || c == '"';
}

constexpr std::array<bool, 256> make_word_ends() {
  std::array<bool, 256> ends{};
  for (std::size_t c = 0; c < ends.size(); ++c) {
    ends[c] = is_space(static_cast<char>(c)) || is_structure(static_cast<char>(c));
  }
  return ends;
}
inline constexpr std::array<bool, 256> kEndsWord = make_word_ends();

/// Which of 16 bytes a string does not just go on with: quotes, backslashes, control characters.
inline unsigned string_stops(__m128i block) noexcept {
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
  const __m128i marks =
      _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(control, marks)));
}

/// Reads four hexadecimal digits.
bool hex4(const char* at, const char* end, std::uint32_t& unit) noexcept;
/// Decodes the escapes of a string's body; false on a bad one. A lone high surrogate is one unless `lenient`.
bool unescape(std::string_view body, bool lenient, std::string& out);
/// Makes the value of a bare word; false if it is none that jq knows. Borrows its digits if `borrow`.
bool word_value(std::string_view word, bool borrow, Value& value);

}  // namespace riptide::transform::jq
