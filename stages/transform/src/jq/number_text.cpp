#include "jq/number_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

#include "jq/value.hpp"

namespace riptide::transform::jq {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

Value make_literal(std::string_view text, bool borrow, double number) {
  if (text.size() >= (std::size_t{1} << 29)) throw LimitExceeded{"number exceeds the size limit"};
  void* memory = Heap::current()->allocate(sizeof(LiteralNode) + (borrow ? 0 : text.size()));
  auto* node = new (memory) LiteralNode();
  node->size = static_cast<std::uint32_t>(text.size());
  node->number = number;
  if (borrow) {
    node->references = NodeHead::kImmortal;
    node->text = text.data();
  } else {
    node->owned = true;
    std::memcpy(reinterpret_cast<char*>(node + 1), text.data(), text.size());
    node->text = reinterpret_cast<const char*>(node + 1);
  }
  return Value::adopt(Tag::kLiteral, node);
}

// As decNumber prints: plain while the exponent is not positive and the number not below 10^-6.
void append_decimal(std::string& out, const Decimal& decimal) {
  const std::string_view digits = decimal.zero() ? std::string_view("0") : std::string_view(decimal.digits);
  const auto count = static_cast<long long>(digits.size());
  const long long adjusted = decimal.exponent + count - 1;
  if (decimal.negative) out += '-';
  if (decimal.exponent <= 0 && adjusted >= -6) {
    const long long whole = count + decimal.exponent;
    if (whole <= 0) {
      out += "0.";
      out.append(static_cast<std::size_t>(-whole), '0');
      out += digits;
    } else {
      out += digits.substr(0, static_cast<std::size_t>(whole));
      if (decimal.exponent < 0) {
        out += '.';
        out += digits.substr(static_cast<std::size_t>(whole));
      }
    }
    return;
  }
  out += digits[0];
  if (count > 1) {
    out += '.';
    out += digits.substr(1);
  }
  out += adjusted < 0 ? "E-" : "E+";
  out += std::to_string(adjusted < 0 ? -adjusted : adjusted);
}

}  // namespace

std::string_view Decimal::significant() const noexcept {
  std::string_view text = digits;
  while (!text.empty() && text.back() == '0') text.remove_suffix(1);
  return text;
}

Decimal read_decimal(std::string_view text) {
  Decimal result;
  std::size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) result.negative = text[at++] == '-';
  bool fraction = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.') {
      fraction = true;
    } else if (c == 'e' || c == 'E') {
      bool minus = false;
      long long exponent = 0;
      ++at;
      if (at < text.size() && (text[at] == '-' || text[at] == '+')) minus = text[at++] == '-';
      for (; at < text.size(); ++at) exponent = std::min(exponent * 10 + (text[at] - '0'), 1'000'000'000'000LL);
      result.exponent += minus ? -exponent : exponent;
      break;
    } else {
      if (fraction) --result.exponent;
      if (!(c == '0' && result.digits.empty())) result.digits += c;
    }
  }
  return result;
}

bool is_number_text(std::string_view text) noexcept {
  std::size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  std::size_t digits = 0;
  while (at < text.size() && is_digit(text[at])) ++at, ++digits;
  if (at < text.size() && text[at] == '.') {
    ++at;
    while (at < text.size() && is_digit(text[at])) ++at, ++digits;
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t first = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == first) return false;
  }
  return at == text.size();
}

bool named_number(std::string_view text, Value& value) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.size() != 3 && text.size() != 8) return false;
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (lower == "nan") {
    value = Value::number(std::numeric_limits<double>::quiet_NaN());
    return true;
  }
  if (lower != "inf" && lower != "infinity") return false;
  const double infinity = std::numeric_limits<double>::infinity();
  value = Value::number(negative ? -infinity : infinity);
  return true;
}

double to_double(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  (void)end;
  if (error == std::errc::result_out_of_range) {
    const Decimal decimal = read_decimal(text);
    value = decimal.point() > 0 ? std::numeric_limits<double>::infinity() : 0.0;
    return decimal.negative ? -value : value;
  }
  return value;
}

Value number_from_text(std::string_view text, bool borrow) {
  // Integers of at most 15 digits are exact, and print as they are written.
  if (text.size() <= 16 && !text.empty()) {
    const bool negative = text[0] == '-';
    const std::string_view digits = text.substr(negative ? 1 : 0);
    bool plain = !digits.empty() && digits.size() <= 15 && (digits[0] != '0' || (digits.size() == 1 && !negative));
    std::int64_t whole = 0;
    for (const char c : digits) {
      if (!is_digit(c)) {
        plain = false;
        break;
      }
      whole = whole * 10 + (c - '0');
    }
    if (plain) return Value::number(static_cast<double>(negative ? -whole : whole));
  }
  return make_literal(text, borrow, to_double(text));
}

void append_double(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "null";
    return;
  }
  if (std::isinf(value)) value = value > 0 ? std::numeric_limits<double>::max() : std::numeric_limits<double>::lowest();
  char buffer[48];
  if (std::fabs(value) < 1e15 && value == std::trunc(value) && !(value == 0 && std::signbit(value))) {
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(value));
    (void)error;
    out.append(buffer, end);
    return;
  }
  // The shortest digits that read back as the same double, laid out by jq's rules.
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  (void)error;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  if (text[0] == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t mark = text.find('e');
  char digits[24];
  std::size_t count = 0;
  for (const char c : text.substr(0, mark)) {
    if (c != '.') digits[count++] = c;
  }
  int exponent = 0;
  std::string_view written = text.substr(mark + 1);
  if (written[0] == '+') written.remove_prefix(1);
  std::from_chars(written.data(), written.data() + written.size(), exponent);
  const int point = exponent + 1;
  const std::string_view shown(digits, count);
  if (value == 0) {
    out += '0';
  } else if (point <= -4 || point > static_cast<int>(count) + 15) {
    out += shown[0];
    if (count > 1) {
      out += '.';
      out += shown.substr(1);
    }
    out += exponent < 0 ? "e-" : "e+";
    const int size = std::abs(exponent);
    if (size < 10) out += '0';
    out += std::to_string(size);
  } else if (point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += shown;
  } else if (static_cast<std::size_t>(point) >= count) {
    out += shown;
    out.append(static_cast<std::size_t>(point) - count, '0');
  } else {
    out += shown.substr(0, static_cast<std::size_t>(point));
    out += '.';
    out += shown.substr(static_cast<std::size_t>(point));
  }
}

void append_number(std::string& out, const Value& value) {
  if (value.tag() != Tag::kLiteral) {
    append_double(out, value.number());
    return;
  }
  const LiteralNode* node = value.literal_node();
  append_decimal(out, read_decimal({node->text, node->size}));
}

Value negated(const Value& number) {
  // An untouched zero has no negative: jq's decimals have none either.
  if (number.tag() != Tag::kLiteral) return Value::number(number.number() == 0 ? 0.0 : -number.number());
  const LiteralNode* node = number.literal_node();
  std::string_view text(node->text, node->size);
  if (text[0] == '-' || text[0] == '+') {
    const bool negative = text[0] == '-';
    text.remove_prefix(1);
    if (negative) return make_literal(text, false, to_double(text));
  }
  if (read_decimal(text).zero()) return make_literal(text, false, 0.0);
  const std::string minus = "-" + std::string(text);
  return make_literal(minus, false, to_double(minus));
}

}  // namespace riptide::transform::jq
