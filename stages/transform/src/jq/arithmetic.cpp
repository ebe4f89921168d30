#include <cmath>
#include <limits>
#include <string>

#include "jq/json_writer.hpp"
#include "jq/machine.hpp"
#include "jq/native_stack.hpp"
#include "jq/raised.hpp"

namespace riptide::transform::jq {
namespace {

constexpr std::uint32_t kMaxDepth = 10'000;

bool refuse(std::string& error, const Value& left, const Value& right, const char* what) {
  error = std::string(type_name(left)) + " (" + shortened(left) + ") and " + std::string(type_name(right)) + " (" +
          shortened(right) + ") cannot be " + what;
  return false;
}

// As jq casts doubles to integers: saturating.
std::intmax_t to_integer(double value) noexcept {
  if (value >= 9223372036854775808.0) return std::numeric_limits<std::intmax_t>::max();
  if (value <= -9223372036854775808.0) return std::numeric_limits<std::intmax_t>::min();
  return static_cast<std::intmax_t>(value);
}

void merge(Value& left, Value& right, std::uint32_t depth) {
  Heap::current()->spend(1);
  if (depth > kMaxDepth) throw ErrorRaised{"Object merge too deep"};
  for (std::uint32_t i = 0; i < object_size(right); ++i) {
    const ObjectEntry& entry = object_entry(right, i);
    Value& slot = object_slot(left, entry.key);
    if (slot.is_object() && entry.value.is_object()) {
      Value below = std::move(slot);
      Value other = entry.value;
      with_native_stack([&] { merge(below, other, depth + 1); });
      object_slot(left, entry.key) = std::move(below);
    } else {
      slot = entry.value;
    }
  }
}

bool repeat_text(const Value& text, double times, Value& output, std::string& error) {
  if (!(times >= 0)) {  // Negative or NaN.
    output = Value::null();
    return true;
  }
  const std::string_view piece = text.string();
  const double count = std::floor(times);
  if (piece.empty() || count == 0) {
    output = Value::string({});
    return true;
  }
  if (count * static_cast<double>(piece.size()) >= 536870911.0) {
    error = "Repeat string result too long";
    return false;
  }
  const auto whole = static_cast<std::size_t>(count);
  Value result = Value::string({});
  for (std::size_t i = 0; i < whole; ++i) append(result, piece);
  output = std::move(result);
  return true;
}

}  // namespace

Value split_text(std::string_view text, std::string_view separator) {
  Value parts = Value::array();
  if (text.empty()) return parts;
  if (separator.empty()) {
    std::size_t at = 0;
    while (at < text.size()) {
      std::size_t next = at + 1;
      while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0u) == 0x80u) ++next;
      array_push(parts, Value::string(text.substr(at, next - at)));
      at = next;
    }
    return parts;
  }
  std::size_t at = 0;
  while (true) {
    const std::size_t found = text.find(separator, at);
    if (found == std::string_view::npos) break;
    array_push(parts, Value::string(text.substr(at, found - at)));
    at = found + separator.size();
  }
  array_push(parts, Value::string(text.substr(at)));
  return parts;
}

bool arithmetic(ast::Operator op, Value& left, Value& right, Value& output, std::string& error) {
  const bool numbers = left.is_number() && right.is_number();
  switch (op) {
    case ast::Operator::kAdd:
      if (numbers) {
        output = Value::number(left.number() + right.number());
      } else if (left.is_null()) {
        output = std::move(right);
      } else if (right.is_null()) {
        output = std::move(left);
      } else if (left.is_string() && right.is_string()) {
        append(left, right.string());
        output = std::move(left);
      } else if (left.is_array() && right.is_array()) {
        if (array_size(left) == 0) {
          output = std::move(right);
          return true;
        }
        const std::uint32_t count = array_size(right);
        for (std::uint32_t i = 0; i < count; ++i) array_push(left, array_at(right, i));
        output = std::move(left);
      } else if (left.is_object() && right.is_object()) {
        for (std::uint32_t i = 0; i < object_size(right); ++i) {
          const ObjectEntry& entry = object_entry(right, i);
          object_set(left, entry.key, entry.value);
        }
        output = std::move(left);
      } else {
        return refuse(error, left, right, "added");
      }
      return true;
    case ast::Operator::kSubtract:
      if (numbers) {
        output = Value::number(left.number() - right.number());
        return true;
      }
      if (left.is_array() && right.is_array()) {
        Value rest = Value::array();
        for (std::uint32_t i = 0; i < array_size(left); ++i) {
          bool removed = false;
          Heap::current()->spend(array_size(right));
          for (std::uint32_t j = 0; j < array_size(right) && !removed; ++j) {
            removed = equal(array_at(left, i), array_at(right, j));
          }
          if (!removed) array_push(rest, array_at(left, i));
        }
        output = std::move(rest);
        return true;
      }
      return refuse(error, left, right, "subtracted");
    case ast::Operator::kMultiply:
      if (numbers) {
        output = Value::number(left.number() * right.number());
        return true;
      }
      if (left.is_string() && right.is_number()) return repeat_text(left, right.number(), output, error);
      if (left.is_number() && right.is_string()) return repeat_text(right, left.number(), output, error);
      if (left.is_object() && right.is_object()) {
        merge(left, right, 0);
        output = std::move(left);
        return true;
      }
      return refuse(error, left, right, "multiplied");
    case ast::Operator::kDivide:
      if (numbers) {
        if (right.number() == 0) return refuse(error, left, right, "divided because the divisor is zero");
        output = Value::number(left.number() / right.number());
        return true;
      }
      if (left.is_string() && right.is_string()) {
        output = split_text(left.string(), right.string());
        return true;
      }
      return refuse(error, left, right, "divided");
    case ast::Operator::kModulo:
      if (numbers) {
        const double a = left.number();
        const double b = right.number();
        if (std::isnan(a) || std::isnan(b)) {
          output = Value::number(std::numeric_limits<double>::quiet_NaN());
          return true;
        }
        const std::intmax_t divisor = to_integer(b);
        if (divisor == 0) return refuse(error, left, right, "divided (remainder) because the divisor is zero");
        const std::intmax_t dividend = to_integer(a);
        // By magnitudes, with the sign of the dividend: INT64_MIN % -1 is no trap then.
        const std::uintmax_t magnitude = divisor < 0 ? std::uintmax_t{0} - static_cast<std::uintmax_t>(divisor)
                                                     : static_cast<std::uintmax_t>(divisor);
        const std::uintmax_t amount = dividend < 0 ? std::uintmax_t{0} - static_cast<std::uintmax_t>(dividend)
                                                   : static_cast<std::uintmax_t>(dividend);
        const auto rest = static_cast<double>(amount % magnitude);
        output = Value::number(dividend < 0 && rest != 0 ? -rest : rest);
        return true;
      }
      return refuse(error, left, right, "divided (remainder)");
    case ast::Operator::kEqual:
    case ast::Operator::kNotEqual:
    case ast::Operator::kLess:
    case ast::Operator::kLessEqual:
    case ast::Operator::kGreater:
    case ast::Operator::kGreaterEqual:
    case ast::Operator::kAlternative:
      break;
  }
  error = "internal error: not an arithmetic operator";
  return false;
}

}  // namespace riptide::transform::jq
