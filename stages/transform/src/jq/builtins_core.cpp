#include <array>
#include <cmath>
#include <limits>

#include "jq/builtins.hpp"
#include "jq/compiler.hpp"
#include "jq/formats.hpp"
#include "jq/native_stack.hpp"
#include "jq/number_text.hpp"
#include "jq/paths.hpp"
#include "jq/raised.hpp"
#include "jq/utf8.hpp"

// Types, conversions, paths, and what asks the surroundings.
namespace riptide::transform::jq {
namespace {

Status b_not(Machine&, Value& input, Value*, Value& output) {
  output = Value::boolean(!input.truthy());
  return Status::kOk;
}

Status b_type(Machine&, Value& input, Value*, Value& output) {
  output = Value::string(type_name(input));
  return Status::kOk;
}

Status b_length(Machine& m, Value& input, Value*, Value& output) {
  switch (input.tag()) {
    case Tag::kNull:
      output = Value::number(0.0);
      return Status::kOk;
    case Tag::kNumber:
      output = Value::number(std::fabs(input.number()));
      return Status::kOk;
    case Tag::kLiteral:
      output = input.number() < 0 ? negated(input) : input;
      return Status::kOk;
    case Tag::kString:
      output = Value::number(utf8::count(input.string()));
      return Status::kOk;
    case Tag::kArray:
      output = Value::number(std::size_t{array_size(input)});
      return Status::kOk;
    case Tag::kObject:
      output = Value::number(std::size_t{object_size(input)});
      return Status::kOk;
    case Tag::kInvalid:
    case Tag::kFalse:
    case Tag::kTrue:
      break;
  }
  return fail_about(m, input, "has no length");
}

Status b_abs(Machine& m, Value& input, Value*, Value& output) {
  if (input.is_string() || input.is_array() || input.is_object()) {
    // As in jq: `if type == "number" and . < 0 then -. else . end`, which lets what is greater than a number pass.
    output = input;
    return Status::kOk;
  }
  if (!input.is_number()) return fail_about(m, input, "cannot be negated");
  output = input.number() < 0 || (input.number() == 0 && std::signbit(input.number())) ? negated(input) : input;
  return Status::kOk;
}

Status b_utf8bytelength(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_string()) return fail_about(m, input, "only strings have UTF-8 byte length");
  output = Value::number(input.string().size());
  return Status::kOk;
}

Status b_tojson(Machine&, Value& input, Value*, Value& output) {
  std::string text;
  append_json(text, input);
  output = Value::string(text);
  return Status::kOk;
}

Status b_tostring(Machine& m, Value& input, Value* arguments, Value& output) {
  if (input.is_string()) {
    output = std::move(input);
    return Status::kOk;
  }
  return b_tojson(m, input, arguments, output);
}

Status b_fromjson(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_string()) return fail_about(m, input, "only strings can be parsed");
  std::string problem;
  if (m.reader().read(input.string(), JsonReader::Ownership::kCopy, 10'000, output, problem)) return Status::kOk;
  // jq shows it as a C string.
  const std::string_view shown = input.string().substr(0, input.string().find('\0'));
  return m.fail(problem + " (while parsing '" + std::string(shown) + "')");
}

Status b_tonumber(Machine& m, Value& input, Value*, Value& output) {
  if (input.is_number()) {
    output = std::move(input);
    return Status::kOk;
  }
  if (input.is_string()) {
    const std::string_view text = input.string();
    if (is_number_text(text)) {
      const std::string_view unsigned_text = text[0] == '+' ? text.substr(1) : text;
      output = number_from_text(unsigned_text, false);
      return Status::kOk;
    }
    if (named_number(text, output)) return Status::kOk;
  }
  return fail_about(m, input, "cannot be parsed as a number");
}

Status b_toboolean(Machine& m, Value& input, Value*, Value& output) {
  if (input.is_boolean()) {
    output = input;
    return Status::kOk;
  }
  if (input.is_string() && (input.string() == "true" || input.string() == "false")) {
    output = Value::boolean(input.string() == "true");
    return Status::kOk;
  }
  return fail_about(m, input, "cannot be parsed as a boolean");
}

Status b_format(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!arguments[0].is_string()) return fail_about(m, arguments[0], "is not a valid format");
  std::string text;
  std::string problem;
  if (!format_value(arguments[0].string(), input, text, problem)) return m.fail(problem);
  output = Value::string(text);
  return Status::kOk;
}

Status b_has(Machine& m, Value& input, Value* arguments, Value& output) {
  const Value& key = arguments[0];
  if (input.is_null()) {
    output = Value::boolean(false);
    return Status::kOk;
  }
  if (input.is_object() && key.is_string()) {
    output = Value::boolean(object_find(input, key.string()) != nullptr);
    return Status::kOk;
  }
  if (input.is_array() && key.is_number()) {
    const double at = key.number();
    output = Value::boolean(at > -1 && at < array_size(input));
    return Status::kOk;
  }
  return m.fail("Cannot check whether " + std::string(type_name(input)) + " has a " + std::string(type_name(key)) +
                " key");
}

bool contains(const Value& a, const Value& b, std::uint32_t depth, std::string& problem) {
  if (depth > 10'000) throw ErrorRaised{"Containment check too deep"};
  Heap::current()->spend(1);
  if (a.is_object() && b.is_object()) {
    return with_native_stack([&] {
      for (std::uint32_t i = 0; i < object_size(b); ++i) {
        const ObjectEntry& entry = object_entry(b, i);
        const Value* mine = object_find(a, entry.key.string());
        if (mine == nullptr || !contains(*mine, entry.value, depth + 1, problem)) return false;
      }
      return true;
    });
  }
  if (a.is_array() && b.is_array()) {
    return with_native_stack([&] {
      for (std::uint32_t i = 0; i < array_size(b); ++i) {
        bool found = false;
        for (std::uint32_t j = 0; j < array_size(a) && !found; ++j) {
          found = contains(array_at(a, j), array_at(b, i), depth + 1, problem);
        }
        if (!found) return false;
      }
      return true;
    });
  }
  if (a.is_string() && b.is_string()) return a.string().find(b.string()) != std::string_view::npos;
  return equal(a, b);
}

Status b_contains(Machine& m, Value& input, Value* arguments, Value& output) {
  const Value& other = arguments[0];
  const bool same_kind = type_name(input) == type_name(other);
  if (!same_kind) {
    return m.fail(std::string(type_name(input)) + " (" + shortened(input) + ") and " + std::string(type_name(other)) +
                  " (" + shortened(other) + ") cannot have their containment checked");
  }
  std::string problem;
  output = Value::boolean(contains(input, other, 0, problem));
  return Status::kOk;
}

Status b_setpath(Machine& m, Value& input, Value* arguments, Value& output) {
  std::string problem;
  if (!set_path(input, arguments[0], std::move(arguments[1]), problem)) return m.fail(problem);
  output = std::move(input);
  return Status::kOk;
}

Status b_delpaths(Machine& m, Value& input, Value* arguments, Value& output) {
  std::string problem;
  if (!delete_paths(input, arguments[0], problem)) return m.fail(problem);
  output = std::move(input);
  return Status::kOk;
}

Status b_builtins(Machine&, Value&, Value*, Value& output) {
  Value names = Value::array(builtin_names().size());
  for (const std::string& name : builtin_names()) array_push(names, Value::string(name));
  output = std::move(names);
  return Status::kOk;
}

Status b_true(Machine&, Value&, Value*, Value& output) {
  output = Value::boolean(true);
  return Status::kOk;
}

// ---- the surroundings

Status b_modulemeta(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_string()) return m.fail("modulemeta input module name must be a string");
  if (m.host() == nullptr) return m.fail("module not found: " + std::string(input.string()));
  const Result<std::string> meta = m.host()->module_meta(input.string());
  if (!meta) return m.fail(meta.error().message);
  std::string problem;
  if (!m.reader().read(*meta, JsonReader::Ownership::kCopy, m.limits_.max_depth, output, problem))
    return m.fail(problem);
  return Status::kOk;
}

Status b_input(Machine& m, Value&, Value*, Value& output) {
  if (m.host() == nullptr) return m.fail("break");
  std::string text;
  Result<bool> more = m.host()->next_input(text);
  if (!more) return m.fail(more.error().message);
  if (!*more) return m.fail("break");  // as in jq, where inputs ends so
  std::string problem;
  if (!m.reader().read(text, JsonReader::Ownership::kCopy, m.limits_.max_depth, output, problem))
    return m.fail(m.host()->input_problem(problem));
  return Status::kOk;
}

Status b_debug(Machine& m, Value& input, Value*, Value& output) {
  if (m.host() != nullptr) {
    std::string text;
    append_json(text, input);
    m.host()->debug(text);
  }
  output = std::move(input);
  return Status::kOk;
}

Status b_stderr(Machine& m, Value& input, Value*, Value& output) {
  if (m.host() != nullptr) {
    std::string text;
    if (input.is_string()) {
      text = input.string();
    } else {
      append_json(text, input);
    }
    m.host()->standard_error(text);
  }
  output = std::move(input);
  return Status::kOk;
}

Status b_input_filename(Machine& m, Value&, Value*, Value& output) {
  const std::string_view name = m.host() == nullptr ? std::string_view() : m.host()->input_filename();
  output = name.empty() ? Value::null() : repaired_string(name);
  return Status::kOk;
}

Status b_input_line_number(Machine& m, Value&, Value*, Value& output) {
  output = Value::number(m.host() == nullptr ? std::size_t{0} : m.host()->input_line_number());
  return Status::kOk;
}

Status b_halt(Machine& m, Value&, Value*, Value&) { return m.halt(0, nullptr); }

Status b_halt_error(Machine& m, Value& input, Value*, Value&) { return m.halt(5, &input); }

Status b_halt_error_code(Machine& m, Value& input, Value* arguments, Value&) {
  if (!arguments[0].is_number()) return m.fail("halt_error/1: number required");
  const double code = arguments[0].number();
  return m.halt(code >= 0 && code < 256 ? static_cast<int>(code) : 5, &input);
}

constexpr auto kBuiltins = std::to_array<Builtin>({
    {"not", 0, b_not},
    {"type", 0, b_type},
    {"length", 0, b_length},
    {"abs", 0, b_abs},
    {"utf8bytelength", 0, b_utf8bytelength},
    {"tojson", 0, b_tojson},
    {"tostring", 0, b_tostring},
    {"fromjson", 0, b_fromjson},
    {"tonumber", 0, b_tonumber},
    {"toboolean", 0, b_toboolean},
    {"format", 1, b_format},
    {"has", 1, b_has},
    {"contains", 1, b_contains},
    {"setpath", 2, b_setpath},
    {"delpaths", 1, b_delpaths},
    {"builtins", 0, b_builtins},
    {"have_literal_numbers", 0, b_true},
    {"have_decnum", 0, b_true},
    {"modulemeta", 0, b_modulemeta},
    {"input", 0, b_input},
    {"debug", 0, b_debug},
    {"stderr", 0, b_stderr},
    {"input_filename", 0, b_input_filename},
    {"input_line_number", 0, b_input_line_number},
    {"halt", 0, b_halt},
    {"halt_error", 0, b_halt_error},
    {"halt_error", 1, b_halt_error_code},
});

}  // namespace

std::span<const Builtin> core_builtins() noexcept { return kBuiltins; }

}  // namespace riptide::transform::jq
