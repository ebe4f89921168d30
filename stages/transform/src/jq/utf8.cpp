#include "jq/utf8.hpp"

namespace riptide::transform::jq::utf8 {

void append(std::string& out, std::uint32_t code_point) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) code_point = 0xFFFD;
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | (code_point >> 6));
    out += static_cast<char>(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | (code_point >> 12));
    out += static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code_point & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code_point >> 18));
    out += static_cast<char>(0x80 | ((code_point >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code_point & 0x3F));
  }
}

std::size_t decode(std::string_view text, std::int32_t& code_point) noexcept {
  const auto first = static_cast<unsigned char>(text[0]);
  code_point = -1;
  if (first < 0x80) {
    code_point = first;
    return 1;
  }
  std::size_t length = 0;
  std::uint32_t value = 0;
  std::uint32_t least = 0;
  if (first >= 0xC2 && first < 0xE0) {
    length = 2;
    value = first & 0x1Fu;
    least = 0x80;
  } else if (first >= 0xE0 && first < 0xF0) {
    length = 3;
    value = first & 0x0Fu;
    least = 0x800;
  } else if (first >= 0xF0 && first < 0xF5) {
    length = 4;
    value = first & 0x07u;
    least = 0x10000;
  } else {
    return 1;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xC0u) != 0x80u) return i;
    value = (value << 6) | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  }
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return length;
  code_point = static_cast<std::int32_t>(value);
  return length;
}

std::size_t sequence_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  std::int32_t code_point = 0;
  return decode(text, code_point);
}

bool valid(std::string_view text) noexcept {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text[0]) < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    std::int32_t code_point = 0;
    const std::size_t length = decode(text, code_point);
    if (code_point < 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string repaired(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::int32_t code_point = 0;
    const std::size_t length = decode(text, code_point);
    if (code_point < 0) {
      append(out, 0xFFFD);
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  return out;
}

std::size_t count(std::string_view text) noexcept {
  std::size_t points = 0;
  for (const char c : text) points += (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
  return points;
}

std::size_t offset(std::string_view text, std::size_t index) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0u) != 0x80u) {
      if (index == 0) return at;
      --index;
    }
    ++at;
  }
  return text.size();
}

}  // namespace riptide::transform::jq::utf8
