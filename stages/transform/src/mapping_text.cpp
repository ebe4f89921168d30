#include "mapping_text.hpp"

#include <cstdint>

#include "riptide/json/structurals.hpp"

namespace riptide::transform::mapping_text {

namespace {

/// Python's `\s` for text: everything that `str.isspace` accepts.
bool is_python_space(char32_t point) noexcept {
  return (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x20) || point == 0x85 || point == 0xA0 ||
         point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

char32_t point_of(std::string_view sequence) noexcept {
  const auto byte = [&](std::size_t index) {
    return static_cast<char32_t>(static_cast<unsigned char>(sequence[index]));
  };
  switch (sequence.size()) {
    case 2:
      return ((byte(0) & 0x1F) << 6) | (byte(1) & 0x3F);
    case 3:
      return ((byte(0) & 0x0F) << 12) | ((byte(1) & 0x3F) << 6) | (byte(2) & 0x3F);
    case 4:
      return ((byte(0) & 0x07) << 18) | ((byte(1) & 0x3F) << 12) | ((byte(2) & 0x3F) << 6) | (byte(3) & 0x3F);
    default:
      return byte(0);
  }
}

/// Bytes of the white space character that begins at `offset`; 0 if there is none.
std::size_t space_at(std::string_view text, std::size_t offset) noexcept {
  if (offset >= text.size()) return 0;
  const std::size_t length = json::utf8_sequence(text.substr(offset));
  if (length == 0 || !is_python_space(point_of(text.substr(offset, length)))) return 0;
  return length;
}

bool space_before(std::string_view text, std::size_t offset) noexcept {
  for (std::size_t length = 1; length <= 3 && length <= offset; ++length) {
    if (space_at(text, offset - length) == length) return true;
  }
  return false;
}

std::string_view stripped(std::string_view text) noexcept {
  while (const std::size_t length = space_at(text, 0)) text.remove_prefix(length);
  for (bool again = true; again && !text.empty();) {
    again = false;
    for (std::size_t length = 1; length <= 3 && length <= text.size(); ++length) {
      if (space_at(text, text.size() - length) != length) continue;
      text.remove_suffix(length);
      again = true;
      break;
    }
  }
  return text;
}

bool is_word(char byte) noexcept {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_' ||
         static_cast<unsigned char>(byte) >= 0x80;
}

std::size_t words(std::string_view text, std::size_t offset) noexcept {
  std::size_t end = offset;
  while (end < text.size() && is_word(text[end])) ++end;
  return end - offset;
}

/// Bytes of `[...]` at `offset`, with at least one byte inside; 0 if there is none.
std::size_t bracketed(std::string_view text, std::size_t offset) noexcept {
  if (offset >= text.size() || text[offset] != '[') return 0;
  const std::size_t close = text.find(']', offset);
  return close == std::string_view::npos || close == offset + 1 ? 0 : close + 1 - offset;
}

/// Bytes of `.word` or `.[...]` at `offset`; 0 if there is none.
std::size_t dotted(std::string_view text, std::size_t offset) noexcept {
  if (offset >= text.size() || text[offset] != '.') return 0;
  if (const std::size_t length = words(text, offset + 1)) return length + 1;
  if (const std::size_t length = bracketed(text, offset + 1)) return length + 1;
  return 0;
}

/// Bytes of the path that `segment` begins with; 0 if it begins with none.
std::size_t leading_path(std::string_view segment) noexcept {
  std::size_t end = dotted(segment, 0);
  if (end == 0) return 0;
  for (;;) {
    std::size_t length = dotted(segment, end);
    if (length == 0) length = bracketed(segment, end);
    if (length == 0) return end;
    end += length;
  }
}

}  // namespace

// The pattern is (^|\s)'(?!\s|")|(?<!\s|")'(\s|$), replaced once from left to right by \1"\2: a quote opens after white
// space and closes before it. White space that a match took is gone for the next one.
std::string ocean_quotes(std::string_view expression) {
  std::string out;
  out.reserve(expression.size());
  const auto opens = [&](std::size_t quote) {  // at a quote: neither white space nor `"` follows
    const std::size_t after = quote + 1;
    return space_at(expression, after) == 0 && !(after < expression.size() && expression[after] == '"');
  };
  for (std::size_t at = 0; at < expression.size();) {
    const bool quote = expression[at] == '\'';
    if (quote && at == 0 && opens(at)) {
      out += '"';
      ++at;
      continue;
    }
    if (const std::size_t space = space_at(expression, at);
        space != 0 && at + space < expression.size() && expression[at + space] == '\'' && opens(at + space)) {
      out.append(expression, at, space);
      out += '"';
      at += space + 1;
      continue;
    }
    if (quote && !space_before(expression, at) && !(at > 0 && expression[at - 1] == '"')) {
      const std::size_t space = space_at(expression, at + 1);
      if (space != 0 || at + 1 == expression.size()) {
        out += '"';
        out.append(expression, at + 1, space);
        at += 1 + space;
        continue;
      }
    }
    out += expression[at++];
  }
  return out;
}

std::string strict_quotes(std::string_view expression) {
  std::string out;
  out.reserve(expression.size());
  enum class In { kProgram, kDouble, kSingle, kComment };
  In in = In::kProgram;
  for (std::size_t at = 0; at < expression.size(); ++at) {
    const char byte = expression[at];
    switch (in) {
      case In::kProgram:
        if (byte == '\'') {
          in = In::kSingle;
          out += '"';
          continue;
        }
        if (byte == '"') in = In::kDouble;
        if (byte == '#') in = In::kComment;
        out += byte;
        break;
      case In::kComment:
        if (byte == '\n') in = In::kProgram;
        out += byte;
        break;
      case In::kDouble:
      case In::kSingle:
        if (byte == '\\' && at + 1 < expression.size()) {
          const char escaped = expression[++at];
          if (in == In::kSingle && escaped == '\'') {
            out += '\'';
          } else {
            out += byte;
            out += escaped;
          }
          break;
        }
        if (byte == (in == In::kDouble ? '"' : '\'')) {
          in = In::kProgram;
          out += '"';
        } else if (byte == '"') {
          out += "\\\"";
        } else {
          out += byte;
        }
        break;
    }
  }
  return out;
}

std::string items_path(std::string_view items_to_parse) {
  std::string_view text = stripped(items_to_parse);
  if (text.starts_with('(')) {
    const std::size_t close = text.find(')');
    if (close == std::string_view::npos) return ".";
    text = text.substr(1, close - 1);
  }
  while (!text.empty()) {
    const std::size_t bar = text.find('|');
    const std::string_view segment = stripped(text.substr(0, bar));
    // `. as $x`, `.` and `$x` need no rule of their own: none begins with a path.
    if (const std::size_t length = leading_path(segment)) return std::string(segment.substr(0, length));
    if (bar == std::string_view::npos) break;
    text.remove_prefix(bar + 1);
  }
  return ".";
}

}  // namespace riptide::transform::mapping_text
