#include "jq/formats.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "jq/json_writer.hpp"
#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void text_of(const Value& value, std::string& out) {
  if (value.is_string()) {
    out += value.string();
  } else {
    append_json(out, value);
  }
}

constexpr std::string_view kNul = "\\0";  // What the formats of rows, HTML and shells make of it.

std::string quoted_type(const Value& value) { return std::string(type_name(value)) + " (" + shortened(value) + ")"; }

bool row(const Value& value, bool tabs, std::string& out, std::string& error) {
  if (!value.is_array()) {
    error = quoted_type(value) + " cannot be " + (tabs ? "tsv" : "csv") + "-formatted, only array";
    return false;
  }
  for (std::uint32_t i = 0; i < array_size(value); ++i) {
    if (i > 0) out += tabs ? '\t' : ',';
    const Value& cell = array_at(value, i);
    switch (cell.tag()) {
      case Tag::kInvalid:
      case Tag::kNull:
        break;
      case Tag::kTrue:
        out += "true";
        break;
      case Tag::kFalse:
        out += "false";
        break;
      case Tag::kNumber:
      case Tag::kLiteral:
        if (cell.number() == cell.number()) append_number(out, cell);
        break;
      case Tag::kString:
        if (tabs) {
          for (const char c : cell.string()) {
            switch (c) {
              case '\0':
                out += kNul;
                break;
              case '\t':
                out += "\\t";
                break;
              case '\r':
                out += "\\r";
                break;
              case '\n':
                out += "\\n";
                break;
              case '\\':
                out += "\\\\";
                break;
              default:
                out += c;
            }
          }
        } else {
          out += '"';
          for (const char c : cell.string()) {
            if (c == '\0') {
              out += kNul;
              continue;
            }
            if (c == '"') out += '"';
            out += c;
          }
          out += '"';
        }
        break;
      case Tag::kArray:
      case Tag::kObject:
        error = quoted_type(cell) + " is not valid in a csv row";
        return false;
    }
  }
  return true;
}

void html(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '\0':
        out += kNul;
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '\'':
        out += "&apos;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
}

void uri(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool unuri(std::string_view text, std::string& out) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      bytes += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    bytes += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!utf8::valid(bytes)) return false;
  out += bytes;
  return true;
}

bool shell_word(const Value& value, std::string& out, std::string& error) {
  switch (value.tag()) {
    case Tag::kArray:
    case Tag::kObject:
      error = quoted_type(value) + " can not be escaped for shell";
      return false;
    case Tag::kString:
      out += '\'';
      for (const char c : value.string()) {
        if (c == '\'') {
          out += "'\\''";
        } else if (c == '\0') {
          out += kNul;
        } else {
          out += c;
        }
      }
      out += '\'';
      return true;
    case Tag::kInvalid:
    case Tag::kNull:
    case Tag::kFalse:
    case Tag::kTrue:
    case Tag::kNumber:
    case Tag::kLiteral:
      append_json(out, value);
      return true;
  }
  return true;
}

void base64(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, text.size() - i);
    for (std::size_t j = 0; j < 3; ++j)
      group = (group << 8) | (j < count ? static_cast<unsigned char>(text[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= count ? kBase64[(group >> (18 - 6 * j)) & 63u] : '=';
    }
  }
}

bool unbase64(const Value& value, std::string_view text, std::string& out, std::string& error) {
  std::string bytes;
  std::uint32_t group = 0;
  int count = 0;
  bool bad = false;
  for (const char c : text) {
    if (c == '=') break;
    const std::size_t digit = kBase64.find(c);
    if (digit == std::string_view::npos) {
      bad = true;
      break;
    }
    group = (group << 6) | static_cast<std::uint32_t>(digit);
    if (++count == 4) {
      bytes += static_cast<char>(group >> 16);
      bytes += static_cast<char>((group >> 8) & 255);
      bytes += static_cast<char>(group & 255);
      group = 0;
      count = 0;
    }
  }
  if (bad) {
    error = quoted_type(value) + " is not valid base64 data";
    return false;
  }
  if (count == 1) {
    error = quoted_type(value) + " trailing base64 byte found";
    return false;
  }
  if (count == 2) bytes += static_cast<char>((group >> 4) & 255);
  if (count == 3) {
    bytes += static_cast<char>((group >> 10) & 255);
    bytes += static_cast<char>((group >> 2) & 255);
  }
  out += utf8::repaired(bytes);
  return true;
}

void base32(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); i += 5) {
    std::uint64_t group = 0;
    const std::size_t count = std::min<std::size_t>(5, text.size() - i);
    for (std::size_t j = 0; j < 5; ++j)
      group = (group << 8) | (j < count ? static_cast<unsigned char>(text[i + j]) : 0u);
    constexpr std::array<std::size_t, 6> kDigits = {0, 2, 4, 5, 7, 8};
    for (std::size_t j = 0; j < 8; ++j) out += j < kDigits[count] ? kBase32[(group >> (35 - 5 * j)) & 31u] : '=';
  }
}

bool unbase32(const Value& value, std::string_view text, std::string& out, std::string& error) {
  std::string bytes;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    const std::size_t digit = kBase32.find(c);
    if (digit == std::string_view::npos) {
      error = quoted_type(value) + " is not valid base32 data";
      return false;
    }
    buffer = (buffer << 5) | static_cast<std::uint32_t>(digit);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((buffer >> bits) & 255u);
      buffer &= (1u << bits) - 1u;
    }
  }
  out += utf8::repaired(bytes);
  return true;
}

}  // namespace

bool is_format(std::string_view format) noexcept {
  constexpr std::array<std::string_view, 12> kFormats = {"text", "json", "csv",    "tsv",     "html",   "uri",
                                                         "urid", "sh",   "base64", "base64d", "base32", "base32d"};
  return std::find(kFormats.begin(), kFormats.end(), format) != kFormats.end();
}

bool format_value(std::string_view format, const Value& value, std::string& out, std::string& error) {
  if (format == "text" || format.empty()) {
    text_of(value, out);
    return true;
  }
  if (format == "json") {
    append_json(out, value);
    return true;
  }
  if (format == "csv" || format == "tsv") return row(value, format == "tsv", out, error);
  if (format == "sh") {
    if (!value.is_array()) return shell_word(value, out, error);
    for (std::uint32_t i = 0; i < array_size(value); ++i) {
      if (i > 0) out += ' ';
      if (!shell_word(array_at(value, i), out, error)) return false;
    }
    return true;
  }
  if (!is_format(format)) {
    error = std::string(format) + " is not a valid format";
    return false;
  }
  std::string text;
  text_of(value, text);
  if (format == "html") {
    html(text, out);
  } else if (format == "uri") {
    uri(text, out);
  } else if (format == "base64") {
    base64(text, out);
  } else if (format == "base32") {
    base32(text, out);
  } else if (format == "urid") {
    if (!unuri(text, out)) {
      error = quoted_type(value) + " is not a valid uri encoding";
      return false;
    }
  } else if (format == "base64d") {
    return unbase64(Value::string(text), text, out, error);
  } else {
    return unbase32(Value::string(text), text, out, error);
  }
  return true;
}

}  // namespace riptide::transform::jq
