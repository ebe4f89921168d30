#include "riptide/json/structurals.hpp"

namespace riptide::json {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

std::size_t utf8_sequence(std::string_view bytes) noexcept {
  const auto byte = [&](std::size_t index) -> unsigned {
    return index < bytes.size() ? static_cast<unsigned char>(bytes[index]) : 0u;
  };
  const auto continues = [&](std::size_t index) { return (byte(index) & 0xC0) == 0x80; };
  const unsigned lead = byte(0);
  if (bytes.empty()) return 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;   // overlong
    if (lead == 0xED && byte(1) >= 0xA0) return 0;  // surrogate
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;   // overlong
    if (lead == 0xF4 && byte(1) >= 0x90) return 0;  // over U+10FFFF
    return 4;
  }
  return 0;
}

// Finds what simdjson's stage 1 finds, its odd cases included: a backslash escapes outside of strings too, a quote that
// touches a number or literal opens a string but is no structural, and 0x0C and 0x1A count as separators (the walk
// refuses them). So the two can be compared place by place.
Result<void> scan_scalar(std::string_view text, std::vector<std::uint32_t>& positions) {
  positions.clear();
  bool in_string = false;
  bool escaped = false;
  bool after_scalar = false;
  bool control = false;
  for (std::size_t index = 0; index < text.size();) {
    const auto byte = static_cast<unsigned char>(text[index]);
    std::size_t length = 1;
    if (byte >= 0x80) {
      length = utf8_sequence(text.substr(index));
      if (length == 0) {
        return unexpected(ErrorKind::kMalformed, "not JSON: the text is not UTF-8, at byte " + std::to_string(index));
      }
    }
    const bool quote = byte == '"' && !escaped;
    escaped = byte == '\\' && !escaped;
    if (in_string) {
      if (quote) {
        in_string = false;
        after_scalar = false;
      } else if (byte < 0x20) {
        control = true;
      }
    } else {
      const bool space = byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
      const bool separator = byte == '{' || byte == '}' || byte == '[' || byte == ']' || byte == ':' || byte == ',' ||
                             byte == 0x0C || byte == 0x1A;
      if (separator || (!space && !after_scalar)) positions.push_back(static_cast<std::uint32_t>(index));
      in_string = quote;
      after_scalar = !space && !separator && !quote;
    }
    index += length;
  }
  if (in_string) return unexpected(ErrorKind::kMalformed, "not JSON: a string is not closed");
  if (control) return unexpected(ErrorKind::kMalformed, "not JSON: a control character in a string");
  if (positions.empty()) return unexpected(ErrorKind::kMalformed, "not JSON: the text is empty");
  return {};
}

}  // namespace riptide::json
