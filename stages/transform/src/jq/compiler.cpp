#include "jq/compiler.hpp"

#include <algorithm>

#include "jq/compilation.hpp"
#include "jq/json_writer.hpp"
#include "jq/machine.hpp"
#include "jq/native_stack.hpp"
#include "jq/number_text.hpp"
#include "jq/raised.hpp"
#include "jq/single_outputs.hpp"

namespace riptide::transform::jq {

using ast::Kind;
using ast::Node;

namespace {

bool constant_items(const Code* items, Value& array) {
  if (items->op == Op::kConstant) {
    array_push(array, items->constant);
    return true;
  }
  return items->op == Op::kComma && constant_items(items->a, array) && constant_items(items->b, array);
}

bool extendable(const Code* base) {
  constexpr std::size_t kLongest = 32;  // Each step copies those before it.
  if (base->op == Op::kPath) return base->steps.size() < kLongest;
  return base->op == Op::kIdentity || base->op == Op::kVariable;
}

void collect_names(const ast::Pattern& pattern, std::vector<std::string>& names) {
  const auto add = [&names](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  if (pattern.kind == ast::Pattern::Kind::kVariable) add(pattern.name);
  for (const ast::Pattern& element : pattern.elements) collect_names(element, names);
  for (const ast::Pattern::Entry& entry : pattern.entries) {
    if (!entry.variable.empty()) add(entry.variable);
    if (entry.value) collect_names(*entry.value, names);
  }
}

std::uint32_t slot_of(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::uint32_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

}  // namespace

void refuse(std::string message, ast::Position at, bool even_if_unused) {
  throw Refused{{std::move(message), static_cast<int>(at.line), static_cast<int>(at.column)}, even_if_unused};
}

void Compiler::run(const ast::Module& module) {
  Value environment = Value::object();
  for (const auto& [name, value] : options_.environment) {
    object_set(environment, repaired_string(name), repaired_string(value));
  }
  add_global("ENV", std::move(environment));
  for (const auto& [name, json] : options_.variables) {
    Value value;
    std::string problem;
    JsonReader reader;
    if (!reader.read(json, JsonReader::Ownership::kCopy, 10'000, value, problem)) {
      refuse("variable $" + name + " is not JSON: " + problem, {});
    }
    add_global(name, std::move(value));
  }
  globals_ = bindings_.size();
  metadata(module.metadata.get());
  import_all(module, {});
  out_.main = compile(*module.body);
  find_single_outputs(out_);
}

Code& Compiler::make(Op op, ast::Position at) {
  out_.nodes.emplace_back();
  out_.nodes.back().op = op;
  out_.nodes.back().at = at;
  return out_.nodes.back();
}

const Code* Compiler::constant(Value value, ast::Position at) {
  freeze(value);
  Code& code = make(Op::kConstant, at);
  code.constant = std::move(value);
  return &code;
}

void Compiler::add_global(const std::string& name, Value value) {
  bindings_.push_back({Binding::Kind::kConstant, name, 0, 0, 0, nullptr, constant(std::move(value), {})});
}

const Code* Compiler::compile(const Node& node) {
  return with_native_stack([&] { return compile_here(node); });
}

const Code* Compiler::compile_here(const Node& node) {
  switch (node.kind) {
    case Kind::kIdentity:
      return identity(node.at);
    case Kind::kRecurse:
      return &make(Op::kRecurse, node.at);
    case Kind::kNumber:
      return constant(number_from_text(node.text, false), node.at);
    case Kind::kString:
      return constant(Value::string(node.text), node.at);
    case Kind::kTemplate:
      return string_template(node);
    case Kind::kFormat: {
      Code& code = make(Op::kFormat, node.at);
      code.constant = Value::string(node.text);
      freeze(code.constant);
      return &code;
    }
    case Kind::kField:
    case Kind::kIndex:
      return index(node);
    case Kind::kSlice: {
      const Code* base = compile(*node.children[0]);
      const Code* from = node.children[1] ? compile(*node.children[1]) : nullptr;
      const Code* to = node.children[2] ? compile(*node.children[2]) : nullptr;
      Code& code = make(Op::kSlice, node.at);
      code.a = base;
      code.b = from;
      code.c = to;
      return &code;
    }
    case Kind::kIterate:
      return unary(Op::kIterate, node);
    case Kind::kArray: {
      if (node.children.empty()) return constant(Value::array(), node.at);
      const Code* items = compile(*node.children[0]);
      Value folded = Value::array();
      if (constant_items(items, folded)) return constant(std::move(folded), node.at);
      Code& code = make(Op::kCollect, node.at);
      code.a = items;
      return &code;
    }
    case Kind::kObject:
      return object(node);
    case Kind::kNegate: {
      const Code* operand = compile(*node.children[0]);
      if (operand->op == Op::kConstant && operand->constant.is_number())
        return constant(negated(operand->constant), node.at);
      Code& code = make(Op::kNegate, node.at);
      code.a = operand;
      return &code;
    }
    case Kind::kPipe:
      return pipe(compile(*node.children[0]), compile(*node.children[1]), node.at);
    case Kind::kComma:
      return pair(Op::kComma, node);
    case Kind::kBinary:
      return binary(node);
    case Kind::kAnd:
      return pair(Op::kAnd, node);
    case Kind::kOr:
      return pair(Op::kOr, node);
    case Kind::kAlternative:
      return pair(Op::kAlternative, node);
    case Kind::kAssign:
      return pair(Op::kAssign, node);
    case Kind::kUpdate:
      return pair(Op::kUpdate, node);
    case Kind::kUpdateOp:
      return pair(Op::kUpdateOp, node);
    case Kind::kTry:
      return attempt(node);
    case Kind::kIf: {
      const Code* condition = compile(*node.children[0]);
      const Code* then = compile(*node.children[1]);
      const Code* otherwise = node.children[2] ? compile(*node.children[2]) : identity(node.at);
      return choose(condition, then, otherwise, node.at);
    }
    case Kind::kReduce:
    case Kind::kForeach:
      return fold(node);
    case Kind::kBind: {
      const Code* source = compile(*node.children[0]);
      const Names names(*this);
      Code& code = make(Op::kBind, node.at);
      code.a = source;
      bind_patterns(node.patterns, code);
      code.b = compile(*node.children[1]);
      return &code;
    }
    case Kind::kFunctions: {
      const Names names(*this);
      define(*node.function);
      return compile(*node.children[0]);
    }
    case Kind::kCall:
      return call(node);
    case Kind::kVariable:
      return variable(node.text, node.at);
    case Kind::kLocation:
      return constant(location(node.at), node.at);
    case Kind::kLabel: {
      const Names names(*this);
      ++level_;
      bindings_.push_back({Binding::Kind::kLabel, node.text, 0, level_, 0, nullptr, nullptr});
      Code& code = make(Op::kLabel, node.at);
      code.a = compile(*node.children[0]);
      return &code;
    }
    case Kind::kBreak: {
      for (std::size_t i = bindings_.size(); i-- > 0;) {
        if (bindings_[i].kind != Binding::Kind::kLabel || bindings_[i].name != node.text) continue;
        Code& code = make(Op::kBreak, node.at);
        code.hops = level_ - bindings_[i].level;
        return &code;
      }
      refuse("label $" + node.text + " is not defined", node.at);
    }
  }
  refuse("unknown construct", node.at);
}

// ---- small pieces

const Code* Compiler::unary(Op op, const Node& node) {
  const Code* a = compile(*node.children[0]);
  Code& code = make(op, node.at);
  code.a = a;
  return &code;
}

const Code* Compiler::pair(Op op, const Node& node) {
  const Code* a = compile(*node.children[0]);
  const Code* b = compile(*node.children[1]);
  Code& code = make(op, node.at);
  code.a = a;
  code.b = b;
  code.binary = node.op;
  return &code;
}

const Code* Compiler::pipe(const Code* a, const Code* b, ast::Position at) {
  if (a->op == Op::kIdentity) return b;
  if (b->op == Op::kIdentity) return a;
  if (b->op == Op::kPath && !b->flag && b->steps.size() == 1 && extendable(a)) {
    Code& code = extend(a, at);
    for (const Step& step : b->steps) code.steps.push_back(step);
    return &code;
  }
  Code& code = make(Op::kPipe, at);
  code.a = a;
  code.b = b;
  return &code;
}

const Code* Compiler::choose(const Code* condition, const Code* then, const Code* otherwise, ast::Position at) {
  if (condition->op == Op::kConstant) return condition->constant.truthy() ? then : otherwise;
  Code& code = make(Op::kIf, at);
  code.a = condition;
  code.b = then;
  code.c = otherwise;
  return &code;
}

const Code* Compiler::string_template(const Node& node) {
  std::vector<const Code*> parts;
  for (const ast::NodePtr& child : node.children) {
    const Code* part = compile(*child);
    if (child->kind == Kind::kString) {
      Code& text = make(Op::kConstant, child->at);
      text.constant = part->constant;
      text.flag = true;  // Goes in as it is.
      part = &text;
    }
    parts.push_back(part);
  }
  Code& code = make(Op::kTemplate, node.at);
  code.list = std::move(parts);
  code.constant = Value::string(node.text.empty() ? std::string("text") : node.text);
  freeze(code.constant);
  return &code;
}

// ---- paths

Code& Compiler::extend(const Code* base, ast::Position at) {
  Code& code = make(Op::kPath, at);
  if (base->op == Op::kPath) {
    code.steps = base->steps;
    code.flag = base->flag;
    code.hops = base->hops;
    code.index = base->index;
  } else if (base->op == Op::kVariable) {
    code.flag = true;
    code.hops = base->hops;
    code.index = base->index;
  }
  return code;
}

const Code* Compiler::index(const Node& node) {
  const Code* base = compile(*node.children[0]);
  const Code* key = compile(*node.children[1]);
  const bool simple = key->op == Op::kConstant && (key->constant.is_string() || key->constant.tag() == Tag::kNumber);
  if (simple && extendable(base)) {
    Code& code = extend(base, node.at);
    code.steps.push_back({key->constant, false});
    return &code;
  }
  Code& code = make(Op::kIndex, node.at);
  code.a = base;
  code.b = key;
  return &code;
}

const Code* Compiler::attempt(const Node& node) {
  const Code* body = compile(*node.children[0]);
  const Node* handler = node.child(1);
  if (node.text == "?") {
    if (body->op == Op::kPath && !body->steps.empty()) {
      Code& code = extend(body, node.at);
      code.steps.back().optional = true;
      return &code;
    }
    if (body->op == Op::kIndex || body->op == Op::kSlice || body->op == Op::kIterate) {
      Code& code = out_.nodes.back();
      if (&code == body) {
        code.flag = true;
        return body;
      }
    }
  }
  const Code* caught = handler != nullptr ? compile(*handler) : nullptr;
  Code& code = make(Op::kTry, node.at);
  code.a = body;
  code.b = caught;
  return &code;
}

// ---- constructors and operators

Value Compiler::location(ast::Position at) const {
  Value value = Value::object();
  object_set(value, Value::string("file"), repaired_string(file_.empty() ? "<top-level>" : file_));
  object_set(value, Value::string("line"), Value::number(static_cast<double>(at.line)));
  return value;
}

const Code* Compiler::object(const Node& node) {
  std::vector<const Code*> list;
  bool all_constant = true;
  for (const ast::ObjectEntry& entry : node.entries) {
    const Code* key = nullptr;
    const Code* value = nullptr;
    if (entry.key->kind == Kind::kVariable) {
      if (entry.value) {
        key = variable(entry.key->text, entry.key->at);
      } else {
        key = constant(Value::string(entry.key->text), entry.key->at);
        value = variable(entry.key->text, entry.key->at);
      }
    } else if (entry.key->kind == Kind::kLocation) {
      key = constant(Value::string("__loc__"), entry.key->at);
      if (!entry.value) value = constant(location(entry.key->at), entry.key->at);
    } else {
      key = compile(*entry.key);
    }
    if (key->op == Op::kConstant && !key->constant.is_string()) {
      std::string text;
      append_json(text, key->constant);
      refuse("cannot use " + std::string(type_name(key->constant)) + " (" + text + ") as object key", entry.key->at,
             true);
    }
    if (entry.value) {
      value = compile(*entry.value);
    } else if (value == nullptr) {
      if (key->op == Op::kConstant) {
        Code& code = make(Op::kPath, entry.key->at);
        code.steps.push_back({key->constant, false});
        value = &code;
      } else {
        Code& code = make(Op::kIndex, entry.key->at);
        code.a = identity(entry.key->at);
        code.b = key;
        value = &code;
      }
    }
    all_constant = all_constant && key->op == Op::kConstant && value->op == Op::kConstant;
    list.push_back(key);
    list.push_back(value);
  }
  if (all_constant) {
    Value folded = Value::object();
    for (std::size_t i = 0; i < list.size(); i += 2) object_set(folded, list[i]->constant, list[i + 1]->constant);
    return constant(std::move(folded), node.at);
  }
  Code& code = make(Op::kObject, node.at);
  code.list = std::move(list);
  return &code;
}

const Code* Compiler::binary(const Node& node) {
  const Code* left = compile(*node.children[0]);
  const Code* right = compile(*node.children[1]);
  if (left->op == Op::kConstant && right->op == Op::kConstant) {
    if (const Code* folded = fold_constants(node, left, right)) return folded;
  }
  Code& code = make(Op::kBinary, node.at);
  code.a = left;
  code.b = right;
  code.binary = node.op;
  return &code;
}

// Only what is certain to succeed and small: an error has to come at run time.
const Code* Compiler::fold_constants(const Node& node, const Code* left, const Code* right) {
  const bool numbers = left->constant.is_number() && right->constant.is_number();
  const bool strings = left->constant.is_string() && right->constant.is_string();
  if (!numbers && !(strings && node.op == ast::Operator::kAdd)) return nullptr;
  Value a = left->constant;
  Value b = right->constant;
  Value result;
  std::string problem;
  switch (node.op) {
    case ast::Operator::kEqual:
      return constant(Value::boolean(equal(a, b)), node.at);
    case ast::Operator::kNotEqual:
      return constant(Value::boolean(!equal(a, b)), node.at);
    case ast::Operator::kLess:
      return constant(Value::boolean(compare(a, b) < 0), node.at);
    case ast::Operator::kLessEqual:
      return constant(Value::boolean(compare(a, b) <= 0), node.at);
    case ast::Operator::kGreater:
      return constant(Value::boolean(compare(a, b) > 0), node.at);
    case ast::Operator::kGreaterEqual:
      return constant(Value::boolean(compare(a, b) >= 0), node.at);
    case ast::Operator::kAdd:
    case ast::Operator::kSubtract:
    case ast::Operator::kMultiply:
    case ast::Operator::kDivide:
    case ast::Operator::kModulo:
      if (arithmetic(node.op, a, b, result, problem)) return constant(std::move(result), node.at);
      return nullptr;
    case ast::Operator::kAlternative:
      return nullptr;
  }
  return nullptr;
}

// ---- bindings

const Code* Compiler::variable(const std::string& name, ast::Position at) {
  for (std::size_t i = bindings_.size(); i-- > 0;) {
    const Binding& binding = bindings_[i];
    if (binding.name != name) continue;
    if (binding.kind == Binding::Kind::kConstant) return binding.constant;
    if (binding.kind != Binding::Kind::kVariable) continue;
    Code& code = make(Op::kVariable, at);
    code.hops = level_ - binding.level;
    code.index = binding.index;
    return &code;
  }
  refuse("$" + name + " is not defined", at);
}

PatternCode Compiler::pattern_code(const ast::Pattern& pattern, const std::vector<std::string>& names) {
  PatternCode code;
  code.kind = pattern.kind;
  if (pattern.kind == ast::Pattern::Kind::kVariable) code.slot = slot_of(names, pattern.name);
  for (const ast::Pattern& element : pattern.elements) code.elements.push_back(pattern_code(element, names));
  for (const ast::Pattern::Entry& entry : pattern.entries) {
    PatternCode::Entry member;
    if (!entry.variable.empty()) member.slot = static_cast<std::int32_t>(slot_of(names, entry.variable));
    if (entry.key) {
      member.key = compile(*entry.key);
      if (member.key->op == Op::kConstant) {
        if (!member.key->constant.is_string()) {
          std::string text;
          append_json(text, member.key->constant);
          refuse("cannot use " + std::string(type_name(member.key->constant)) + " (" + text + ") as object key",
                 entry.at);
        }
        member.name = member.key->constant;
        member.key = nullptr;
      }
    } else {
      member.name = Value::string(entry.variable);
      freeze(member.name);
    }
    if (entry.value) member.value = std::make_unique<PatternCode>(pattern_code(*entry.value, names));
    code.entries.push_back(std::move(member));
  }
  return code;
}

// Opens the scope of a binding. Keys in patterns do not see its variables.
void Compiler::bind_patterns(const std::vector<ast::Pattern>& patterns, Code& code) {
  std::vector<std::string> names;
  for (const ast::Pattern& pattern : patterns) collect_names(pattern, names);
  ++level_;
  for (const ast::Pattern& pattern : patterns) code.patterns.push_back(pattern_code(pattern, names));
  for (std::size_t i = 0; i < names.size(); ++i) {
    bindings_.push_back(
        {Binding::Kind::kVariable, names[i], 0, level_, static_cast<std::uint32_t>(i), nullptr, nullptr});
  }
  code.slots = static_cast<std::uint32_t>(names.size());
}

const Code* Compiler::fold(const Node& node) {
  const Code* source = compile(*node.children[0]);
  const Code* initial = compile(*node.children[1]);
  const Names names(*this);
  Code& code = make(node.kind == Kind::kReduce ? Op::kReduce : Op::kForeach, node.at);
  code.a = source;
  code.b = initial;
  bind_patterns(node.patterns, code);
  code.c = compile(*node.children[2]);
  if (const Node* extract = node.child(3)) code.d = compile(*extract);
  return &code;
}

std::unique_ptr<CompiledCode> compile(const ast::Module& module, const CompileOptions& options, CompileError& error) {
  auto code = std::make_unique<CompiledCode>();
  const HeapScope heap(code->heap);
  const NativeStack::Scope stack;
  code->heap.set_limit(kMostCodeBytes);
  try {
    Compiler(*code, options).run(module);
    return code;
  } catch (Refused& refused) {
    error = std::move(refused.error);
  } catch (const LimitExceeded& limit) {
    error = {limit.message, 1, 1};
  } catch (const ErrorRaised& raised) {
    error = {raised.message, 1, 1};
  }
  // What has been made goes while its heap is the current one.
  code->nodes.clear();
  return nullptr;
}

}  // namespace riptide::transform::jq
