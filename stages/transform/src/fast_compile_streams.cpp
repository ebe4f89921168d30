// Compiling what has any number of outputs: `.[]`, `f, g`, and what is made of them.
#include "fast_compiler.hpp"

namespace riptide::transform::fast {

using jq::ast::Kind;
using jq::ast::Node;

namespace {

constexpr int kDeepest = 64;

}  // namespace

const Node* Compiler::many_of(const Node* node, int depth) {
  if (node == nullptr || depth >= kDeepest) return nullptr;
  const auto child = [&](std::size_t index) { return many_of(node->child(index), depth + 1); };
  const auto either = [&](std::size_t first, std::size_t second) {
    const Node* const found = child(first);
    return found != nullptr ? found : child(second);
  };
  switch (node->kind) {
    case Kind::kIterate:
    case Kind::kComma:
      return node;
    case Kind::kField:
    case Kind::kIndex:
    case Kind::kSlice:
    case Kind::kTry:
      return child(0);
    case Kind::kPipe:
    case Kind::kBinary:
    case Kind::kAlternative:
      return either(0, 1);
    case Kind::kIf:
      return either(1, 2);
    case Kind::kBind:
      return child(1);
    case Kind::kIdentity:
    case Kind::kRecurse:
    case Kind::kNumber:
    case Kind::kString:
    case Kind::kTemplate:
    case Kind::kFormat:
    case Kind::kArray:
    case Kind::kObject:
    case Kind::kNegate:
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kAssign:
    case Kind::kUpdate:
    case Kind::kUpdateOp:
    case Kind::kReduce:
    case Kind::kForeach:
    case Kind::kFunctions:
    case Kind::kCall:
    case Kind::kVariable:
    case Kind::kLocation:
    case Kind::kLabel:
    case Kind::kBreak:
      break;
  }
  return nullptr;
}

ClosureId Compiler::compile_any(const Node* node, const Subject& input) {
  return makes_many(node) ? stream(node, input) : compile(node, input);
}

ClosureId Compiler::stream(const Node* node, const Subject& input) {
  if (node == nullptr) return kNoClosure;
  if (depth_ >= kDeepest) return refuse({"is nested too deep or too long"});
  const std::size_t refusals = reasons_.count;
  ++depth_;
  const ClosureId id = stream_of(*node, input);
  --depth_;
  if (id == kNoClosure && reasons_.count == refusals) refuse(reason_against(*node));
  return id;
}

ClosureId Compiler::each(ClosureId source) {
  if (source == kNoClosure) return source;
  const std::uint32_t slot = new_register();
  const ClosureId element = subject(in_register(slot));
  const ClosureId id = make(Op::kEach, source, element);
  closure(id).slot = slot;
  return id;
}

ClosureId Compiler::then(ClosureId from, const Node* right) {
  if (from == kNoClosure) return from;
  const Op op = closure(from).op;
  if (op == Op::kEach) {
    const ClosureId body = then(closure(from).b, right);
    if (body == kNoClosure) return body;
    closure(from).b = body;
    return from;
  }
  if (op == Op::kRegister) return compile_any(right, in_register(closure(from).slot));
  const std::uint32_t slot = new_register();
  const ClosureId body = compile_any(right, in_register(slot));
  if (body == kNoClosure) return body;
  const ClosureId id = make(Op::kThen, from, body);
  closure(id).slot = slot;
  return id;
}

ClosureId Compiler::stream_of(const Node& node, const Subject& input) {
  switch (node.kind) {
    case Kind::kIterate:
      if (makes_many(node.child(0))) {
        const ClosureId from = stream(node.child(0), input);
        if (from == kNoClosure) return from;
        const std::uint32_t slot = new_register();
        const ClosureId elements = each(subject(in_register(slot)));
        const ClosureId id = make(Op::kThen, from, elements);
        closure(id).slot = slot;
        return id;
      }
      return each(compile(node.child(0), input));
    case Kind::kComma: {
      const ClosureId left = compile_any(node.child(0), input);
      const ClosureId right = left == kNoClosure ? left : compile_any(node.child(1), input);
      return right == kNoClosure ? right : make_with(Op::kConcat, {left, right});
    }
    case Kind::kTry: {
      const Node* const of = node.child(0);
      if (of == nullptr || node.children.size() > 1) return kNoClosure;
      if (of->kind != Kind::kIterate || makes_many(of->child(0))) return stream(of, input);
      const ClosureId id = each(compile(of->child(0), input));
      if (id != kNoClosure) closure(id).optional = true;
      return id;
    }
    case Kind::kField:
    case Kind::kIndex: {
      const Node* const by = node.child(1);
      const auto index = by == nullptr ? std::nullopt : whole_number(*by);
      if (by == nullptr || (by->kind != Kind::kString && !index)) return kNoClosure;
      const ClosureId from = stream(node.child(0), input);
      if (from == kNoClosure) return from;
      const std::uint32_t slot = new_register();
      ClosureId step = subject(in_register(slot));
      if (by->kind == Kind::kString) {
        step = member(step, by->text);
      } else {
        step = make(Op::kElement, step);
        closure(step).number = *index;
      }
      if (step == kNoClosure) return step;
      const ClosureId id = make(Op::kThen, from, step);
      closure(id).slot = slot;
      return id;
    }
    case Kind::kPipe:
      if (makes_many(node.child(0))) return then(stream(node.child(0), input), node.child(1));
      return pipe(node.child(0), node.child(1), input);
    case Kind::kBinary:
      return stream_of_binary(node, input);
    case Kind::kAlternative: {
      const ClosureId left = compile_any(node.child(0), input);
      const ClosureId right = left == kNoClosure ? left : compile_any(node.child(1), input);
      return right == kNoClosure ? right : make(Op::kAlternative, left, right);
    }
    case Kind::kIf:
      return conditional(node, input);
    case Kind::kBind:
      return bind(node, input);
    case Kind::kIdentity:
    case Kind::kRecurse:
    case Kind::kNumber:
    case Kind::kString:
    case Kind::kTemplate:
    case Kind::kFormat:
    case Kind::kSlice:
    case Kind::kArray:
    case Kind::kObject:
    case Kind::kNegate:
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kAssign:
    case Kind::kUpdate:
    case Kind::kUpdateOp:
    case Kind::kReduce:
    case Kind::kForeach:
    case Kind::kFunctions:
    case Kind::kCall:
    case Kind::kVariable:
    case Kind::kLocation:
    case Kind::kLabel:
    case Kind::kBreak:
      break;
  }
  return kNoClosure;
}

// jq evaluates the right side first, and the left side for each of its outputs.
ClosureId Compiler::stream_of_binary(const Node& node, const Subject& input) {
  const bool left_many = makes_many(node.child(0));
  if (left_many && makes_many(node.child(1))) return kNoClosure;
  const ClosureId right = compile_any(node.child(1), input);
  const ClosureId left = right == kNoClosure ? right : compile_any(node.child(0), input);
  if (left == kNoClosure) return left;
  const std::uint32_t right_slot = new_register();
  const ClosureId right_value = subject(in_register(right_slot));
  if (!left_many) {
    const ClosureId body = combine(node, left, right_value);
    const ClosureId id = body == kNoClosure ? body : make(Op::kThen, right, body);
    if (id != kNoClosure) closure(id).slot = right_slot;
    return id;
  }
  const std::uint32_t left_slot = new_register();
  const ClosureId body = combine(node, subject(in_register(left_slot)), right_value);
  if (body == kNoClosure) return body;
  const ClosureId lefts = make(Op::kThen, left, body);
  closure(lefts).slot = left_slot;
  const ClosureId id = make(Op::kLet, right, lefts);
  closure(id).slot = right_slot;
  return id;
}

}  // namespace riptide::transform::fast
