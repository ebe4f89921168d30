#include <string>

#include "jq/formats.hpp"
#include "jq/json_writer.hpp"
#include "jq/machine.hpp"
#include "jq/raised.hpp"

// Constructors, calls of builtins, bindings and folds.
namespace riptide::transform::jq {

Status Machine::collect(const Code* code, Environment* environment, Value&& input, const Track* track, Value& output) {
  Value items = Value::array();
  if (code != nullptr) {
    const Status status = many(code, environment, std::move(input), track, [&](Value&& value, const Track*) {
      array_push(items, std::move(value));
      return Status::kOk;
    });
    if (status != Status::kOk) return status;
  }
  output = std::move(items);
  return Status::kOk;
}

namespace {

std::string bad_key(const Value& key) {
  return "Cannot use " + std::string(type_name(key)) + " (" + shortened(key) + ") as object key";
}

}  // namespace

Status Machine::object_one(const Code& code, Environment* environment, const Value& input, Value& output) {
  Value object = Value::object();
  for (std::size_t i = 0; i < code.list.size(); i += 2) {
    Value key;
    if (code.list[i]->op == Op::kConstant) {
      key = code.list[i]->constant;
    } else {
      Value copy = input;
      const Status status = one(code.list[i], environment, std::move(copy), key);
      if (status != Status::kOk) return status;
    }
    if (!key.is_string()) return fail(bad_key(key));
    Value value;
    Value copy = input;
    const Status status = one(code.list[i + 1], environment, std::move(copy), value);
    if (status != Status::kOk) return status;
    object_set(object, std::move(key), std::move(value));
  }
  output = std::move(object);
  return Status::kOk;
}

Status Machine::object_many(const Code& code, std::size_t entry, Environment* environment, const Value& input,
                            const Value& so_far, const Track* track, Emit emit) {
  if (entry == code.list.size()) return emit(Value(so_far), track);
  return each(code.list[entry], environment, input, [&](Value&& key) {
    if (!key.is_string()) return fail(bad_key(key));
    return each(code.list[entry + 1], environment, input, [&](Value&& value) {
      Value object = so_far;
      object_set(object, key, std::move(value));
      return object_many(code, entry + 2, environment, input, object, track, emit);
    });
  });
}

Status Machine::format_one(std::string_view format, const Value& value, Value& output) {
  std::string text;
  std::string problem;
  if (!format_value(format, value, text, problem)) return fail(problem);
  output = Value::string(text);
  return Status::kOk;
}

Status Machine::template_one(const Code& code, Environment* environment, const Value& input, Value& output) {
  // From the last part to the first, as jq evaluates them: an error in a later part comes first.
  Value tail = Value::string({});
  for (std::size_t i = code.list.size(); i-- > 0;) {
    const Code* part = code.list[i];
    Value text;
    if (part->op == Op::kConstant && part->flag) {
      text = part->constant;
    } else {
      Value copy = input;
      Value value;
      Status status = one(part, environment, std::move(copy), value);
      if (status != Status::kOk) return status;
      status = format_one(code.constant.string(), value, text);
      if (status != Status::kOk) return status;
    }
    if (tail.string().empty()) {
      tail = std::move(text);
    } else {
      append(text, tail.string());
      tail = std::move(text);
    }
  }
  output = std::move(tail);
  return Status::kOk;
}

Status Machine::template_many(const Code& code, std::size_t part, Environment* environment, const Value& input,
                              const Value& tail, const Track* track, Emit emit) {
  if (part == 0) return emit(Value(tail), track);
  const Code* piece = code.list[part - 1];
  if (piece->op == Op::kConstant && piece->flag) {
    Value text = piece->constant;
    append(text, tail.string());
    return template_many(code, part - 1, environment, input, text, track, emit);
  }
  return each(piece, environment, input, [&](Value&& value) {
    Value text;
    const Status status = format_one(code.constant.string(), value, text);
    if (status != Status::kOk) return status;
    append(text, tail.string());
    return template_many(code, part - 1, environment, input, text, track, emit);
  });
}

Status Machine::binary(ast::Operator op, Value& left, Value& right, Value& output) {
  switch (op) {
    case ast::Operator::kEqual:
    case ast::Operator::kNotEqual:
    case ast::Operator::kLess:
    case ast::Operator::kLessEqual:
    case ast::Operator::kGreater:
    case ast::Operator::kGreaterEqual:
      try {
        if (op == ast::Operator::kEqual) {
          output = Value::boolean(equal(left, right));
        } else if (op == ast::Operator::kNotEqual) {
          output = Value::boolean(!equal(left, right));
        } else {
          const int order = compare(left, right);
          output = Value::boolean(op == ast::Operator::kLess        ? order < 0
                                  : op == ast::Operator::kLessEqual ? order <= 0
                                  : op == ast::Operator::kGreater   ? order > 0
                                                                    : order >= 0);
        }
      } catch (const ErrorRaised& raised) {
        return fail(raised.message);
      }
      return Status::kOk;
    case ast::Operator::kAdd:
    case ast::Operator::kSubtract:
    case ast::Operator::kMultiply:
    case ast::Operator::kDivide:
    case ast::Operator::kModulo:
    case ast::Operator::kAlternative:
      break;
  }
  std::string problem;
  try {
    return arithmetic(op, left, right, output, problem) ? Status::kOk : fail(problem);
  } catch (const ErrorRaised& raised) {
    return fail(raised.message);
  }
}

Status Machine::call_builtin(const Code& code, Value& input, Value* arguments, Value& output) {
  try {
    return code.builtin->function(*this, input, arguments, output);
  } catch (const ErrorRaised& raised) {
    return fail(raised.message);
  }
}

Status Machine::builtin_one(const Code& code, Environment* environment, Value&& input, Value& output) {
  constexpr std::size_t kMostArguments = 4;
  Value arguments[kMostArguments];
  for (std::size_t i = code.list.size(); i-- > 0;) {
    Value copy = input;
    const Status status = one(code.list[i], environment, std::move(copy), arguments[i]);
    if (status != Status::kOk) return status;
  }
  return call_builtin(code, input, arguments, output);
}

// The last argument varies slowest.
Status Machine::builtin_many(const Code& code, std::size_t left, Value* arguments, Environment* environment,
                             const Value& input, const Track* track, Emit emit) {
  if (left == 0) {
    constexpr std::size_t kMostArguments = 4;
    Value copies[kMostArguments];
    for (std::size_t i = 0; i < code.list.size(); ++i) copies[i] = arguments[i];
    Value copy = input;
    Value output;
    const Status status = call_builtin(code, copy, copies, output);
    return status == Status::kOk ? emit(std::move(output), track) : status == Status::kEmpty ? Status::kOk : status;
  }
  return each(code.list[left - 1], environment, input, [&](Value&& value) {
    arguments[left - 1] = std::move(value);
    return builtin_many(code, left - 1, arguments, environment, input, track, emit);
  });
}

Status Machine::call_many(const Code& code, std::size_t argument, Environment* called, Environment* environment,
                          const Value& input, const Track* track, Emit emit) {
  if (argument == code.list.size()) {
    Value copy = input;
    return many(code.function->body, called, std::move(copy), track, emit);
  }
  const FunctionCode::Parameter& parameter = code.function->parameters[argument];
  Slot& slot = called->slots()[argument];
  if (!parameter.by_value || parameter.as_filter) close_over(code.list[argument], environment, slot);
  if (!parameter.by_value) return call_many(code, argument + 1, called, environment, input, track, emit);
  return each(code.list[argument], environment, input, [&](Value&& value) {
    slot.value = std::move(value);
    return call_many(code, argument + 1, called, environment, input, track, emit);
  });
}

// ---- folds

Status Machine::reduce(const Code& code, Environment* environment, Value&& input, Value&& state, const Track* track,
                       Value& output) {
  Value current = std::move(state);
  const auto step = [&](Environment* inner, const Track* at) {
    Value next = Value::null();
    Status status = Status::kOk;
    if (code.c->single && at == nullptr) {
      status = one(code.c, inner, std::move(current), next);
      if (status == Status::kEmpty) {
        next = Value::null();
        status = Status::kOk;
      }
    } else {
      status = many(code.c, inner, std::move(current), at, [&](Value&& value, const Track*) {
        next = std::move(value);
        return Status::kOk;
      });
    }
    current = std::move(next);
    return status;
  };
  const Status status = many(code.a, environment, std::move(input), track, [&](Value&& value, const Track* at) {
    return bind(code, environment, std::move(value), [&](Environment* inner) { return step(inner, at); });
  });
  if (status != Status::kOk) return status;
  output = std::move(current);
  return Status::kOk;
}

Status Machine::foreach (const Code& code, Environment * environment, Value && input, Value && state,
                         const Track* track, Emit emit) {
  Value current = std::move(state);
  return many(code.a, environment, std::move(input), track, [&](Value&& value, const Track* at) {
    return bind(code, environment, std::move(value), [&](Environment* inner) {
      Value before = std::move(current);
      current = Value::null();
      return many(code.c, inner, std::move(before), at, [&](Value&& next, const Track* after) {
        current = next;
        if (code.d == nullptr) return emit(std::move(next), after);
        return many(code.d, inner, std::move(next), after, emit);
      });
    });
  });
}

// ---- bindings

Status Machine::bind(const Code& code, Environment* environment, Value&& bound,
                     FunctionRef<Status(Environment*)> body) {
  const ScopeGuard guard(*this);
  Environment* inner = push(environment, code.slots);
  for (std::size_t i = 0; i < code.patterns.size(); ++i) {
    const PatternCode& pattern = code.patterns[i];
    if (code.patterns.size() == 1 && pattern.kind == ast::Pattern::Kind::kVariable) {
      inner->slots()[pattern.slot].value = std::move(bound);
      return body(inner);
    }
    for (std::uint32_t slot = 0; slot < code.slots; ++slot) inner->slots()[slot].value = Value::null();
    const Status status = destructure(pattern, bound, inner, bound, [&] { return body(inner); });
    if (status != Status::kError || i + 1 == code.patterns.size()) return status;
  }
  return Status::kOk;
}

Status Machine::destructure(const PatternCode& pattern, const Value& value, Environment* environment,
                            const Value& input, FunctionRef<Status()> next) {
  switch (pattern.kind) {
    case ast::Pattern::Kind::kVariable:
      environment->slots()[pattern.slot].value = value;
      return next();
    case ast::Pattern::Kind::kArray:
      return destructure_elements(pattern, 0, value, environment, input, next);
    case ast::Pattern::Kind::kObject:
      return destructure_entries(pattern, 0, value, environment, input, next);
  }
  return Status::kOk;
}

Status Machine::destructure_elements(const PatternCode& pattern, std::size_t element, const Value& value,
                                     Environment* environment, const Value& input, FunctionRef<Status()> next) {
  if (element == pattern.elements.size()) return next();
  // From the last to the first, as jq does: errors and computed keys show it.
  const std::size_t at = pattern.elements.size() - 1 - element;
  Value part;
  const Status status = index(value, Value::number(at), part);
  if (status != Status::kOk) return status;
  return destructure(pattern.elements[at], part, environment, input,
                     [&] { return destructure_elements(pattern, element + 1, value, environment, input, next); });
}

Status Machine::destructure_entries(const PatternCode& pattern, std::size_t entry, const Value& value,
                                    Environment* environment, const Value& input, FunctionRef<Status()> next) {
  if (entry == pattern.entries.size()) return next();
  const PatternCode::Entry& member = pattern.entries[entry];
  const auto with_key = [&](const Value& key) {
    if (!key.is_string()) {
      return fail("Cannot index " + std::string(type_name(value)) + " with " + std::string(type_name(key)) + " (" +
                  shortened(key) + ")");
    }
    Value part;
    const Status status = index(value, key, part);
    if (status != Status::kOk) return status;
    if (member.slot >= 0) environment->slots()[member.slot].value = part;
    const auto rest = [&] { return destructure_entries(pattern, entry + 1, value, environment, input, next); };
    return member.value == nullptr ? rest() : destructure(*member.value, part, environment, input, rest);
  };
  if (member.key == nullptr) return with_key(member.name);
  return each(member.key, environment, input, [&](Value&& key) { return with_key(key); });
}

}  // namespace riptide::transform::jq
