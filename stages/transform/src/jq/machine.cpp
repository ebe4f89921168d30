#include "jq/machine.hpp"

#include <cmath>
#include <new>

#include "jq/json_writer.hpp"
#include "jq/native_stack.hpp"
#include "jq/paths.hpp"
#include "jq/raised.hpp"

// The heart of the machine: `one` and `many`. What they delegate to is in evaluate_*.cpp.
namespace riptide::transform::jq {
namespace {

constexpr std::size_t kKeptChunks = 8;  ///< Of the scope stack.

}  // namespace

Machine::Machine(EvaluationLimits limits) : limits_(limits), regexes_(limits.max_regex_steps) {}

Machine::~Machine() {
  const HeapScope scope(heap_);
  reset();
}

void Machine::reset() {
  // No counting down: the heap takes all back, and constants among them may have gone with their program.
  error_.forget();
  input_.forget();
  halt_value_.forget();
  for (Value& value : kept_) value.forget();
  kept_.clear();
  heap_.set_limit(SIZE_MAX);
  heap_.set_steps(UINT64_MAX);
  heap_.reset();
  readers_.clear();
}

void Machine::begin() {
  heap_.set_steps(limits_.max_steps);
  // What one deep evaluation needed is not kept for all that follow.
  if (last_environment_ == nullptr && chunks_.size() > kKeptChunks) {
    chunks_.resize(kKeptChunks);
    chunk_ = 0;
    scope_top_ = chunks_[0].bytes.get();
    scope_end_ = scope_top_ + chunks_[0].size;
  }
  halted_ = false;
  error_.forget();
  halt_value_.forget();
  const std::size_t live = heap_.live_bytes();
  heap_.set_limit(limits_.max_memory_bytes > SIZE_MAX - live ? SIZE_MAX : live + limits_.max_memory_bytes);
}

Status Machine::fail_with(Value value) {
  error_ = std::move(value);
  return Status::kError;
}

Status Machine::fail(std::string_view message) { return fail_with(repaired_string(message)); }

std::string Machine::error_message() const {
  if (error_.is_string()) return std::string(error_.string());
  std::string text;
  append_json(text, error_, limits_.max_output_bytes);
  if (error_.is_object() || error_.is_array()) text += " (not a string)";
  return text;
}

Status Machine::halt(int code, const Value* value) {
  halted_ = true;
  exit_code_ = code;
  halt_value_ = value == nullptr ? Value() : *value;
  return Status::kStop;
}

// ---- scopes

Environment* Machine::push(Environment* up, std::uint32_t size) {
  const std::size_t bytes = sizeof(Environment) + size * sizeof(Slot);
  if (static_cast<std::size_t>(scope_end_ - scope_top_) < bytes || scope_top_ == nullptr) {
    constexpr std::size_t kChunk = std::size_t{32} << 10;
    const std::size_t next = chunks_.empty() ? 0 : chunk_ + 1;
    // A chunk too small for this scope is replaced: nothing above the top is in use.
    if (next < chunks_.size() && chunks_[next].size < bytes) chunks_.resize(next);
    if (next >= chunks_.size()) {
      const std::size_t chunk = std::max(kChunk, bytes);
      if (next >= kKeptChunks) heap_.charge(chunk);
      chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(chunk), chunk});
    }
    chunk_ = next;
    scope_top_ = chunks_[chunk_].bytes.get();
    scope_end_ = scope_top_ + chunks_[chunk_].size;
  }
  auto* environment = new (scope_top_) Environment();
  scope_top_ += bytes;
  environment->up = up;
  environment->previous = last_environment_;
  environment->serial = last_environment_ == nullptr ? 1 : last_environment_->serial + 1;
  environment->size = size;
  for (std::uint32_t i = 0; i < size; ++i) new (&environment->slots()[i]) Slot();
  last_environment_ = environment;
  return environment;
}

void Machine::pop_to(Environment* last) noexcept {
  while (last_environment_ != last) {
    Environment* gone = last_environment_;
    for (std::uint32_t i = 0; i < gone->size; ++i) gone->slots()[i].~Slot();
    last_environment_ = gone->previous;
    auto* start = reinterpret_cast<std::byte*>(gone);
    while (chunk_ > 0 &&
           !(start >= chunks_[chunk_].bytes.get() && start < chunks_[chunk_].bytes.get() + chunks_[chunk_].size)) {
      --chunk_;
    }
    scope_top_ = start;
    scope_end_ = chunks_[chunk_].bytes.get() + chunks_[chunk_].size;
  }
}

void Machine::close_over(const Code* argument, Environment* environment, Slot& slot) {
  // A parameter handed on is the closure itself, so that a loop of tail calls does not chain closures.
  while (argument->op == Op::kParameter) {
    const Slot& origin = climb(environment, argument->hops)->slots()[argument->index];
    if (origin.code == nullptr) break;
    environment = origin.environment;
    argument = origin.code;
  }
  slot.code = argument;
  slot.environment = argument->op == Op::kConstant || argument->op == Op::kIdentity ? nullptr : environment;
}

Status Machine::enter_call(const Code& code, Environment*& environment, const Value& input, const ScopeGuard& guard) {
  const FunctionCode& function = *code.function;
  Environment* definition = climb(environment, code.hops);
  const std::size_t count = code.list.size();
  const std::uint64_t floor = guard.last == nullptr ? 0 : guard.last->serial;
  if (count == 0) {
    // Nothing of this activation is needed any more if the function is defined outside of it.
    if (last_environment_ != guard.last && (definition == nullptr || definition->serial <= floor)) pop_to(guard.last);
    environment = definition;
    return Status::kOk;
  }
  constexpr std::size_t kInline = 6;
  Slot inline_slots[kInline];
  std::vector<Slot> more(count > kInline ? count : 0);
  Slot* slots = count > kInline ? more.data() : inline_slots;
  bool droppable = definition == nullptr || definition->serial <= floor;
  for (std::size_t i = 0; i < count; ++i) {
    const FunctionCode::Parameter& parameter = function.parameters[i];
    if (parameter.by_value) {
      Value copy = input;
      const Status status = one(code.list[i], environment, std::move(copy), slots[i].value);
      if (status != Status::kOk) return status;
    }
    if (!parameter.by_value || parameter.as_filter) {
      close_over(code.list[i], environment, slots[i]);
      if (slots[i].environment != nullptr && slots[i].environment->serial > floor) droppable = false;
    }
  }
  if (droppable && last_environment_ != guard.last) pop_to(guard.last);
  Environment* called = push(definition, static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    called->slots()[i].value.swap(slots[i].value);
    called->slots()[i].code = slots[i].code;
    called->slots()[i].environment = slots[i].environment;
  }
  environment = called;
  return Status::kOk;
}

// ---- at most one output

Status Machine::one(const Code* code, Environment* environment, Value&& input, Value& output) {
  if (NativeStack::low()) [[unlikely]] {
    return with_native_stack([&] { return one_here(code, environment, std::move(input), output); });
  }
  return one_here(code, environment, std::move(input), output);
}

Status Machine::one_here(const Code* code, Environment* environment, Value&& input, Value& output) {
  const ScopeGuard guard(*this);
  while (true) {
    count_steps(1);
    switch (code->op) {
      case Op::kIdentity:
        output = std::move(input);
        return Status::kOk;
      case Op::kConstant:
        output = code->constant;
        return Status::kOk;
      case Op::kPath:
        return path_steps(*code, environment, std::move(input), output);
      case Op::kVariable:
        output = climb(environment, code->hops)->slots()[code->index].value;
        return Status::kOk;
      case Op::kPipe: {
        Value between;
        const Status status = one(code->a, environment, std::move(input), between);
        if (status != Status::kOk) return status;
        input = std::move(between);
        code = code->b;
        continue;
      }
      case Op::kIf: {
        Value condition;
        Value copy = input;
        const Status status = one(code->a, environment, std::move(copy), condition);
        if (status != Status::kOk) return status;
        code = condition.truthy() ? code->b : code->c;
        continue;
      }
      case Op::kIndex: {
        Value key;
        Value copy = input;
        Status status = one(code->b, environment, std::move(copy), key);
        if (status != Status::kOk) return status;
        Value base;
        status = one(code->a, environment, std::move(input), base);
        if (status != Status::kOk) return status;
        status = index(base, key, output);
        return code->flag && status == Status::kError ? Status::kEmpty : status;
      }
      case Op::kSlice: {
        Value from = Value::null();
        Value to = Value::null();
        if (code->b != nullptr) {
          Value copy = input;
          const Status status = one(code->b, environment, std::move(copy), from);
          if (status != Status::kOk) return status;
        }
        if (code->c != nullptr) {
          Value copy = input;
          const Status status = one(code->c, environment, std::move(copy), to);
          if (status != Status::kOk) return status;
        }
        Value base;
        const Status status = one(code->a, environment, std::move(input), base);
        if (status != Status::kOk) return status;
        std::string problem;
        if (get_slice(base, from, to, output, problem)) return Status::kOk;
        return code->flag ? Status::kEmpty : fail(problem);
      }
      case Op::kCollect:
        return collect(code->a, environment, std::move(input), nullptr, output);
      case Op::kObject:
        return object_one(*code, environment, input, output);
      case Op::kNegate: {
        Value operand;
        const Status status = one(code->a, environment, std::move(input), operand);
        if (status != Status::kOk) return status;
        if (!operand.is_number()) {
          return fail(std::string(type_name(operand)) + " (" + shortened(operand) + ") cannot be negated");
        }
        output = negated(operand);
        return Status::kOk;
      }
      case Op::kBinary: {
        Value right;
        Value copy = input;
        Status status = one(code->b, environment, std::move(copy), right);
        if (status != Status::kOk) return status;
        copy = Value();  // So that the left side may be changed in place.
        Value left;
        status = one(code->a, environment, std::move(input), left);
        if (status != Status::kOk) return status;
        return binary(code->binary, left, right, output);
      }
      case Op::kAnd:
      case Op::kOr: {
        Value left;
        Value copy = input;
        Status status = one(code->a, environment, std::move(copy), left);
        if (status != Status::kOk) return status;
        if (left.truthy() == (code->op == Op::kOr)) {
          output = Value::boolean(code->op == Op::kOr);
          return Status::kOk;
        }
        Value right;
        status = one(code->b, environment, std::move(input), right);
        if (status == Status::kOk) output = Value::boolean(right.truthy());
        return status;
      }
      case Op::kAlternative: {
        Value copy = input;
        const Status status = one(code->a, environment, std::move(copy), output);
        if (status == Status::kOk ? output.truthy() : status != Status::kEmpty) return status;
        code = code->b;
        continue;
      }
      case Op::kTry: {
        Value copy = input;
        const Status status = one(code->a, environment, std::move(copy), output);
        if (status != Status::kError) return status;
        if (code->b == nullptr) return Status::kEmpty;
        input = std::move(error_);
        code = code->b;
        continue;
      }
      case Op::kReduce: {
        Value state;
        Value copy = input;
        const Status status = one(code->b, environment, std::move(copy), state);
        if (status != Status::kOk) return status;
        return reduce(*code, environment, std::move(input), std::move(state), nullptr, output);
      }
      case Op::kBind: {
        Value bound;
        Value copy = input;
        const Status status = one(code->a, environment, std::move(copy), bound);
        if (status != Status::kOk) return status;
        const bool plain = code->patterns.size() == 1 && code->patterns[0].kind == ast::Pattern::Kind::kVariable;
        if (plain) {
          Environment* inner = push(environment, 1);
          inner->slots()[0].value = std::move(bound);
          environment = inner;
          code = code->b;
          continue;
        }
        bool found = false;
        const Status done = bind(*code, environment, std::move(bound), [&](Environment* inner) {
          Value here = input;
          const Status inside = one(code->b, inner, std::move(here), output);
          found = inside == Status::kOk;
          return inside == Status::kEmpty ? Status::kOk : inside;
        });
        return done == Status::kOk && !found ? Status::kEmpty : done;
      }
      case Op::kCall: {
        const Code* body = code->function->body;
        const Status status = enter_call(*code, environment, input, guard);
        if (status != Status::kOk) return status;
        code = body;
        continue;
      }
      case Op::kParameter: {
        const Slot& slot = climb(environment, code->hops)->slots()[code->index];
        if (slot.code == nullptr) {
          output = slot.value;
          return Status::kOk;
        }
        environment = slot.environment;
        code = slot.code;
        continue;
      }
      case Op::kLabel: {
        Environment* inner = push(environment, 1);
        const std::uint64_t label = new_label();
        inner->slots()[0].value = Value::number(static_cast<double>(label));
        const Status status = one(code->a, inner, std::move(input), output);
        return status == Status::kBreak && break_label_ == label ? Status::kEmpty : status;
      }
      case Op::kBreak:
        break_label_ = static_cast<std::uint64_t>(climb(environment, code->hops)->slots()[0].value.number());
        return Status::kBreak;
      case Op::kFormat:
        return format_one(code->constant.string(), input, output);
      case Op::kTemplate:
        return template_one(*code, environment, input, output);
      case Op::kBuiltin:
        return builtin_one(*code, environment, std::move(input), output);
      case Op::kAssign: {
        Value value;
        Value copy = input;
        const Status status = one(code->b, environment, std::move(copy), value);
        if (status != Status::kOk) return status;
        copy = Value();
        return assign(*code, environment, std::move(input), value, output);
      }
      case Op::kUpdate:
        return update_one(*code, environment, std::move(input), output);
      case Op::kUpdateOp: {
        Value operand;
        Value copy = input;
        const Status status = one(code->b, environment, std::move(copy), operand);
        if (status != Status::kOk) return status;
        copy = Value();
        return update_op(*code, environment, std::move(input), operand, output);
      }
      case Op::kEmpty:
        return Status::kEmpty;
      case Op::kError: {
        Value raised;
        const Status status = one(code->a, environment, std::move(input), raised);
        return status == Status::kOk ? fail_with(std::move(raised)) : status;
      }
      case Op::kGetPath: {
        Value path;
        Value copy = input;
        const Status status = one(code->a, environment, std::move(copy), path);
        if (status != Status::kOk) return status;
        std::string problem;
        return get_path(input, path, output, problem) ? Status::kOk : fail(problem);
      }
      case Op::kIterate:
      case Op::kRecurse:
      case Op::kComma:
      case Op::kForeach:
      case Op::kPathOf:
      case Op::kRange:
      case Op::kRangeBy:
      case Op::kFirst:
      case Op::kLast:
      case Op::kLimit:
      case Op::kSkip:
      case Op::kNth:
      case Op::kUntil:
      case Op::kWhile:
      case Op::kRepeat:
      case Op::kIsEmpty:
      case Op::kAny:
      case Op::kAll:
      case Op::kAdd:
      case Op::kInputs:
        return generator_one(*code, environment, std::move(input), output);
    }
  }
}

// ---- any number of outputs

Status Machine::many(const Code* code, Environment* environment, Value&& input, const Track* track, Emit emit) {
  if (NativeStack::low()) [[unlikely]] {
    return with_native_stack([&] { return many_here(code, environment, std::move(input), track, emit); });
  }
  return many_here(code, environment, std::move(input), track, emit);
}

Status Machine::each(const Code* code, Environment* environment, const Value& input,
                     FunctionRef<Status(Value&&)> body) {
  Value copy = input;
  if (code->single) {
    Value value;
    const Status status = one(code, environment, std::move(copy), value);
    return status == Status::kOk ? body(std::move(value)) : status == Status::kEmpty ? Status::kOk : status;
  }
  return many(code, environment, std::move(copy), nullptr,
              [&](Value&& value, const Track*) { return body(std::move(value)); });
}

Status Machine::many_here(const Code* code, Environment* environment, Value&& input, const Track* track, Emit emit) {
  const ScopeGuard guard(*this);
  while (true) {
    if (code->single && track == nullptr) {
      Value output;
      const Status status = one(code, environment, std::move(input), output);
      if (status == Status::kOk) return emit(std::move(output), nullptr);
      return status == Status::kEmpty ? Status::kOk : status;
    }
    count_steps(1);
    switch (code->op) {
      case Op::kIdentity:
        return emit(std::move(input), track);
      case Op::kConstant: {
        if (track == nullptr || !code->constant.is_number()) return emit(Value(code->constant), track);
        // A number of the program is never the one at the path, whatever its value.
        const Track elsewhere{track->up, track->key, Value()};
        return emit(Value(code->constant), &elsewhere);
      }
      case Op::kVariable:
        return emit(Value(climb(environment, code->hops)->slots()[code->index].value), track);
      case Op::kPath:
        if (code->flag) input = climb(environment, code->hops)->slots()[code->index].value;
        return track_steps(*code, 0, std::move(input), track, emit);
      case Op::kPipe: {
        if (code->a->single && track == nullptr) {
          Value between;
          const Status status = one(code->a, environment, std::move(input), between);
          if (status != Status::kOk) return status == Status::kEmpty ? Status::kOk : status;
          input = std::move(between);
          code = code->b;
          continue;
        }
        const Code* next = code->b;
        return many(code->a, environment, std::move(input), track, [&](Value&& value, const Track* at) {
          return many(next, environment, std::move(value), at, emit);
        });
      }
      case Op::kComma: {
        Value copy = input;
        const Status status = many(code->a, environment, std::move(copy), track, emit);
        if (status != Status::kOk) return status;
        code = code->b;
        continue;
      }
      case Op::kIf: {
        if (code->a->single) {
          Value condition;
          Value copy = input;
          const Status status = one(code->a, environment, std::move(copy), condition);
          if (status != Status::kOk) return status == Status::kEmpty ? Status::kOk : status;
          code = condition.truthy() ? code->b : code->c;
          continue;
        }
        const Code* branch = code;
        return each(code->a, environment, input, [&](Value&& condition) {
          Value copy = input;
          return many(condition.truthy() ? branch->b : branch->c, environment, std::move(copy), track, emit);
        });
      }
      case Op::kIndex: {
        const Code* step = code;
        return each(code->b, environment, input, [&](Value&& key) {
          Value copy = input;
          return many(step->a, environment, std::move(copy), track, [&](Value&& value, const Track* at) {
            if (at != nullptr) return index_tracked(std::move(value), key, at, emit, step->flag);
            Value output;
            const Status status = index(value, key, output);
            if (status != Status::kOk) return step->flag ? Status::kOk : status;
            return emit(std::move(output), nullptr);
          });
        });
      }
      case Op::kSlice: {
        const Code* slice = code;
        const auto with_bounds = [&](const Value& from, const Value& to) {
          Value copy = input;
          return many(slice->a, environment, std::move(copy), track, [&](Value&& value, const Track* at) {
            if (at != nullptr) {
              Value key = Value::object();
              object_set(key, Value::string("start"), from);
              object_set(key, Value::string("end"), to);
              return index_tracked(std::move(value), std::move(key), at, emit, slice->flag);
            }
            Value output;
            std::string problem;
            if (!get_slice(value, from, to, output, problem)) return slice->flag ? Status::kOk : fail(problem);
            return emit(std::move(output), nullptr);
          });
        };
        const auto with_from = [&](const Value& from) {
          if (slice->c == nullptr) return with_bounds(from, Value::null());
          return each(slice->c, environment, input, [&](Value&& to) { return with_bounds(from, to); });
        };
        if (slice->b == nullptr) return with_from(Value::null());
        return each(slice->b, environment, input, [&](Value&& from) { return with_from(from); });
      }
      case Op::kIterate: {
        const bool optional = code->flag;
        return many(code->a, environment, std::move(input), track, [&](Value&& value, const Track* at) {
          if (optional && !value.is_array() && !value.is_object()) return Status::kOk;
          return iterate(std::move(value), at, emit);
        });
      }
      case Op::kRecurse:
        return recurse(std::move(input), track, emit);
      case Op::kCollect: {
        Value output;
        const Status status = collect(code->a, environment, std::move(input), track, output);
        return status == Status::kOk ? emit(std::move(output), track) : status;
      }
      case Op::kObject:
        return object_many(*code, 0, environment, input, Value::object(), track, emit);
      case Op::kNegate:
        return each(code->a, environment, input, [&](Value&& operand) {
          if (!operand.is_number()) {
            return fail(std::string(type_name(operand)) + " (" + shortened(operand) + ") cannot be negated");
          }
          return emit(negated(operand), track);
        });
      case Op::kBinary: {
        const Code* operation = code;
        return each(code->b, environment, input, [&](Value&& right) {
          return each(operation->a, environment, input, [&](Value&& left) {
            Value output;
            Value operand = right;
            const Status status = binary(operation->binary, left, operand, output);
            return status == Status::kOk ? emit(std::move(output), track) : status;
          });
        });
      }
      case Op::kAnd:
      case Op::kOr: {
        const Code* operation = code;
        return each(code->a, environment, input, [&](Value&& left) {
          const bool decisive = operation->op == Op::kOr;
          if (left.truthy() == decisive) return emit(Value::boolean(decisive), track);
          return each(operation->b, environment, input,
                      [&](Value&& right) { return emit(Value::boolean(right.truthy()), track); });
        });
      }
      case Op::kAlternative: {
        bool found = false;
        Value copy = input;
        const Status status = many(code->a, environment, std::move(copy), track, [&](Value&& value, const Track* at) {
          if (!value.truthy()) return Status::kOk;
          found = true;
          return emit(std::move(value), at);
        });
        if (status != Status::kOk || found) return status;
        code = code->b;
        continue;
      }
      case Op::kTry: {
        bool downstream = false;
        Value copy = input;
        const Status status = many(code->a, environment, std::move(copy), track, [&](Value&& value, const Track* at) {
          const Status after = emit(std::move(value), at);
          downstream = after != Status::kOk;
          return after;
        });
        if (status != Status::kError || downstream) return status;
        if (code->b == nullptr) return Status::kOk;
        input = std::move(error_);
        code = code->b;
        continue;
      }
      case Op::kReduce: {
        const Code* reduction = code;
        return each(code->b, environment, input, [&](Value&& state) {
          Value copy = input;
          Value output;
          const Status status = reduce(*reduction, environment, std::move(copy), std::move(state), track, output);
          return status == Status::kOk ? emit(std::move(output), track) : status;
        });
      }
      case Op::kForeach: {
        const Code* loop = code;
        return each(code->b, environment, input, [&](Value&& state) {
          Value copy = input;
          return foreach (*loop, environment, std::move(copy), std::move(state), track, emit);
        });
      }
      case Op::kBind: {
        const Code* binding = code;
        const bool plain = code->patterns.size() == 1 && code->patterns[0].kind == ast::Pattern::Kind::kVariable;
        if (plain && code->a->single) {
          Value bound;
          Value copy = input;
          const Status status = one(code->a, environment, std::move(copy), bound);
          if (status != Status::kOk) return status == Status::kEmpty ? Status::kOk : status;
          Environment* inner = push(environment, 1);
          inner->slots()[0].value = std::move(bound);
          environment = inner;
          code = code->b;
          continue;
        }
        return each(code->a, environment, input, [&](Value&& bound) {
          return bind(*binding, environment, std::move(bound), [&](Environment* inner) {
            Value copy = input;
            return many(binding->b, inner, std::move(copy), track, emit);
          });
        });
      }
      case Op::kCall: {
        bool simple = true;
        for (std::size_t i = 0; i < code->list.size(); ++i) {
          if (code->function->parameters[i].by_value && !code->list[i]->single) simple = false;
        }
        if (!simple) {
          const ScopeGuard scope(*this);
          Environment* called = push(climb(environment, code->hops), static_cast<std::uint32_t>(code->list.size()));
          return call_many(*code, 0, called, environment, input, track, emit);
        }
        const Code* body = code->function->body;
        const Status status = enter_call(*code, environment, input, guard);
        if (status != Status::kOk) return status == Status::kEmpty ? Status::kOk : status;
        code = body;
        continue;
      }
      case Op::kParameter: {
        const Slot& slot = climb(environment, code->hops)->slots()[code->index];
        if (slot.code == nullptr) return emit(Value(slot.value), track);
        environment = slot.environment;
        code = slot.code;
        continue;
      }
      case Op::kLabel: {
        Environment* inner = push(environment, 1);
        const std::uint64_t label = new_label();
        inner->slots()[0].value = Value::number(static_cast<double>(label));
        const Status status = many(code->a, inner, std::move(input), track, emit);
        return status == Status::kBreak && break_label_ == label ? Status::kOk : status;
      }
      case Op::kBreak:
        break_label_ = static_cast<std::uint64_t>(climb(environment, code->hops)->slots()[0].value.number());
        return Status::kBreak;
      case Op::kFormat: {
        Value output;
        const Status status = format_one(code->constant.string(), input, output);
        return status == Status::kOk ? emit(std::move(output), track) : status;
      }
      case Op::kTemplate:
        return template_many(*code, code->list.size(), environment, input, Value::string({}), track, emit);
      case Op::kBuiltin: {
        constexpr std::size_t kMostArguments = 4;
        Value arguments[kMostArguments];
        return builtin_many(*code, code->list.size(), arguments, environment, input, track, emit);
      }
      case Op::kAssign: {
        const Code* assignment = code;
        return each(code->b, environment, input, [&](Value&& value) {
          Value output;
          const Status status = assign(*assignment, environment, Value(input), value, output);
          return status == Status::kOk ? emit(std::move(output), track) : status;
        });
      }
      case Op::kUpdate: {
        Value output;
        const Status status = update_one(*code, environment, std::move(input), output);
        return status == Status::kOk ? emit(std::move(output), track) : status;
      }
      case Op::kUpdateOp: {
        const Code* assignment = code;
        return each(code->b, environment, input, [&](Value&& operand) {
          Value output;
          const Status status = update_op(*assignment, environment, Value(input), operand, output);
          return status == Status::kOk ? emit(std::move(output), track) : status;
        });
      }
      case Op::kEmpty:
        return Status::kOk;
      case Op::kError:
        return many(code->a, environment, std::move(input), nullptr,
                    [&](Value&& value, const Track*) { return fail_with(std::move(value)); });
      case Op::kGetPath:
        return each(code->a, environment, input, [&](Value&& path) {
          std::string problem;
          Value output;
          if (track == nullptr) {
            return get_path(input, path, output, problem) ? emit(std::move(output), nullptr) : fail(problem);
          }
          if (!track->at.identical(input)) return fail("Invalid path expression with result " + shortened(input));
          if (!get_path(input, path, output, problem)) return fail(problem);
          // One link for each key of the path; only the last one has to hold the value.
          std::vector<Track> links(array_size(path));
          const Track* last = track;
          for (std::size_t i = 0; i < links.size(); ++i) {
            links[i].up = last;
            links[i].key = array_at(path, i);
            last = &links[i];
          }
          if (!links.empty()) links.back().at = output;
          return emit(std::move(output), last);
        });
      case Op::kPathOf:
      case Op::kRange:
      case Op::kRangeBy:
      case Op::kFirst:
      case Op::kLast:
      case Op::kLimit:
      case Op::kSkip:
      case Op::kNth:
      case Op::kUntil:
      case Op::kWhile:
      case Op::kRepeat:
      case Op::kIsEmpty:
      case Op::kAny:
      case Op::kAll:
      case Op::kAdd:
      case Op::kInputs:
        return generator_many(*code, environment, std::move(input), track, emit);
    }
  }
}

}  // namespace riptide::transform::jq
