#include <vector>

#include "jq/json_writer.hpp"
#include "jq/machine.hpp"
#include "jq/native_stack.hpp"
#include "jq/paths.hpp"

// Following, tracking and updating paths.
namespace riptide::transform::jq {
namespace {

// The path from the root to `track`, as jq shows paths.
Value path_value(const Track* track) {
  std::size_t length = 0;
  for (const Track* at = track; at->up != nullptr; at = at->up) ++length;
  Value path = Value::array(length);
  if (length == 0) return path;
  array_slot(path, length - 1);
  for (const Track* at = track; at->up != nullptr; at = at->up) array_slot(path, --length) = at->key;
  return path;
}

}  // namespace

Status Machine::index(const Value& base, const Value& key, Value& output) {
  if (base.is_object() && key.is_string()) {
    const Value* found = object_find(base, key.string());
    output = found == nullptr ? Value::null() : *found;
    return Status::kOk;
  }
  std::string problem;
  return get_key(base, key, output, problem) ? Status::kOk : fail(problem);
}

Status Machine::path_steps(const Code& code, Environment* environment, Value&& input, Value& output) {
  const Value* at = code.flag ? &climb(environment, code.hops)->slots()[code.index].value : &input;
  static const Value kNull = Value::null();
  Value held;  // Keeps alive what is not part of the input.
  for (const Step& step : code.steps) {
    if (step.key.is_string()) {
      if (at->is_object()) {
        at = object_find(*at, step.key.string());
        if (at == nullptr) at = &kNull;
        continue;
      }
      if (at->is_null()) {
        at = &kNull;
        continue;
      }
    } else if (at->is_array() && step.key.tag() == Tag::kNumber) {
      const double index = step.key.number();
      if (index >= 0 && index < array_size(*at)) {
        at = &array_at(*at, static_cast<std::size_t>(index));
        continue;
      }
    }
    std::string problem;
    Value next;
    if (!get_key(*at, step.key, next, problem)) return step.optional ? Status::kEmpty : fail(problem);
    held = std::move(next);
    at = &held;
  }
  if (at == &input) {
    output = std::move(input);
  } else {
    output = *at;
  }
  return Status::kOk;
}

Status Machine::track_steps(const Code& code, std::size_t step, Value&& input, const Track* track, Emit emit) {
  if (step == code.steps.size()) return emit(std::move(input), track);
  if (track == nullptr) {
    Value output;
    const Status status = path_steps(code, nullptr, std::move(input), output);
    return status == Status::kOk ? emit(std::move(output), nullptr) : status == Status::kEmpty ? Status::kOk : status;
  }
  const auto next = [&](Value&& value, const Track* at) {
    return track_steps(code, step + 1, std::move(value), at, emit);
  };
  return index_tracked(std::move(input), code.steps[step].key, track, next, code.steps[step].optional);
}

Status Machine::index_tracked(Value&& base, Value key, const Track* track, Emit emit, bool optional) {
  if (!track->at.identical(base)) {
    return fail("Invalid path expression near attempt to access element " + shortened(key) + " of " + shortened(base));
  }
  Track next;
  next.up = track;
  const Status status = index(base, key, next.at);
  if (status != Status::kOk) return optional ? Status::kOk : status;
  next.key = std::move(key);
  return emit(Value(next.at), &next);
}

Status Machine::iterate(Value&& base, const Track* track, Emit emit) {
  if (track != nullptr && !track->at.identical(base)) {
    return fail("Invalid path expression near attempt to iterate through " + shortened(base));
  }
  if (base.is_array()) {
    for (std::uint32_t i = 0; i < array_size(base); ++i) {
      Status status = Status::kOk;
      if (track == nullptr) {
        status = emit(Value(array_at(base, i)), nullptr);
      } else {
        const Track next{track, Value::number(std::size_t{i}), array_at(base, i)};
        status = emit(Value(next.at), &next);
      }
      if (status != Status::kOk) return status;
      count_steps(1);
    }
    return Status::kOk;
  }
  if (base.is_object()) {
    for (std::uint32_t i = 0; i < object_size(base); ++i) {
      const ObjectEntry& entry = object_entry(base, i);
      Status status = Status::kOk;
      if (track == nullptr) {
        status = emit(Value(entry.value), nullptr);
      } else {
        const Track next{track, entry.key, entry.value};
        status = emit(Value(next.at), &next);
      }
      if (status != Status::kOk) return status;
      count_steps(1);
    }
    return Status::kOk;
  }
  return fail("Cannot iterate over " + std::string(type_name(base)) + " (" + shortened(base) + ")");
}

Status Machine::recurse(Value&& base, const Track* track, Emit emit) {
  if (NativeStack::low()) [[unlikely]] {
    return with_native_stack([&] { return recurse_here(std::move(base), track, emit); });
  }
  return recurse_here(std::move(base), track, emit);
}

Status Machine::recurse_here(Value&& base, const Track* track, Emit emit) {
  count_steps(1);
  const Status status = emit(Value(base), track);
  if (status != Status::kOk || !(base.is_array() || base.is_object())) return status;
  return iterate(std::move(base), track,
                 [&](Value&& value, const Track* at) { return recurse(std::move(value), at, emit); });
}

Status Machine::paths_of(const Code* code, Environment* environment, const Value& input,
                         FunctionRef<Status(Value&& path)> each_path) {
  const Track root{nullptr, Value(), input};
  return many(code, environment, Value(input), &root, [&](Value&& value, const Track* track) {
    if (!track->at.identical(value)) return fail("Invalid path expression with result " + shortened(value));
    return each_path(path_value(track));
  });
}

// All paths first: then nobody else holds the input, and what is unshared is changed in place.
Status Machine::all_paths(const Code* code, Environment* environment, const Value& input, Value& paths) {
  paths = Value::array();
  return paths_of(code, environment, input, [&](Value&& path) {
    array_push(paths, std::move(path));
    return Status::kOk;
  });
}

Status Machine::assign(const Code& code, Environment* environment, Value&& input, const Value& value, Value& output) {
  Value paths;
  const Status status = all_paths(code.a, environment, input, paths);
  if (status != Status::kOk) return status;
  Value state = std::move(input);
  std::string problem;
  for (std::uint32_t i = 0; i < array_size(paths); ++i) {
    count_steps(1);
    if (!set_path(state, array_at(paths, i), Value(value), problem)) return fail(problem);
  }
  output = std::move(state);
  return Status::kOk;
}

Status Machine::update(const Code* code, Environment* environment, Value&& input,
                       FunctionRef<Status(Value&& old, Value& replacement)> change, Replacement replacement_kind,
                       Value& output) {
  Value paths;
  const Status found = all_paths(code, environment, input, paths);
  if (found != Status::kOk && found != Status::kError) return found;
  // jq changes a value as soon as it has its path: what a change raises comes before what a later path raises.
  Value failure = found == Status::kError ? error_ : Value::null();
  Value state = std::move(input);
  Value doomed = Value::array();
  std::string problem;
  for (std::uint32_t i = 0; i < array_size(paths); ++i) {
    count_steps(1);
    const Value& path = array_at(paths, i);
    Value old;
    if (!get_path(state, path, old, problem)) return fail(problem);
    // Taken out while it changes, so that it too can change in place; but a slice takes nothing but arrays.
    const bool slice = array_size(path) > 0 && array_at(path, array_size(path) - 1).is_object();
    if (replacement_kind == Replacement::kCertain && !slice && (old.is_array() || old.is_object() || old.is_string())) {
      if (!set_path(state, path, Value::null(), problem)) return fail(problem);
    }
    Value replacement;
    const Status changed = change(std::move(old), replacement);
    if (changed == Status::kEmpty) {
      array_push(doomed, path);
    } else if (changed != Status::kOk) {
      return changed;
    } else if (!set_path(state, path, std::move(replacement), problem)) {
      return fail(problem);
    }
  }
  if (found == Status::kError) return fail_with(std::move(failure));
  if (array_size(doomed) > 0 && !delete_paths(state, doomed, problem)) return fail(problem);
  output = std::move(state);
  return Status::kOk;
}

Status Machine::update_one(const Code& code, Environment* environment, Value&& input, Value& output) {
  return update(
      code.a, environment, std::move(input),
      [&](Value&& old, Value& replacement) {
        if (code.b->single) return one(code.b, environment, std::move(old), replacement);
        // The first output counts.
        bool found = false;
        const std::uint64_t label = new_label();
        const Status status = many(code.b, environment, std::move(old), nullptr, [&](Value&& value, const Track*) {
          replacement = std::move(value);
          found = true;
          break_label_ = label;
          return Status::kBreak;
        });
        if (found && status == Status::kBreak && break_label_ == label) return Status::kOk;
        return status == Status::kOk ? Status::kEmpty : status;
      },
      Replacement::kPossible, output);
}

Status Machine::update_op(const Code& code, Environment* environment, Value&& input, const Value& operand,
                          Value& output) {
  return update(
      code.a, environment, std::move(input),
      [&](Value&& old, Value& replacement) {
        if (code.binary == ast::Operator::kAlternative) {
          replacement = old.truthy() ? std::move(old) : operand;
          return Status::kOk;
        }
        Value right = operand;
        return binary(code.binary, old, right, replacement);
      },
      Replacement::kCertain, output);
}

}  // namespace riptide::transform::jq
