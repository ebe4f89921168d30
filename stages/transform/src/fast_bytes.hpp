#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace riptide::transform::fast {

/// True if a backslash is among the `length` bytes at `text`; reads up to 31 bytes more, which the padding allows.
inline bool has_backslash(const char* text, std::size_t length) noexcept {
#if defined(__SSE2__)
  const __m128i backslash = _mm_set1_epi8('\\');
  const auto hits_at = [&](std::size_t at) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + at));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, backslash)));
  };
  for (std::size_t at = 0;; at += 32) {
    const std::uint32_t hits = hits_at(at) | (hits_at(at + 16) << 16);
    if (length - at <= 32) return (hits & static_cast<std::uint32_t>((std::uint64_t{1} << (length - at)) - 1)) != 0;
    if (hits != 0) return true;
  }
#else
  return std::memchr(text, '\\', length) != nullptr;
#endif
}

/// False if no backslash is among the `length` bytes at `text`; true if one is, or may be just behind them. Cheaper
/// than `has_backslash`, and reads no further behind.
inline bool may_have_backslash(const char* text, std::size_t length) noexcept {
#if defined(__SSE2__)
  if (length <= 32) {
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + 16));
    return _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(low, backslash), _mm_cmpeq_epi8(high, backslash))) != 0;
  }
#endif
  return has_backslash(text, length);
}

/// Calls `found(at)` for each place of `byte` in `text`.
template <class Found>
void for_each_byte(std::string_view text, char byte, Found&& found) {
  std::size_t at = 0;
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8(byte);
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)));
    for (; hits != 0; hits &= hits - 1) found(at + static_cast<std::size_t>(std::countr_zero(hits)));
  }
#endif
  for (; at < text.size(); ++at) {
    if (text[at] == byte) found(at);
  }
}

/// Copies `from` to `to` and returns the end of the copy. For the short texts that entities are made of, which a call
/// of memcpy costs more than the copy.
inline char* copy_short(std::string_view from, char* to) noexcept {
  const char* const source = from.data();
  const std::size_t size = from.size();
  if (size > 32) {
    std::memcpy(to, source, size);
  } else if (size >= 16) {
    std::memcpy(to, source, 16);
    std::memcpy(to + size - 16, source + size - 16, 16);
  } else if (size >= 8) {
    std::memcpy(to, source, 8);
    std::memcpy(to + size - 8, source + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(to, source, 4);
    std::memcpy(to + size - 4, source + size - 4, 4);
  } else {
    for (std::size_t index = 0; index < size; ++index) to[index] = source[index];
  }
  return to + size;
}

}  // namespace riptide::transform::fast
