#pragma once

#include <string>
#include <string_view>

namespace riptide::transform::jq {

class Value;

/// A decimal as written: sign, digits without leading zeros (trailing ones kept), and a power of ten.
struct Decimal {
  bool negative = false;
  std::string digits;      ///< Empty for zero.
  long long exponent = 0;  ///< Of the last digit.

  [[nodiscard]] bool zero() const noexcept { return digits.empty(); }
  /// Where the point stands: 0.digits x 10^point.
  [[nodiscard]] long long point() const noexcept { return static_cast<long long>(digits.size()) + exponent; }
  /// The digits without trailing zeros.
  [[nodiscard]] std::string_view significant() const noexcept;
};

/// Reads [+-]digits[.digits][e[+-]digits], checked already.
Decimal read_decimal(std::string_view text);

/// True for what jq's number reader takes: leading zeros, a sign, a bare point included.
bool is_number_text(std::string_view text) noexcept;

/// Reads nan, inf and infinity, in any case and with a sign. False for anything else.
bool named_number(std::string_view text, Value& value);

/// The nearest double; infinite past the range.
double to_double(std::string_view text);

}  // namespace riptide::transform::jq
