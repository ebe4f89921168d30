#include <array>
#include <cmath>

#include "jq/builtins.hpp"
#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

Status b_split(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!input.is_string() || !arguments[0].is_string()) return m.fail("split input and separator must be strings");
  output = split_text(input.string(), arguments[0].string());
  return Status::kOk;
}

template <char First, int Shift>
Status change_case(Machine& m, Value& input, Value&, Value& output) {
  if (!input.is_string()) return m.fail("explode input must be a string");
  std::string text(input.string());
  for (char& c : text) {
    if (c >= First && c <= First + 25) c = static_cast<char>(c + Shift);
  }
  output = Value::string(text);
  return Status::kOk;
}
Status b_downcase(Machine& m, Value& input, Value*, Value& output) {
  return change_case<'A', 32>(m, input, input, output);
}
Status b_upcase(Machine& m, Value& input, Value*, Value& output) {
  return change_case<'a', -32>(m, input, input, output);
}

Status b_startswith(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!input.is_string() || !arguments[0].is_string()) return m.fail("startswith() requires string inputs");
  output = Value::boolean(input.string().starts_with(arguments[0].string()));
  return Status::kOk;
}

Status b_endswith(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!input.is_string() || !arguments[0].is_string()) return m.fail("endswith() requires string inputs");
  output = Value::boolean(input.string().ends_with(arguments[0].string()));
  return Status::kOk;
}

Status b_ltrimstr(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!input.is_string() || !arguments[0].is_string()) return m.fail("startswith() requires string inputs");
  const std::string_view prefix = arguments[0].string();
  output = input.string().starts_with(prefix) && !prefix.empty() ? Value::string(input.string().substr(prefix.size()))
                                                                 : input;
  return Status::kOk;
}

Status b_rtrimstr(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!input.is_string() || !arguments[0].is_string()) return m.fail("endswith() requires string inputs");
  const std::string_view suffix = arguments[0].string();
  const std::string_view text = input.string();
  output =
      text.ends_with(suffix) && !suffix.empty() ? Value::string(text.substr(0, text.size() - suffix.size())) : input;
  return Status::kOk;
}

bool is_white_space(std::int32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

Status trim(Machine& m, const Value& input, bool left, bool right, Value& output) {
  if (!input.is_string()) return m.fail("trim input must be a string");
  std::string_view text = input.string();
  std::int32_t c = 0;
  while (left && !text.empty()) {
    const std::size_t length = utf8::decode(text, c);
    if (!is_white_space(c)) break;
    text.remove_prefix(length);
  }
  while (right && !text.empty()) {
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80u) --at;
    utf8::decode(text.substr(at), c);
    if (!is_white_space(c)) break;
    text = text.substr(0, at);
  }
  output = text.size() == input.string().size() ? input : Value::string(text);
  return Status::kOk;
}
Status b_trim(Machine& m, Value& input, Value*, Value& output) { return trim(m, input, true, true, output); }
Status b_ltrim(Machine& m, Value& input, Value*, Value& output) { return trim(m, input, true, false, output); }
Status b_rtrim(Machine& m, Value& input, Value*, Value& output) { return trim(m, input, false, true, output); }

Status b_explode(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_string()) return m.fail("explode input must be a string");
  std::string_view text = input.string();
  Value points = Value::array(text.size());
  while (!text.empty()) {
    std::int32_t c = 0;
    text.remove_prefix(utf8::decode(text, c));
    array_push(points, Value::number(static_cast<double>(c < 0 ? 0xFFFD : c)));
  }
  output = std::move(points);
  return Status::kOk;
}

Status b_implode(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_array()) return m.fail("implode input must be an array");
  std::string text;
  for (std::uint32_t i = 0; i < array_size(input); ++i) {
    const Value& point = array_at(input, i);
    if (!point.is_number() || std::isnan(point.number())) {
      return fail_about(m, point, "can't be imploded, unicode codepoint needs to be numeric");
    }
    const double value = point.number();
    utf8::append(text, value >= 0 && value <= 0x10FFFF ? static_cast<std::uint32_t>(value) : 0xFFFDu);
  }
  output = Value::string(text);
  return Status::kOk;
}

// Positions in code points, overlapping ones too.
Status b_strindices(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!input.is_string()) return fail_about(m, input, "cannot be searched, as it is not a string");
  if (!arguments[0].is_string()) return fail_about(m, arguments[0], "is not a string");
  const std::string_view text = input.string();
  const std::string_view needle = arguments[0].string();
  if (needle.empty()) {
    output = Value::array();
    return Status::kOk;
  }
  Value found = Value::array();
  std::size_t counted = 0;
  std::size_t points = 0;
  for (std::size_t at = text.find(needle); at != std::string_view::npos; at = text.find(needle, at + 1)) {
    points += utf8::count(text.substr(counted, at - counted));
    counted = at;
    array_push(found, Value::number(points));
  }
  output = std::move(found);
  return Status::kOk;
}

Status b_join(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!input.is_array() && !input.is_object()) {
    return m.fail("Cannot iterate over " + std::string(type_name(input)) + " (" + shortened(input) + ")");
  }
  const std::uint32_t size = input.is_array() ? array_size(input) : object_size(input);
  if (size == 0) {
    output = Value::string({});
    return Status::kOk;
  }
  // As jq: reduce .[] as $x (null; (if . == null then "" else . + $separator end) + ($x as text or null))
  Value joined;
  for (std::uint32_t i = 0; i < size; ++i) {
    const Value& part = input.is_array() ? array_at(input, i) : object_entry(input, i).value;
    std::string problem;
    Value left;
    if (i == 0) {
      left = Value::string({});
    } else {
      Value separator = arguments[0];
      if (!arithmetic(ast::Operator::kAdd, joined, separator, left, problem)) return m.fail(problem);
    }
    Value right = part;
    if (part.is_boolean() || part.is_number()) {
      std::string text;
      append_json(text, part);
      right = Value::string(text);
    } else if (part.is_null()) {
      right = Value::string({});
    }
    if (!arithmetic(ast::Operator::kAdd, left, right, joined, problem)) return m.fail(problem);
  }
  output = std::move(joined);
  return Status::kOk;
}

Status b_match(Machine& m, Value& input, Value* arguments, Value& output) {
  std::string problem;
  const bool test = arguments[2].truthy();
  return m.regexes().match(input, arguments[0], arguments[1], test, output, problem) ? Status::kOk : m.fail(problem);
}

// `sub` with a replacement that does not look at the match.
Status b_replace(Machine& m, Value& input, Value* arguments, Value& output) {
  std::string problem;
  return m.regexes().replace(input, arguments[0], arguments[2], arguments[1].string(), m.heap(), output, problem)
             ? Status::kOk
             : m.fail(problem);
}

// The named captures of a match as an object.
Status b_captures(Machine&, Value& input, Value*, Value& output) {
  Value object = Value::object();
  if (const Value* captures = input.is_object() ? object_find(input, "captures") : nullptr;
      captures != nullptr && captures->is_array()) {
    for (std::uint32_t i = 0; i < array_size(*captures); ++i) {
      const Value& capture = array_at(*captures, i);
      if (!capture.is_object()) continue;
      const Value* name = object_find(capture, "name");
      const Value* text = object_find(capture, "string");
      if (name != nullptr && name->is_string()) object_set(object, *name, text == nullptr ? Value::null() : *text);
    }
  }
  output = std::move(object);
  return Status::kOk;
}

constexpr auto kBuiltins = std::to_array<Builtin>({
    {"split", 1, b_split},
    {"ascii_downcase", 0, b_downcase},
    {"ascii_upcase", 0, b_upcase},
    {"startswith", 1, b_startswith},
    {"endswith", 1, b_endswith},
    {"ltrimstr", 1, b_ltrimstr},
    {"rtrimstr", 1, b_rtrimstr},
    {"trim", 0, b_trim},
    {"ltrim", 0, b_ltrim},
    {"rtrim", 0, b_rtrim},
    {"explode", 0, b_explode},
    {"implode", 0, b_implode},
    {"join", 1, b_join},
    {"_strindices", 1, b_strindices},
    {"_match", 3, b_match},
    {"_replace", 3, b_replace},
    {"_captures", 0, b_captures},
});

}  // namespace

std::span<const Builtin> string_builtins() noexcept { return kBuiltins; }

}  // namespace riptide::transform::jq
