#include "jq/json_text.hpp"

#include "jq/number_text.hpp"
#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool hex4(const char* at, const char* end, std::uint32_t& unit) noexcept {
  if (end - at < 4) return false;
  unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(at[i]);
    if (digit < 0) return false;
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
  }
  return true;
}

bool unescape(std::string_view body, bool lenient, std::string& out) {
  const char* at = body.data();
  const char* const end = at + body.size();
  while (at < end) {
    const char* const plain = at;
    while (at < end && *at != '\\') ++at;
    out.append(plain, at);
    if (at == end) return true;
    if (end - at < 2) return false;
    const char kind = at[1];
    at += 2;
    switch (kind) {
      case '"':
      case '\\':
      case '/':
        out += kind;
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        std::uint32_t unit = 0;
        if (!hex4(at, end, unit)) return false;
        at += 4;
        std::uint32_t low = 0;
        if (unit >= 0xD800 && unit < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
            hex4(at + 2, end, low) && low >= 0xDC00 && low < 0xE000) {
          unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
          at += 6;
        } else if (unit >= 0xD800 && unit < 0xDC00 && !lenient) {
          return false;
        }
        utf8::append(out, unit);
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

bool word_value(std::string_view word, bool borrow, Value& value) {
  if (word == "null") return value = Value::null(), true;
  if (word == "true") return value = Value::boolean(true), true;
  if (word == "false") return value = Value::boolean(false), true;
  if (is_number_text(word)) return value = number_from_text(word, borrow), true;
  return named_number(word, value);
}

}  // namespace riptide::transform::jq
