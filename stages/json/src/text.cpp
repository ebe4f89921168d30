#include <charconv>
#include <cstring>

#include "riptide/json/document.hpp"
#include "riptide/json/structurals.hpp"

namespace riptide::json {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

int hex_digit(char byte) noexcept {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

/// The four hex digits at `offset`, or -1.
int unit_at(std::string_view text, std::size_t offset) noexcept {
  if (offset + 4 > text.size()) return -1;
  int unit = 0;
  for (std::size_t index = 0; index < 4; ++index) {
    const int digit = hex_digit(text[offset + index]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

/// One escape of a raw string: its code point and how many raw bytes it takes. Zero bytes if it is malformed.
struct Escape {
  char32_t point = 0;
  std::size_t length = 0;
};

Escape escape_at(std::string_view text, std::size_t offset) noexcept {
  if (offset + 1 >= text.size()) return {};
  switch (text[offset + 1]) {
    case '"':
      return {U'"', 2};
    case '\\':
      return {U'\\', 2};
    case '/':
      return {U'/', 2};
    case 'b':
      return {U'\b', 2};
    case 'f':
      return {U'\f', 2};
    case 'n':
      return {U'\n', 2};
    case 'r':
      return {U'\r', 2};
    case 't':
      return {U'\t', 2};
    case 'u':
      break;
    default:
      return {};
  }
  const int high = unit_at(text, offset + 2);
  if (high < 0) return {};
  if (high < 0xD800 || high > 0xDFFF) return {static_cast<char32_t>(high), 6};
  if (high <= 0xDBFF && text.substr(offset + 6).starts_with("\\u")) {
    const int low = unit_at(text, offset + 8);
    if (low >= 0xDC00 && low <= 0xDFFF) {
      return {static_cast<char32_t>(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 12};
    }
  }
  return {0xFFFD, 6};  // a lone surrogate
}

/// The UTF-8 bytes of one code point.
struct Utf8 {
  char bytes[4];
  std::size_t length = 0;

  explicit Utf8(char32_t point) noexcept {
    if (point < 0x80) {
      put(point);
    } else if (point < 0x800) {
      put(0xC0 | (point >> 6));
      put(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
      put(0xE0 | (point >> 12));
      put(0x80 | ((point >> 6) & 0x3F));
      put(0x80 | (point & 0x3F));
    } else {
      put(0xF0 | (point >> 18));
      put(0x80 | ((point >> 12) & 0x3F));
      put(0x80 | ((point >> 6) & 0x3F));
      put(0x80 | (point & 0x3F));
    }
  }
  void put(char32_t byte) noexcept { bytes[length++] = static_cast<char>(static_cast<unsigned char>(byte)); }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes, length}; }
};

void append_utf8(char32_t point, std::string& out) { out += Utf8(point).view(); }

/// Appends one character below 0x80 as it must stand in a JSON string.
void append_escaped(char byte, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto code = static_cast<unsigned char>(byte);
  if (code >= 0x20) {
    out += byte;
    return;
  }
  out += "\\u00";
  out += kHex[code >> 4];
  out += kHex[code & 15];
}

bool is_raw_string(std::string_view raw) noexcept { return raw.size() >= 2 && raw.front() == '"' && raw.back() == '"'; }

/// Calls `plain(view)` for stretches without escapes and `escape(point)` for each escape. False on a malformed one.
template <class Plain, class Point>
bool for_each_part(std::string_view body, Plain&& plain, Point&& point) {
  std::size_t offset = 0;
  while (offset < body.size()) {
    const void* const found = std::memchr(body.data() + offset, '\\', body.size() - offset);
    if (found == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - body.data());
    if (at > offset) plain(body.substr(offset, at - offset));
    const Escape escape = escape_at(body, at);
    if (escape.length == 0) return false;
    point(escape.point);
    offset = at + escape.length;
  }
  if (offset < body.size()) plain(body.substr(offset));
  return true;
}

}  // namespace

Result<void> append_decoded(std::string_view raw_string, std::string& out) {
  if (!is_raw_string(raw_string)) return unexpected(ErrorKind::kMalformed, "not a JSON string");
  const std::size_t before = out.size();
  const bool good = for_each_part(
      raw_string.substr(1, raw_string.size() - 2), [&](std::string_view part) { out += part; },
      [&](char32_t point) { append_utf8(point, out); });
  if (good) return {};
  out.resize(before);
  return unexpected(ErrorKind::kMalformed, "a JSON string with a malformed escape");
}

Result<std::string> decoded(std::string_view raw_string) {
  std::string out;
  if (auto done = append_decoded(raw_string, out); !done) return pipeline::Unexpected{std::move(done).error()};
  return out;
}

std::string text_of(std::string_view raw) {
  if (raw.starts_with('"')) {
    if (auto text = decoded(raw)) return *std::move(text);
  }
  return std::string(raw);
}

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(text, out);
  return out;
}

bool has_canonical_escapes(std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const void* const found = std::memchr(at, '\\', static_cast<std::size_t>(end - at));
    if (found == nullptr) return true;
    at = static_cast<const char*>(found) + 1;
    if (at == end || std::memchr("\"\\bfnrt", *at, 7) == nullptr) return false;
    ++at;
  }
  return true;
}

bool append_canonical(std::string_view raw_string, std::string& out) {
  if (!is_raw_string(raw_string)) return false;
  if (has_canonical_escapes(raw_string.substr(1, raw_string.size() - 2))) {
    out += raw_string;
    return true;
  }
  const std::size_t before = out.size();
  out += '"';
  const bool good = for_each_part(
      raw_string.substr(1, raw_string.size() - 2), [&](std::string_view part) { out += part; },
      [&](char32_t point) {
        if (point < 0x80) {
          append_escaped(static_cast<char>(point), out);
        } else {
          append_utf8(point, out);
        }
      });
  out += '"';
  if (!good) out.resize(before);
  return good;
}

void append_quoted(std::string_view text, std::string& out) {
  out += '"';
  std::size_t plain = 0;  // begin of the stretch that needs no change
  for (std::size_t index = 0; index < text.size();) {
    const auto byte = static_cast<unsigned char>(text[index]);
    if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
      ++index;
      continue;
    }
    if (byte >= 0x80) {
      const std::size_t length = utf8_sequence(text.substr(index));
      if (length != 0) {
        index += length;
        continue;
      }
    }
    out.append(text, plain, index - plain);
    if (byte >= 0x80) {
      out += kReplacement;
    } else {
      append_escaped(text[index], out);
    }
    plain = ++index;
  }
  out.append(text, plain, text.size() - plain);
  out += '"';
}

void append_repaired_utf8(std::string_view text, std::string& out) {
  std::size_t plain = 0;
  for (std::size_t index = 0; index < text.size();) {
    if (static_cast<unsigned char>(text[index]) < 0x80) {
      ++index;
      continue;
    }
    const std::size_t length = utf8_sequence(text.substr(index));
    if (length != 0) {
      index += length;
      continue;
    }
    out.append(text, plain, index - plain);
    out += kReplacement;
    // One replacement for a lead byte and the continuation bytes that it asked for and got.
    const auto lead = static_cast<unsigned char>(text[index]);
    std::size_t wanted = lead >= 0xF0 && lead <= 0xF7  ? 3
                         : lead >= 0xE0 && lead < 0xF0 ? 2
                         : lead >= 0xC0 && lead < 0xE0 ? 1
                                                       : 0;
    ++index;
    while (wanted > 0 && index < text.size() && (static_cast<unsigned char>(text[index]) & 0xC0) == 0x80) {
      ++index;
      --wanted;
    }
    plain = index;
  }
  out.append(text, plain, text.size() - plain);
}

bool is_number(std::string_view token) noexcept {
  std::size_t index = 0;
  const auto digit = [&] { return index < token.size() && token[index] >= '0' && token[index] <= '9'; };
  const auto digits = [&] {
    if (!digit()) return false;
    while (digit()) ++index;
    return true;
  };
  if (index < token.size() && token[index] == '-') ++index;
  if (index < token.size() && token[index] == '0') {
    ++index;
  } else if (!digits()) {
    return false;
  }
  if (index < token.size() && token[index] == '.') {
    ++index;
    if (!digits()) return false;
  }
  if (index < token.size() && (token[index] == 'e' || token[index] == 'E')) {
    ++index;
    if (index < token.size() && (token[index] == '+' || token[index] == '-')) ++index;
    if (!digits()) return false;
  }
  return index == token.size();
}

bool is_scalar(std::string_view token) noexcept {
  if (token.empty()) return false;
  switch (token.front()) {
    case '"':
      return is_raw_string(token) && for_each_part(
                                         token.substr(1, token.size() - 2), [](std::string_view) {}, [](char32_t) {});
    // memcmp with a constant size is a comparison of words; string_view's == is a call.
    case 't':
      return token.size() == 4 && std::memcmp(token.data(), "true", 4) == 0;
    case 'f':
      return token.size() == 5 && std::memcmp(token.data(), "false", 5) == 0;
    case 'n':
      return token.size() == 4 && std::memcmp(token.data(), "null", 4) == 0;
    default:
      return is_number(token);
  }
}

bool key_equals(std::string_view raw_key, std::string_view key) noexcept {
  // An escape is longer than what it stands for, so a key with one is longer than its text.
  if (raw_key.size() < key.size()) return false;
  if (raw_key.size() == key.size()) {
    return raw_key.empty() || (std::memcmp(raw_key.data(), key.data(), key.size()) == 0 &&
                               std::memchr(raw_key.data(), '\\', raw_key.size()) == nullptr);
  }
  if (std::memchr(raw_key.data(), '\\', raw_key.size()) == nullptr) return false;
  std::size_t matched = 0;
  bool equal = true;
  const auto compare = [&](std::string_view part) {
    equal = equal && key.substr(matched).starts_with(part);
    matched += equal ? part.size() : 0;
  };
  const bool good = for_each_part(raw_key, compare, [&](char32_t point) { compare(Utf8(point).view()); });
  return good && equal && matched == key.size();
}

std::optional<std::uint64_t> to_uint64(std::string_view raw_number) noexcept {
  std::uint64_t number = 0;
  if (!is_number(raw_number)) return std::nullopt;
  const auto [end, failure] = std::from_chars(raw_number.data(), raw_number.data() + raw_number.size(), number);
  if (failure != std::errc{} || end != raw_number.data() + raw_number.size()) return std::nullopt;
  return number;
}

}  // namespace riptide::json
