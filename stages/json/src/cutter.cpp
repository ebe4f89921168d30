#include "riptide/json/cutter.hpp"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace riptide::json {
namespace {

constexpr std::size_t kStep = 64;

std::uint64_t mask(const __m128i (&blocks)[4], char c) noexcept {
  std::uint64_t found = 0;
  for (int i = 0; i < 4; ++i) {
    const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(blocks[i], _mm_set1_epi8(c)));
    found |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(bits)) << (16 * i);
  }
  return found;
}

/// Bit i: the parity of the bits up to i.
std::uint64_t parities(std::uint64_t bits) noexcept {
  bits ^= bits << 1;
  bits ^= bits << 2;
  bits ^= bits << 4;
  bits ^= bits << 8;
  bits ^= bits << 16;
  bits ^= bits << 32;
  return bits;
}

/// The first 64 bytes of a text; zeros, which mean nothing here, in the place of what is missing.
JsonMarks marks_of(std::string_view text) noexcept {
  char tail[kStep];
  const char* bytes = text.data();
  if (text.size() < kStep) {
    std::memset(tail, 0, kStep);
    std::memcpy(tail, text.data(), text.size());
    bytes = tail;
  }
  __m128i blocks[4];
  __m128i folded[4];  // [ and ] become { and }
  for (int i = 0; i < 4; ++i) {
    blocks[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * i));
    folded[i] = _mm_or_si128(blocks[i], _mm_set1_epi8(0x20));
  }
  const std::uint64_t breaks = mask(blocks, '\n');
  const std::uint64_t spaces = breaks | mask(blocks, ' ') | mask(blocks, '\t') | mask(blocks, '\r');
  return {.quotes = mask(blocks, '"'),
          .backslashes = mask(blocks, '\\'),
          .opens = mask(folded, '{'),
          .closes = mask(folded, '}'),
          .spaces = spaces,
          .breaks = breaks};
}

}  // namespace

std::uint64_t StringState::next(JsonMarks& marks, int length) noexcept {
  if (escaped_ || marks.backslashes != 0) {
    std::uint64_t escaped = escaped_ ? 1 : 0;
    escaped_ = false;
    std::uint64_t backslashes = marks.backslashes & ~escaped;
    while (backslashes != 0) {
      const int first = std::countr_zero(backslashes);
      if (first == length - 1) {
        escaped_ = true;
        break;
      }
      escaped |= std::uint64_t{2} << first;
      backslashes &= ~(std::uint64_t{3} << first);
    }
    marks.quotes &= ~escaped;
  }
  const std::uint64_t strings = parities(marks.quotes) ^ in_string_;
  in_string_ = (strings >> 63) != 0 ? ~std::uint64_t{0} : 0;
  return strings;
}

void Cutter::scan(std::string_view text, std::size_t from) {
  for (std::size_t at = from; at < text.size() && !broken_; at += kStep) {
    step(marks_of(text.substr(at)), at, static_cast<int>(std::min(text.size() - at, kStep)));
  }
}

void Cutter::step(const JsonMarks& found, std::size_t at, int length) {
  JsonMarks marks = found;
  const std::uint64_t strings = strings_.next(marks, length);
  const std::uint64_t wrong = marks.breaks & strings;
  broken_ = wrong != 0;
  const std::uint64_t counted = ~strings & (wrong == 0 ? ~std::uint64_t{0} : (wrong & (~wrong + 1)) - 1);
  const std::uint64_t opens = marks.opens & counted;
  const std::uint64_t closes = marks.closes & counted;
  const auto closing = static_cast<std::size_t>(std::popcount(closes));
  if (depth_ > closing) {
    depth_ += static_cast<std::size_t>(std::popcount(opens));
    depth_ -= closing;
    return;
  }
  // The outermost level may be reached: bracket by bracket.
  std::uint64_t events = opens | closes | ((marks.spaces | marks.quotes) & counted);
  while (events != 0) {
    const std::uint64_t bit = events & (~events + 1);
    events &= events - 1;
    if ((opens & bit) != 0) {
      ++depth_;
      continue;
    }
    const std::size_t behind = at + static_cast<std::size_t>(std::countr_zero(bit)) + 1;
    if ((closes & bit) != 0) {
      if (depth_ == 0) {
        broken_ = true;
        closed_ = behind;
        return;
      }
      --depth_;
    }
    if (depth_ != 0) continue;
    cut_ = behind;
    if ((marks.breaks & bit) != 0) line_cut_ = cut_;
  }
}

std::optional<std::size_t> bracket_end(std::string_view text, std::size_t begin) noexcept {
  StringState strings_state;
  std::size_t depth = 0;
  for (std::size_t at = begin; at < text.size(); at += kStep) {
    JsonMarks marks = marks_of(text.substr(at));
    const std::uint64_t strings = strings_state.next(marks, static_cast<int>(std::min(text.size() - at, kStep)));
    const std::uint64_t opens = marks.opens & ~strings;
    const std::uint64_t closes = marks.closes & ~strings;
    const auto closing = static_cast<std::size_t>(std::popcount(closes));
    if (depth > closing) {
      if ((marks.breaks & strings) != 0) return std::nullopt;
      depth += static_cast<std::size_t>(std::popcount(opens));
      depth -= closing;
      continue;
    }
    std::uint64_t events = opens | closes | (marks.breaks & strings);
    while (events != 0) {
      const std::uint64_t bit = events & (~events + 1);
      events &= events - 1;
      if ((opens & bit) != 0) {
        ++depth;
      } else if ((closes & bit) == 0 || depth == 0) {
        return std::nullopt;
      } else if (--depth == 0) {
        return at + static_cast<std::size_t>(std::countr_zero(bit)) + 1;
      }
    }
  }
  return std::nullopt;
}

void Cutter::drop(std::size_t bytes) noexcept {
  line_cut_ -= std::min(line_cut_, bytes);
  cut_ -= std::min(cut_, bytes);
}

std::size_t count_lines(std::string_view text) noexcept {
  std::size_t lines = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (end - at >= 16) {
    // Up to 255 blocks of 16 bytes, counted byte by byte.
    __m128i counts = _mm_setzero_si128();
    const std::ptrdiff_t blocks = std::min<std::ptrdiff_t>((end - at) / 16, 255);
    for (std::ptrdiff_t i = 0; i < blocks; ++i, at += 16) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      counts = _mm_sub_epi8(counts, _mm_cmpeq_epi8(block, _mm_set1_epi8('\n')));
    }
    const __m128i sums = _mm_sad_epu8(counts, _mm_setzero_si128());
    lines += static_cast<std::size_t>(_mm_cvtsi128_si64(sums)) +
             static_cast<std::size_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums)));
  }
  for (; at < end; ++at) lines += *at == '\n' ? 1 : 0;
  return lines;
}

}  // namespace riptide::json
