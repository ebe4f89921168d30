#include <cmath>

#include "jq/json_writer.hpp"
#include "jq/machine.hpp"
#include "jq/native_stack.hpp"
#include "jq/raised.hpp"

// Builtins that take filters and generate, where the machine is quicker or lazier than jq code would be.
namespace riptide::transform::jq {

Status Machine::not_a_count(const Value& value) {
  return fail(std::string(type_name(value)) + " (" + shortened(value) + ") and number (1) cannot be subtracted");
}

Status Machine::generator_one(const Code& code, Environment* environment, Value&& input, Value& output) {
  bool found = false;
  const Status status = generator_many(code, environment, std::move(input), nullptr, [&](Value&& value, const Track*) {
    output = std::move(value);
    found = true;
    return Status::kOk;
  });
  return status == Status::kOk && !found ? Status::kEmpty : status;
}

Status Machine::range(const Value& from, const Value& upto, const Track* track, Emit emit) {
  if (!from.is_number() || !upto.is_number()) return fail("Range bounds must be numeric");
  const double end = upto.number();
  for (double at = from.number(); at < end; at += 1) {
    count_steps(1);
    const Status status = emit(Value::number(at), track);
    if (status != Status::kOk) return status;
  }
  return Status::kOk;
}

Status Machine::range_by(const Value& from, const Value& upto, const Value& by, const Track* track, Emit emit) {
  // As `if $by > 0 then $from | while(. < $upto; . + $by) elif $by < 0 then ...` in jq's order of values.
  const int direction = compare(by, Value::number(0.0));
  if (direction == 0) return Status::kOk;
  Value at = from;
  while (direction > 0 ? compare(at, upto) < 0 : compare(at, upto) > 0) {
    count_steps(1);
    const Status status = emit(Value(at), track);
    if (status != Status::kOk) return status;
    Value step = by;
    Value next;
    const Status added = binary(ast::Operator::kAdd, at, step, next);
    if (added != Status::kOk) return added;
    at = std::move(next);
  }
  return Status::kOk;
}

// def until(cond; update): if cond then . else update | until(cond; update) end
Status Machine::until(const Code& code, Environment* environment, Value&& input, const Track* track, Emit emit) {
  if (NativeStack::low()) {
    return with_native_stack([&] { return until(code, environment, std::move(input), track, emit); });
  }
  Value at = std::move(input);
  while (code.a->single && code.b->single && track == nullptr) {
    count_steps(1);
    Value condition;
    Status status = one(code.a, environment, Value(at), condition);
    if (status != Status::kOk) return status == Status::kEmpty ? Status::kOk : status;
    if (condition.truthy()) return emit(std::move(at), nullptr);
    Value next;
    status = one(code.b, environment, std::move(at), next);
    if (status != Status::kOk) return status == Status::kEmpty ? Status::kOk : status;
    at = std::move(next);
  }
  count_steps(1);
  return each(code.a, environment, at, [&](Value&& condition) {
    if (condition.truthy()) return emit(Value(at), track);
    return many(code.b, environment, Value(at), track, [&](Value&& next, const Track* after) {
      return until(code, environment, std::move(next), after, emit);
    });
  });
}

// def while(cond; update): if cond then ., (update | while(cond; update)) else empty end
Status Machine::while_loop(const Code& code, Environment* environment, Value&& input, const Track* track, Emit emit) {
  if (NativeStack::low()) {
    return with_native_stack([&] { return while_loop(code, environment, std::move(input), track, emit); });
  }
  Value at = std::move(input);
  while (code.a->single && code.b->single && track == nullptr) {
    count_steps(1);
    Value condition;
    Status status = one(code.a, environment, Value(at), condition);
    if (status != Status::kOk) return status == Status::kEmpty ? Status::kOk : status;
    if (!condition.truthy()) return Status::kOk;
    status = emit(Value(at), nullptr);
    if (status != Status::kOk) return status;
    Value next;
    status = one(code.b, environment, std::move(at), next);
    if (status != Status::kOk) return status == Status::kEmpty ? Status::kOk : status;
    at = std::move(next);
  }
  count_steps(1);
  return each(code.a, environment, at, [&](Value&& condition) {
    if (!condition.truthy()) return Status::kOk;
    const Status status = emit(Value(at), track);
    if (status != Status::kOk) return status;
    return many(code.b, environment, Value(at), track, [&](Value&& next, const Track* after) {
      return while_loop(code, environment, std::move(next), after, emit);
    });
  });
}

// def repeat(f): f, repeat(f)
Status Machine::repeat(const Code& code, Environment* environment, Value&& input, const Track* track, Emit emit) {
  while (true) {
    count_steps(1);
    const Status status = many(code.a, environment, Value(input), track, emit);
    if (status != Status::kOk) return status;
  }
}

Status Machine::generator_many(const Code& code, Environment* environment, Value&& input, const Track* track,
                               Emit emit) {
  switch (code.op) {
    case Op::kRange:
      return each(code.a, environment, input, [&](Value&& from) {
        return each(code.b, environment, input, [&](Value&& upto) { return range(from, upto, track, emit); });
      });
    case Op::kRangeBy:
      return each(code.a, environment, input, [&](Value&& from) {
        return each(code.b, environment, input, [&](Value&& upto) {
          return each(code.c, environment, input, [&](Value&& by) {
            try {
              return range_by(from, upto, by, track, emit);
            } catch (const ErrorRaised& raised) {
              return fail(raised.message);
            }
          });
        });
      });
    case Op::kPathOf:
      return paths_of(code.a, environment, input, [&](Value&& path) { return emit(std::move(path), track); });
    case Op::kFirst: {
      const std::uint64_t label = new_label();
      const Status status = many(code.a, environment, std::move(input), track, [&](Value&& value, const Track* at) {
        const Status after = emit(std::move(value), at);
        if (after != Status::kOk) return after;
        break_label_ = label;
        return Status::kBreak;
      });
      return status == Status::kBreak && break_label_ == label ? Status::kOk : status;
    }
    case Op::kLast: {
      Value last;
      const Status status = many(code.a, environment, std::move(input), track, [&](Value&& value, const Track*) {
        last = std::move(value);
        return Status::kOk;
      });
      return status == Status::kOk && last.valid() ? emit(std::move(last), track) : status;
    }
    case Op::kLimit:
      return each(code.a, environment, input, [&](Value&& count) {
        const int sign = compare(count, Value::number(0.0));
        if (sign < 0) return fail("limit doesn't support negative count");
        if (sign == 0) return Status::kOk;
        if (!count.is_number()) return not_a_count(count);
        double left = count.number();
        const std::uint64_t label = new_label();
        const Status status = many(code.b, environment, Value(input), track, [&](Value&& value, const Track* at) {
          left -= 1;
          const Status after = emit(std::move(value), at);
          if (after != Status::kOk || left > 0) return after;
          break_label_ = label;
          return Status::kBreak;
        });
        return status == Status::kBreak && break_label_ == label ? Status::kOk : status;
      });
    case Op::kSkip:
      return each(code.a, environment, input, [&](Value&& count) {
        const int sign = compare(count, Value::number(0.0));
        if (sign < 0) return fail("skip doesn't support negative count");
        if (sign > 0 && !count.is_number()) return not_a_count(count);
        double left = count.number();
        return many(code.b, environment, Value(input), track, [&](Value&& value, const Track* at) {
          left = left > 0 ? left - 1 : -1;
          if (left >= 0) return Status::kOk;
          return emit(std::move(value), at);
        });
      });
    case Op::kNth:
      return each(code.a, environment, input, [&](Value&& position) {
        const int sign = compare(position, Value::number(0.0));
        if (sign < 0) return fail("nth doesn't support negative indices");
        if (sign > 0 && !position.is_number()) return not_a_count(position);
        double left = position.number();
        const std::uint64_t label = new_label();
        const Status status = many(code.b, environment, Value(input), track, [&](Value&& value, const Track* at) {
          left = left > 0 ? left - 1 : -1;
          if (left >= 0) return Status::kOk;
          const Status after = emit(std::move(value), at);
          if (after != Status::kOk) return after;
          break_label_ = label;
          return Status::kBreak;
        });
        return status == Status::kBreak && break_label_ == label ? Status::kOk : status;
      });
    case Op::kUntil:
      return until(code, environment, std::move(input), track, emit);
    case Op::kWhile:
      return while_loop(code, environment, std::move(input), track, emit);
    case Op::kRepeat:
      return repeat(code, environment, std::move(input), track, emit);
    case Op::kIsEmpty: {
      bool empty = true;
      const std::uint64_t label = new_label();
      const Status status = many(code.a, environment, std::move(input), nullptr, [&](Value&&, const Track*) {
        empty = false;
        break_label_ = label;
        return Status::kBreak;
      });
      if (status != Status::kOk && !(status == Status::kBreak && break_label_ == label)) return status;
      return emit(Value::boolean(empty), track);
    }
    case Op::kAny:
    case Op::kAll: {
      const bool decisive = code.op == Op::kAny;
      bool decided = false;
      const std::uint64_t label = new_label();
      const Status status = many(code.a, environment, std::move(input), nullptr, [&](Value&& value, const Track*) {
        return each(code.b, environment, value, [&](Value&& truth) {
          if (truth.truthy() != decisive) return Status::kOk;
          decided = true;
          break_label_ = label;
          return Status::kBreak;
        });
      });
      if (status != Status::kOk && !(status == Status::kBreak && break_label_ == label)) return status;
      return emit(Value::boolean(decided == decisive), track);
    }
    case Op::kAdd: {
      Value sum = Value::null();
      const Status status = many(code.a, environment, std::move(input), nullptr, [&](Value&& value, const Track*) {
        Value left = std::move(sum);
        return binary(ast::Operator::kAdd, left, value, sum);
      });
      return status == Status::kOk ? emit(std::move(sum), track) : status;
    }
    case Op::kInputs:
      while (true) {
        std::string text;
        if (host_ == nullptr) return Status::kOk;
        Result<bool> more = host_->next_input(text);
        if (!more) return fail(more.error().message);
        if (!*more) return Status::kOk;
        Value value;
        std::string problem;
        if (!reader_.read(text, JsonReader::Ownership::kCopy, limits_.max_depth, value, problem))
          return fail(host_->input_problem(problem));
        const Status status = emit(std::move(value), track);
        if (status != Status::kOk) return status;
      }
    case Op::kIdentity:
    case Op::kConstant:
    case Op::kPath:
    case Op::kIndex:
    case Op::kSlice:
    case Op::kIterate:
    case Op::kRecurse:
    case Op::kCollect:
    case Op::kObject:
    case Op::kNegate:
    case Op::kPipe:
    case Op::kComma:
    case Op::kBinary:
    case Op::kAnd:
    case Op::kOr:
    case Op::kAlternative:
    case Op::kAssign:
    case Op::kUpdate:
    case Op::kUpdateOp:
    case Op::kTry:
    case Op::kIf:
    case Op::kReduce:
    case Op::kForeach:
    case Op::kBind:
    case Op::kCall:
    case Op::kParameter:
    case Op::kVariable:
    case Op::kLabel:
    case Op::kBreak:
    case Op::kFormat:
    case Op::kTemplate:
    case Op::kBuiltin:
    case Op::kGetPath:
    case Op::kEmpty:
    case Op::kError:
      break;
  }
  return fail("internal error: not a generator");
}

}  // namespace riptide::transform::jq
