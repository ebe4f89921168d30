#include "mapping_value.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "riptide/json/document.hpp"

namespace riptide::transform::mapping_value {

namespace {

/// A number token's value; beyond a double's range the largest or the smallest.
double number_of(std::string_view json) noexcept {
  double number = 0;
  const auto [end, failure] = std::from_chars(json.data(), json.data() + json.size(), number);
  if (failure != std::errc::result_out_of_range) return number;
  // Too large or too small: a digit other than 0 in front of a negative exponent is an underflow.
  const std::size_t exponent = json.find_first_of("eE");
  const bool small = exponent != std::string_view::npos && exponent + 1 < json.size() && json[exponent + 1] == '-';
  return small ? 0.0 : 1.7976931348623157e308;
}

}  // namespace

bool truthy(std::string_view json) noexcept {
  if (json.empty()) return false;
  switch (json.front()) {
    case 'n':
    case 'f':
      return false;
    case 't':
      return true;
    case '"':
    case '[':
    case '{':
      return json.size() > 2;
    default:
      return number_of(json) != 0.0;
  }
}

bool has_object_element(std::string_view json) noexcept {
  if (!is_array(json)) return false;
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char byte = json[at];
    if (in_string) {
      if (byte == '\\') {
        ++at;
      } else if (byte == '"') {
        in_string = false;
      }
      continue;
    }
    if (byte == '"') in_string = true;
    if (byte == '{' && depth == 1) return true;
    if (byte == '{' || byte == '[') ++depth;
    if (byte == '}' || byte == ']') --depth;
  }
  return false;
}

void stringify(std::string& out, std::size_t begin) {
  const std::string_view json = std::string_view(out).substr(begin);
  if (json == "true" || json == "false") {
    out.replace(begin, json.size(), json == "true" ? "\"True\"" : "\"False\"");
    return;
  }
  if (json.empty() || !(json.front() == '-' || (json.front() >= '0' && json.front() <= '9'))) return;
  const bool integer = json.find_first_of(".eE") == std::string_view::npos && json != "-0";
  if (!integer) {
    const double number = number_of(json);
    char text[400];
    std::to_chars_result written{};
    if (number == std::trunc(number)) {
      // An integral double is an integer in Ocean, written with all its digits; -0 is 0.
      written = std::to_chars(text, text + sizeof text, number == 0 ? 0.0 : number, std::chars_format::fixed);
    } else {
      // Python's repr: scientific below 1e-4 and from 1e16 on (those are integral).
      written = std::abs(number) < 1e-4 ? std::to_chars(text, text + sizeof text, number, std::chars_format::scientific)
                                        : std::to_chars(text, text + sizeof text, number, std::chars_format::fixed);
    }
    out.resize(begin);
    out.append(text, static_cast<std::size_t>(written.ptr - text));
  }
  out.insert(begin, 1, '"');
  out += '"';
}

std::string_view identity_text(std::string_view json, std::string& scratch) {
  if (!is_string(json) || json.size() < 2) return json;
  const std::string_view body = json.substr(1, json.size() - 2);
  if (std::memchr(body.data(), '\\', body.size()) == nullptr) return body;
  scratch.clear();
  if (!json::append_decoded(json, scratch)) return body;
  return scratch;
}

}  // namespace riptide::transform::mapping_value
