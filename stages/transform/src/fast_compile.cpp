#include "fast_compiler.hpp"

#include <optional>

#include "riptide/json/document.hpp"

namespace riptide::transform::fast {

using jq::ast::Kind;
using jq::ast::Node;
using jq::ast::Operator;

namespace {

constexpr int kDeepest = 64;  // of a program; evaluation recurses as deep
constexpr std::size_t kMostClosures = 50'000;

}  // namespace

bool is_strict(const Node* node) {
  while (node != nullptr) {
    switch (node->kind) {
      case Kind::kIdentity:
        return true;
      case Kind::kField:
      case Kind::kIndex:
      case Kind::kSlice:
      case Kind::kIterate:
      case Kind::kPipe:
      case Kind::kTry:
        node = node->child(0);
        continue;
      case Kind::kCall:
        if (node->text == "select") {
          node = node->child(0);
          continue;
        }
        // `first(f)`, `any(f; g)` and the like evaluate what f looks at.
        if (!node->children.empty() && (node->text == "first" || node->text == "add" || node->text == "IN"))
          return false;
        if (node->children.size() > 1 && (node->text == "any" || node->text == "all")) return false;
        return node->text != "true" && node->text != "false" && node->text != "null" && node->text != "empty";
      case Kind::kRecurse:
      case Kind::kNumber:
      case Kind::kString:
      case Kind::kTemplate:
      case Kind::kFormat:
      case Kind::kArray:
      case Kind::kObject:
      case Kind::kNegate:
      case Kind::kComma:
      case Kind::kBinary:
      case Kind::kAnd:
      case Kind::kOr:
      case Kind::kAlternative:
      case Kind::kAssign:
      case Kind::kUpdate:
      case Kind::kUpdateOp:
      case Kind::kIf:
      case Kind::kReduce:
      case Kind::kForeach:
      case Kind::kBind:
      case Kind::kFunctions:
      case Kind::kVariable:
      case Kind::kLabel:
      case Kind::kBreak:
      case Kind::kLocation:
        return false;
    }
  }
  return false;
}

bool is_call(const Node* node, std::string_view name, std::size_t arguments) {
  return node != nullptr && node->kind == Kind::kCall && node->text == name && node->children.size() == arguments;
}

ClosureId Compiler::program(const Node* node) {
  if (!makes_many(node)) return compile(node, Subject{});
  return make_of(Op::kFirst, stream(node, Subject{}));
}

ClosureId Compiler::compile(const Node* node, const Subject& input) {
  if (node == nullptr) return kNoClosure;
  if (depth_ >= kDeepest || plan_.closures_.size() >= kMostClosures) return refuse({"is nested too deep or too long"});
  if (const Node* const many = many_of(node)) return refuse(reason_against(*many));
  Reasons before = reasons_;
  ++depth_;
  const ClosureId id = dispatch(*node, input);
  --depth_;
  if (id != kNoClosure) {
    reasons_ = std::move(before);  // what stood in the way of a first try is none any more
  } else if (reasons_.count == before.count) {
    refuse(reason_against(*node));  // the innermost node that could not be
  }
  return id;
}

ClosureId Compiler::refuse(Reason reason) {
  ++reasons_.count;
  if (reasons_.last.text.empty() || !reason.weak) reasons_.last = std::move(reason);
  return kNoClosure;
}

ClosureId Compiler::make(Op op, ClosureId a, ClosureId b, ClosureId c) {
  const auto id = static_cast<ClosureId>(plan_.closures_.size());
  Closure& made = plan_.closures_.emplace_back();
  made.op = op;
  made.a = a;
  made.b = b;
  made.c = c;
  return id;
}

ClosureId Compiler::make_with(Op op, std::vector<ClosureId> arguments) {
  const ClosureId id = make(op);
  closure(id).arguments = std::move(arguments);
  return id;
}

const std::string& Compiler::keep(std::string text) {
  return *plan_.texts_.emplace_back(std::make_unique<std::string>(std::move(text)));
}

ClosureId Compiler::constant(Cell::Kind kind) {
  const ClosureId id = make(Op::kConstant);
  closure(id).constant.kind = kind;
  return id;
}

Cell Compiler::string_cell(std::string_view text) {
  std::string quoted;
  json::append_quoted(text, quoted);
  const std::string& kept = keep(std::move(quoted));
  Cell cell;
  cell.kind = Cell::Kind::kString;
  cell.escapes = kept.find('\\') == std::string::npos ? Cell::Escapes::kNone : Cell::Escapes::kCanonical;
  cell.text = kept.data() + 1;  // between its quotes, as in a page
  cell.size = static_cast<std::uint32_t>(kept.size() - 2);
  return cell;
}

ClosureId Compiler::string_constant(std::string_view text) {
  const Cell cell = string_cell(text);
  const ClosureId id = make(Op::kConstant);
  closure(id).constant = cell;
  return id;
}

ClosureId Compiler::number_constant(std::int64_t number) {
  const std::string& kept = keep(std::to_string(number));
  const ClosureId id = make(Op::kConstant);
  Cell& cell = closure(id).constant;
  cell.kind = Cell::Kind::kNumber;
  cell.text = kept.data();
  cell.size = static_cast<std::uint32_t>(kept.size());
  return id;
}

ClosureId Compiler::subject(const Subject& of) {
  if (of.kind == Subject::Kind::kPath) {
    const ClosureId id = make(Op::kPlace);
    closure(id).node = of.node;
    return id;
  }
  const ClosureId id = make(Op::kRegister);
  closure(id).slot = of.slot;
  return id;
}

/// A constant or a path may be read again and again; all else is evaluated once, into a register.
const Compiler::Subject* Compiler::variable(std::string_view name) const {
  for (auto bound = variables_.rbegin(); bound != variables_.rend(); ++bound) {
    if (bound->first == name) return &bound->second;
  }
  return nullptr;
}

PathTrie::NodeId Compiler::path(const Node* node, const Subject& input, int depth) {
  if (node == nullptr || depth >= kDeepest) return PathTrie::kNone;
  switch (node->kind) {
    case Kind::kIdentity:
      return input.kind == Subject::Kind::kPath ? input.node : PathTrie::kNone;
    case Kind::kVariable: {
      const Subject* const bound = variable(node->text);
      return bound != nullptr && bound->kind == Subject::Kind::kPath ? bound->node : PathTrie::kNone;
    }
    case Kind::kTry:
      return node->children.size() > 1 ? PathTrie::kNone : path(node->child(0), input, depth + 1);
    case Kind::kField:
    case Kind::kIndex: {
      const Node* const by = node->child(1);
      if (by == nullptr) return PathTrie::kNone;
      const auto index = whole_number(*by);
      if (by->kind != Kind::kString && !(index && *index >= 0)) return PathTrie::kNone;
      const PathTrie::NodeId parent = path(node->child(0), input, depth + 1);
      if (parent == PathTrie::kNone) return PathTrie::kNone;
      if (by->kind == Kind::kString) return plan_.trie_.member(parent, by->text);
      return *index <= UINT32_MAX ? plan_.trie_.element(parent, static_cast<std::uint32_t>(*index)) : PathTrie::kNone;
    }
    case Kind::kPipe: {
      const PathTrie::NodeId left = path(node->child(0), input, depth + 1);
      if (left == PathTrie::kNone) return PathTrie::kNone;
      return path(node->child(1), {Subject::Kind::kPath, left, 0}, depth + 1);
    }
    case Kind::kRecurse:
    case Kind::kNumber:
    case Kind::kString:
    case Kind::kTemplate:
    case Kind::kFormat:
    case Kind::kSlice:
    case Kind::kIterate:
    case Kind::kArray:
    case Kind::kObject:
    case Kind::kNegate:
    case Kind::kComma:
    case Kind::kBinary:
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kAlternative:
    case Kind::kAssign:
    case Kind::kUpdate:
    case Kind::kUpdateOp:
    case Kind::kIf:
    case Kind::kReduce:
    case Kind::kForeach:
    case Kind::kBind:
    case Kind::kFunctions:
    case Kind::kCall:
    case Kind::kLabel:
    case Kind::kBreak:
    case Kind::kLocation:
      break;
  }
  return PathTrie::kNone;
}

ClosureId Compiler::dispatch(const Node& node, const Subject& input) {
  if (const PathTrie::NodeId found = path(&node, input); found != PathTrie::kNone) {
    return subject({Subject::Kind::kPath, found, 0});
  }
  switch (node.kind) {
    case Kind::kIdentity:
      return subject(input);
    case Kind::kNumber:
    case Kind::kNegate: {
      const auto number = whole_number(node);
      return number ? number_constant(*number) : kNoClosure;
    }
    case Kind::kString:
      return string_constant(node.text);
    case Kind::kTemplate:
      return string_template(node, input);
    case Kind::kField:
    case Kind::kIndex:
      return navigation(node, input);
    case Kind::kSlice:
      return slice(node, input);
    case Kind::kArray:
      return array(node, input);
    case Kind::kObject:
      return object(node, input);
    case Kind::kPipe:
      return pipe(node.child(0), node.child(1), input);
    case Kind::kBinary:
      return binary(node, input);
    case Kind::kAnd:
      return with_two(Op::kAnd, node.child(0), node.child(1), input);
    case Kind::kOr:
      return with_two(Op::kOr, node.child(0), node.child(1), input);
    case Kind::kAlternative:
      return with_two(Op::kAlternative, node.child(0), node.child(1), input);
    case Kind::kTry:
      return node.children.size() > 1 ? kNoClosure : compile(node.child(0), input);
    case Kind::kIf:
      return conditional(node, input);
    case Kind::kBind:
      return bind(node, input);
    case Kind::kCall:
      return call(node, input);
    case Kind::kVariable: {
      const Subject* const bound = variable(node.text);
      return bound != nullptr ? subject(*bound) : kNoClosure;
    }
    case Kind::kRecurse:
    case Kind::kFormat:
    case Kind::kIterate:
    case Kind::kComma:
    case Kind::kAssign:
    case Kind::kUpdate:
    case Kind::kUpdateOp:
    case Kind::kReduce:
    case Kind::kForeach:
    case Kind::kFunctions:
    case Kind::kLabel:
    case Kind::kBreak:
    case Kind::kLocation:
      break;
  }
  return kNoClosure;
}

ClosureId Compiler::with_two(Op op, const Node* left, const Node* right, const Subject& input) {
  const ClosureId a = compile(left, input);
  const ClosureId b = a == kNoClosure ? kNoClosure : compile(right, input);
  return b == kNoClosure ? kNoClosure : make(op, a, b);
}

ClosureId Compiler::with_one(Op op, const Node* of, const Subject& input) {
  const ClosureId a = compile(of, input);
  return a == kNoClosure ? kNoClosure : make(op, a);
}

ClosureId Compiler::string_template(const Node& node, const Subject& input) {
  if (!node.text.empty() && node.text != "text") return kNoClosure;
  std::vector<ClosureId> parts;
  for (const auto& child : node.children) {
    const ClosureId part = compile(child.get(), input);
    if (part == kNoClosure) return kNoClosure;
    parts.push_back(part);
  }
  const ClosureId id = make(Op::kTemplate);
  closure(id).arguments = std::move(parts);
  return id;
}

ClosureId Compiler::navigation(const Node& node, const Subject& input) {
  const Node* const by = node.child(1);
  if (by == nullptr) return kNoClosure;
  const Node* const of = node.child(0);
  if (by->kind == Kind::kString && of != nullptr &&
      (is_call(of, "env", 0) || (of->kind == Kind::kVariable && of->text == "ENV" && variable("ENV") == nullptr))) {
    for (const auto& [name, value] : environment_) {
      if (name == by->text) return string_constant(value);
    }
    return constant(Cell::Kind::kNull);
  }
  const auto index = whole_number(*by);
  if (by->kind != Kind::kString && !index) return kNoClosure;
  const ClosureId base = compile(node.child(0), input);
  if (base == kNoClosure) return kNoClosure;
  if (by->kind == Kind::kString) return member(base, by->text);
  const ClosureId id = make(Op::kElement, base);
  closure(id).number = *index;
  return id;
}

ClosureId Compiler::member(ClosureId base, std::string_view name) {
  const Cell cell = string_cell(name);
  if (cell.escapes != Cell::Escapes::kNone) return kNoClosure;
  const ClosureId id = make(Op::kMember, base);
  closure(id).constant = cell;
  return id;
}

ClosureId Compiler::slice(const Node& node, const Subject& input) {
  const Node* const from = node.child(1);
  const Node* const to = node.child(2);
  std::int64_t begin = 0;
  std::int64_t end = INT64_MAX;
  if (from != nullptr) {
    const auto number = whole_number(*from);
    if (!number) return kNoClosure;
    begin = *number;
  }
  if (to != nullptr) {
    const auto number = whole_number(*to);
    if (!number) return kNoClosure;
    end = *number;
  }
  const ClosureId id = with_one(Op::kSlice, node.child(0), input);
  if (id == kNoClosure) return id;
  closure(id).number = begin;
  closure(id).number2 = end;
  return id;
}

ClosureId Compiler::array(const Node& node, const Subject& input) {
  const Node* const inner = node.child(0);
  if (inner == nullptr) return make(Op::kList);
  if (inner->kind != Kind::kComma && makes_many(inner)) return make_of(Op::kCollect, stream(inner, input));
  std::vector<ClosureId> elements;
  // Commas nest to the left.
  std::vector<const Node*> parts;
  const Node* left = inner;
  for (; left->kind == Kind::kComma; left = left->child(0)) parts.push_back(left->child(1));
  parts.push_back(left);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    const ClosureId element = compile_any(*part, input);
    if (element == kNoClosure) return kNoClosure;
    elements.push_back(element);
  }
  return make_with(Op::kList, std::move(elements));
}

ClosureId Compiler::object(const Node& node, const Subject& input) {
  std::vector<ClosureId> parts;
  std::vector<std::string_view> keys;
  for (const jq::ast::ObjectEntry& entry : node.entries) {
    if (entry.key == nullptr) return kNoClosure;
    const bool is_variable = entry.key->kind == Kind::kVariable;
    if (entry.key->kind != Kind::kString && !(is_variable && entry.value == nullptr)) return kNoClosure;
    const std::string_view name = entry.key->text;
    for (const std::string_view known : keys) {
      if (known == name) return kNoClosure;  // the last one wins: left to the evaluator
    }
    keys.push_back(name);
    ClosureId value = kNoClosure;
    if (entry.value != nullptr) {
      value = compile(entry.value.get(), input);
    } else if (is_variable) {
      value = compile(entry.key.get(), input);
    } else if (input.kind == Subject::Kind::kPath) {
      const PathTrie::NodeId child = plan_.trie_.member(input.node, name);
      if (child != PathTrie::kNone) value = subject({Subject::Kind::kPath, child, 0});
    } else {
      value = member(subject(input), name);
    }
    if (value == kNoClosure) return kNoClosure;
    parts.push_back(string_constant(name));
    parts.push_back(value);
  }
  const ClosureId id = make(Op::kRecord);
  closure(id).arguments = std::move(parts);
  return id;
}

ClosureId Compiler::pipe(const Node* left, const Node* right, const Subject& input) {
  if (const PathTrie::NodeId found = path(left, input); found != PathTrie::kNone) {
    const Subject from{Subject::Kind::kPath, found, 0};
    const ClosureId body = compile_any(right, from);
    if (body == kNoClosure || found == PathTrie::kRoot || is_strict(right)) return body;
    const ClosureId id = make(Op::kLet, subject(from), body);
    closure(id).slot = new_register();
    return id;
  }
  // `select(f) | g`: g sees what select saw.
  if (is_call(left, "select", 1)) {
    const ClosureId condition = compile(left->child(0), input);
    const ClosureId body = condition == kNoClosure ? kNoClosure : compile_any(right, input);
    return body == kNoClosure ? kNoClosure : make(Op::kSelect, condition, body);
  }
  // Pipes nest to the right: `t | (select(f) | g)` comes here with a path on the left.
  const ClosureId from = compile(left, input);
  return from == kNoClosure ? kNoClosure : pipe_from(from, right);
}

ClosureId Compiler::pipe_from(ClosureId from, const Node* right) {
  if (closure(from).op == Op::kRegister) return compile_any(right, in_register(closure(from).slot));
  const std::uint32_t slot = new_register();
  const ClosureId body = compile_any(right, in_register(slot));
  if (body == kNoClosure) return kNoClosure;
  const ClosureId id = make(Op::kLet, from, body);
  closure(id).slot = slot;
  return id;
}

ClosureId Compiler::binary(const Node& node, const Subject& input) {
  if (node.op == Operator::kAdd) return sum(node, input);
  const ClosureId left = compile(node.child(0), input);
  const ClosureId right = left == kNoClosure ? kNoClosure : compile(node.child(1), input);
  return right == kNoClosure ? kNoClosure : combine(node, left, right);
}

/// Any binary operation of two values.
ClosureId Compiler::combine(const Node& node, ClosureId left, ClosureId right) {
  const auto comparison = [&](Comparison by) {
    const ClosureId id = make(Op::kCompare, left, right);
    closure(id).comparison = by;
    return id;
  };
  switch (node.op) {
    case Operator::kAdd:
      return make_with(Op::kAdd, {left, right});
    case Operator::kEqual:
      return comparison(Comparison::kEqual);
    case Operator::kNotEqual:
      return comparison(Comparison::kNotEqual);
    case Operator::kLess:
      return comparison(Comparison::kLess);
    case Operator::kLessEqual:
      return comparison(Comparison::kLessEqual);
    case Operator::kGreater:
      return comparison(Comparison::kGreater);
    case Operator::kGreaterEqual:
      return comparison(Comparison::kGreaterEqual);
    case Operator::kSubtract:
      return make(Op::kSubtract, left, right);
    case Operator::kMultiply:
      return make(Op::kMultiply, left, right);
    case Operator::kDivide:
      return make(Op::kDivide, left, right);
    case Operator::kModulo:
    case Operator::kAlternative:
      break;
  }
  return kNoClosure;
}

ClosureId Compiler::sum(const Node& node, const Subject& input) {
  std::vector<const Node*> parts;
  const Node* left = &node;
  for (; left != nullptr && left->kind == Kind::kBinary && left->op == Operator::kAdd; left = left->child(0)) {
    parts.push_back(left->child(1));
  }
  parts.push_back(left);
  std::vector<ClosureId> terms;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    const ClosureId term = compile(*part, input);
    if (term == kNoClosure) return kNoClosure;
    terms.push_back(term);
  }
  const ClosureId id = make(Op::kAdd);
  closure(id).arguments = std::move(terms);
  return id;
}

ClosureId Compiler::conditional(const Node& node, const Subject& input) {
  const ClosureId condition = compile(node.child(0), input);
  const ClosureId body = condition == kNoClosure ? kNoClosure : compile_any(node.child(1), input);
  if (body == kNoClosure) return kNoClosure;
  const ClosureId otherwise = node.child(2) == nullptr ? subject(input) : compile_any(node.child(2), input);
  return otherwise == kNoClosure ? kNoClosure : make(Op::kIf, condition, body, otherwise);
}

ClosureId Compiler::bind(const Node& node, const Subject& input) {
  if (node.patterns.size() != 1 || node.patterns[0].kind != jq::ast::Pattern::Kind::kVariable) return kNoClosure;
  const PathTrie::NodeId found = path(node.child(0), input);
  Subject bound{Subject::Kind::kPath, found, 0};
  ClosureId source = kNoClosure;
  if (found == PathTrie::kNone) {
    source = compile(node.child(0), input);
    if (source == kNoClosure) return kNoClosure;
    bound = {Subject::Kind::kRegister, 0, new_register()};
  } else {
    // Evaluated in any case: its errors are the program's.
    source = subject(bound);
  }
  variables_.emplace_back(node.patterns[0].name, bound);
  const ClosureId body = compile_any(node.child(1), input);
  variables_.pop_back();
  if (body == kNoClosure) return kNoClosure;
  const ClosureId id = make(Op::kLet, source, body);
  closure(id).slot = bound.kind == Subject::Kind::kRegister ? bound.slot : new_register();
  return id;
}

Plan::Plan() = default;
Plan::~Plan() = default;
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;

ClosureId Plan::compile(const jq::ast::Module& module, const Environment& environment, std::string* why) {
  PathTrie before = trie_;
  const std::size_t closures = closures_.size();
  Compiler compiler(*this, environment);
  const ClosureId id = compiler.program(module.body.get());
  if (id == kNoClosure) {  // paths that nobody reads would slow the walk
    if (why != nullptr) *why = compiler.why();
    trie_ = std::move(before);
    closures_.resize(closures);
  }
  return id;
}

PathTrie::NodeId Plan::compile_path(const jq::ast::Module& module) {
  return Compiler(*this, {}).plain_path(module.body.get());
}

bool Plan::reads_around(PathTrie::NodeId node) const noexcept {
  for (const Closure& closure : closures_) {
    if (closure.op != Op::kPlace) continue;
    for (PathTrie::NodeId above = trie_.parent(node); above != PathTrie::kNone; above = trie_.parent(above)) {
      if (closure.node == above) return true;
    }
  }
  return false;
}

void Plan::finish() { trie_.finish(); }

}  // namespace riptide::transform::fast
