#include "jq/compiler.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "jq/formats.hpp"
#include "jq/json_writer.hpp"
#include "jq/machine.hpp"
#include "jq/native_stack.hpp"
#include "jq/number_text.hpp"
#include "jq/raised.hpp"

namespace riptide::transform::jq {
namespace {

using ast::Kind;
using ast::Node;

// Carries a compile error out of the depth of the compiler; caught in compile().
struct Refused {
  CompileError error;
};

[[noreturn]] void refuse(std::string message, ast::Position at) {
  throw Refused{{std::move(message), static_cast<int>(at.line), static_cast<int>(at.column)}};
}

// What takes filters as arguments and is known to the compiler: name/arity to the operation.
struct Form {
  std::string_view name;
  std::size_t arity;
  Op op;
};
constexpr Form kForms[] = {
    {"empty", 0, Op::kEmpty},     {"error", 0, Op::kError}, {"error", 1, Op::kError},   {"path", 1, Op::kPathOf},
    {"getpath", 1, Op::kGetPath}, {"range", 2, Op::kRange}, {"range", 3, Op::kRangeBy}, {"first", 1, Op::kFirst},
    {"last", 1, Op::kLast},       {"limit", 2, Op::kLimit}, {"skip", 2, Op::kSkip},     {"nth", 2, Op::kNth},
    {"until", 2, Op::kUntil},     {"while", 2, Op::kWhile}, {"repeat", 1, Op::kRepeat}, {"isempty", 1, Op::kIsEmpty},
    {"any", 2, Op::kAny},         {"all", 2, Op::kAll},     {"add", 1, Op::kAdd},       {"inputs", 0, Op::kInputs},
    {"recurse", 0, Op::kRecurse},
};

constexpr std::string_view kHostFunctions[] = {
    "input", "inputs", "debug", "stderr", "input_filename", "input_line_number", "halt", "halt_error"};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

class Compiler {
 public:
  Compiler(CompiledCode& out, const CompileOptions& options) : out_(out), options_(options) {}

  void run(const ast::Module& module) {
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
    out_.main = compile(*module.body);
    find_single_outputs();
  }

 private:
  struct Binding {
    enum class Kind : std::uint8_t { kVariable, kFunction, kParameter, kLabel, kConstant };
    Kind kind;
    std::string name;
    std::size_t arity = 0;
    std::uint32_t level = 0;  ///< Of the environment that holds it, or around which it is defined.
    std::uint32_t index = 0;
    FunctionCode* function = nullptr;
    const Code* constant = nullptr;
  };

  // Restores the names in scope when a construct ends.
  class Names {
   public:
    explicit Names(Compiler& compiler)
        : compiler_(compiler), size_(compiler.bindings_.size()), level_(compiler.level_) {}
    ~Names() {
      compiler_.bindings_.resize(size_);
      compiler_.level_ = level_;
    }
    Names(const Names&) = delete;
    Names& operator=(const Names&) = delete;

   private:
    Compiler& compiler_;
    std::size_t size_;
    std::uint32_t level_;
  };

  Code& make(Op op, ast::Position at) {
    out_.nodes.emplace_back();
    out_.nodes.back().op = op;
    out_.nodes.back().at = at;
    return out_.nodes.back();
  }

  const Code* constant(Value value, ast::Position at) {
    freeze(value);
    Code& code = make(Op::kConstant, at);
    code.constant = std::move(value);
    return &code;
  }

  const Code* identity(ast::Position at) { return &make(Op::kIdentity, at); }

  void add_global(const std::string& name, Value value) {
    bindings_.push_back({Binding::Kind::kConstant, name, 0, 0, 0, nullptr, constant(std::move(value), {})});
  }

  const Code* compile(const Node& node) {
    return with_native_stack([&] { return compile_here(node); });
  }

  const Code* compile_here(const Node& node) {
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

  const Code* unary(Op op, const Node& node) {
    const Code* a = compile(*node.children[0]);
    Code& code = make(op, node.at);
    code.a = a;
    return &code;
  }

  const Code* pair(Op op, const Node& node) {
    const Code* a = compile(*node.children[0]);
    const Code* b = compile(*node.children[1]);
    Code& code = make(op, node.at);
    code.a = a;
    code.b = b;
    code.binary = node.op;
    return &code;
  }

  const Code* pipe(const Code* a, const Code* b, ast::Position at) {
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

  const Code* choose(const Code* condition, const Code* then, const Code* otherwise, ast::Position at) {
    if (condition->op == Op::kConstant) return condition->constant.truthy() ? then : otherwise;
    Code& code = make(Op::kIf, at);
    code.a = condition;
    code.b = then;
    code.c = otherwise;
    return &code;
  }

  static bool constant_items(const Code* items, Value& array) {
    if (items->op == Op::kConstant) {
      array_push(array, items->constant);
      return true;
    }
    return items->op == Op::kComma && constant_items(items->a, array) && constant_items(items->b, array);
  }

  const Code* string_template(const Node& node) {
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

  static bool extendable(const Code* base) {
    constexpr std::size_t kLongest = 32;  // Each step copies those before it.
    if (base->op == Op::kPath) return base->steps.size() < kLongest;
    return base->op == Op::kIdentity || base->op == Op::kVariable;
  }

  Code& extend(const Code* base, ast::Position at) {
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

  const Code* index(const Node& node) {
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

  const Code* attempt(const Node& node) {
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

  Value location(ast::Position at) const {
    Value value = Value::object();
    object_set(value, Value::string("file"), Value::string("<top-level>"));
    object_set(value, Value::string("line"), Value::number(static_cast<double>(at.line)));
    return value;
  }

  const Code* object(const Node& node) {
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
        refuse("cannot use " + std::string(type_name(key->constant)) + " (" + text + ") as object key", entry.key->at);
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

  const Code* binary(const Node& node) {
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
  const Code* fold_constants(const Node& node, const Code* left, const Code* right) {
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

  const Code* variable(const std::string& name, ast::Position at) {
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

  static void collect_names(const ast::Pattern& pattern, std::vector<std::string>& names) {
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

  static std::uint32_t slot_of(const std::vector<std::string>& names, const std::string& name) {
    return static_cast<std::uint32_t>(std::find(names.begin(), names.end(), name) - names.begin());
  }

  PatternCode pattern_code(const ast::Pattern& pattern, const std::vector<std::string>& names) {
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
  void bind_patterns(const std::vector<ast::Pattern>& patterns, Code& code) {
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

  const Code* fold(const Node& node) {
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

  // ---- functions

  void define(const ast::Function& function) {
    FunctionCode& code = declare(function);
    bindings_.push_back(
        {Binding::Kind::kFunction, function.name, function.parameters.size(), level_, 0, &code, nullptr});
    compile_body(function, code);
  }

  FunctionCode& declare(const ast::Function& function) {
    out_.functions.emplace_back();
    FunctionCode& code = out_.functions.back();
    code.name = function.name;
    for (const std::string& parameter : function.parameters) {
      const bool by_value = parameter[0] == '$';
      code.parameters.push_back({by_value ? parameter.substr(1) : parameter, by_value, false, true});
    }
    return code;
  }

  void compile_body(const ast::Function& function, FunctionCode& code) {
    const Names names(*this);
    if (!code.parameters.empty()) ++level_;
    for (std::size_t i = 0; i < code.parameters.size(); ++i) {
      const auto index = static_cast<std::uint32_t>(i);
      bindings_.push_back({Binding::Kind::kParameter, code.parameters[i].name, 0, level_, index, &code, nullptr});
      if (code.parameters[i].by_value) {
        bindings_.push_back({Binding::Kind::kVariable, code.parameters[i].name, 0, level_, index, nullptr, nullptr});
      }
    }
    code.body = compile(*function.body);
  }

  // A builtin written in jq is compiled at the outermost level, where it sees nothing of the program.
  FunctionCode& library_function(const ast::Function& function) {
    const auto known = library_.find(&function);
    if (known != library_.end()) return *known->second;
    std::vector<Binding> saved;
    saved.swap(bindings_);
    const std::uint32_t level = level_;
    level_ = 0;
    for (const Binding& binding : saved) {
      if (binding.kind == Binding::Kind::kConstant && binding.name == "ENV") bindings_.push_back(binding);
    }
    ++inside_library_;
    FunctionCode& code = declare(function);
    library_[&function] = &code;  // Before its body, which may call it.
    compile_body(function, code);
    --inside_library_;
    bindings_.swap(saved);
    level_ = level;
    return code;
  }

  const Code* call(const Node& node) {
    const std::size_t arity = node.children.size();
    for (std::size_t i = bindings_.size(); i-- > 0;) {
      const Binding& binding = bindings_[i];
      if (binding.name != node.text || binding.arity != arity) continue;
      if (binding.kind == Binding::Kind::kParameter) {
        if (arity != 0) continue;
        FunctionCode& owner = *binding.function;
        if (owner.parameters[binding.index].by_value) owner.parameters[binding.index].as_filter = true;
        Code& code = make(Op::kParameter, node.at);
        code.hops = level_ - binding.level;
        code.index = binding.index;
        code.function = binding.function;
        return &code;
      }
      if (binding.kind == Binding::Kind::kFunction)
        return call_function(*binding.function, level_ - binding.level, node);
    }
    return call_builtin(node);
  }

  const Code* call_function(FunctionCode& function, std::uint32_t hops, const Node& node) {
    std::vector<const Code*> arguments;
    for (const ast::NodePtr& child : node.children) arguments.push_back(compile(*child));
    Code& code = make(Op::kCall, node.at);
    code.function = &function;
    code.hops = hops;
    code.list = std::move(arguments);
    return &code;
  }

  const Code* call_builtin(const Node& node) {
    const std::string& name = node.text;
    const std::size_t arity = node.children.size();
    if (inside_library_ == 0 &&
        std::find(std::begin(kHostFunctions), std::end(kHostFunctions), name) != std::end(kHostFunctions)) {
      out_.asks_host = true;
      if (!options_.host_functions)
        refuse("'" + name + "' is not available here: a mapping has neither input to read nor a terminal", node.at);
    }
    // Filters that are only another way to write a construct.
    if (name == "select" && arity == 1) {
      const Code* condition = compile(*node.children[0]);
      const Code* same = identity(node.at);
      return choose(condition, same, &make(Op::kEmpty, node.at), node.at);
    }
    if (name == "map" && arity == 1) return map(compile(*node.children[0]), node.at);
    if (name == "with_entries" && arity == 1) {
      const Code* entries = builtin("to_entries", {}, node.at);
      const Code* mapped = map(compile(*node.children[0]), node.at);
      return pipe(pipe(entries, mapped, node.at), builtin("from_entries", {}, node.at), node.at);
    }
    if (name == "del" && arity == 1) {
      Code& paths = make(Op::kPathOf, node.at);
      paths.a = compile(*node.children[0]);
      Code& all = make(Op::kCollect, node.at);
      all.a = &paths;
      return builtin("delpaths", {&all}, node.at);
    }
    if (name == "not" && arity == 0) return builtin("not", {}, node.at);
    if (name == "null" && arity == 0) return constant(Value::null(), node.at);
    if (name == "true" && arity == 0) return constant(Value::boolean(true), node.at);
    if (name == "false" && arity == 0) return constant(Value::boolean(false), node.at);
    for (const Form& form : kForms) {
      if (form.name != name || form.arity != arity) continue;
      const Code* arguments[3] = {nullptr, nullptr, nullptr};
      for (std::size_t i = 0; i < arity; ++i) arguments[i] = compile(*node.children[i]);
      if (form.op == Op::kError && arity == 0) arguments[0] = identity(node.at);
      Code& code = make(form.op, node.at);
      code.a = arguments[0];
      code.b = arguments[1];
      code.c = arguments[2];
      return &code;
    }
    if (const Builtin* native = find_builtin(name, arity)) {
      std::vector<const Code*> arguments;
      for (const ast::NodePtr& child : node.children) arguments.push_back(compile(*child));
      Code& code = make(Op::kBuiltin, node.at);
      code.builtin = native;
      code.list = std::move(arguments);
      return &code;
    }
    if (const Code* replaced = replace_constant(node)) return replaced;
    if (const ast::Function* function = find_library_function(name, arity)) {
      return call_function(library_function(*function), level_, node);
    }
    unknown_function(node);
  }

  /// `sub` and `gsub` whose pattern, replacement and flags are all strings known here, which they mostly are: one
  /// builtin, which makes no value for any match. Null for all others: the library defines these.
  const Code* replace_constant(const Node& node) {
    const std::size_t arity = node.children.size();
    if ((node.text != "sub" && node.text != "gsub") || (arity != 2 && arity != 3)) return nullptr;
    std::vector<const Code*> arguments;
    for (const ast::NodePtr& child : node.children) {
      if (child->kind != Kind::kString) return nullptr;
      arguments.push_back(compile(*child));
      if (arguments.back()->op != Op::kConstant) return nullptr;
    }
    std::string flags(arity == 3 ? arguments[2]->constant.string() : std::string_view());
    if (node.text == "gsub") flags += 'g';
    arguments.resize(2);
    arguments.push_back(constant(Value::string(flags), node.at));
    return builtin("_replace", std::move(arguments), node.at);
  }

  const Code* map(const Code* filter, ast::Position at) {
    Code& iterate = make(Op::kIterate, at);
    iterate.a = identity(at);
    Code& collect = make(Op::kCollect, at);
    collect.a = pipe(&iterate, filter, at);
    return &collect;
  }

  const Code* builtin(std::string_view name, std::vector<const Code*> arguments, ast::Position at) {
    Code& code = make(Op::kBuiltin, at);
    code.builtin = find_builtin(name, arguments.size());
    code.list = std::move(arguments);
    return &code;
  }

  [[noreturn]] void unknown_function(const Node& node) const {
    const std::size_t arity = node.children.size();
    std::string message = "unknown function '" + node.text + "'";
    std::set<std::string> names;
    std::set<std::size_t> arities;
    const auto know = [&](const std::string& name, std::size_t takes) {
      names.insert(name);
      if (name == node.text) arities.insert(takes);
    };
    for (const std::string& entry : builtin_names()) {
      const std::size_t slash = entry.rfind('/');
      know(entry.substr(0, slash), static_cast<std::size_t>(entry[slash + 1] - '0'));
    }
    for (const Binding& binding : bindings_) {
      if (binding.kind == Binding::Kind::kFunction || binding.kind == Binding::Kind::kParameter) {
        know(binding.name, binding.arity);
      }
    }
    if (!arities.empty()) {
      std::string takes;
      for (const std::size_t count : arities) takes += (takes.empty() ? "" : " or ") + std::to_string(count);
      refuse(message + " with " + std::to_string(arity) + (arity == 1 ? " argument" : " arguments") + "; it takes " +
                 takes,
             node.at);
    }
    std::string closest;
    std::size_t best = node.text.size() / 2 + 1;
    for (const std::string& name : names) {
      const std::size_t distance = edit_distance(node.text, name);
      if (distance < best) {
        best = distance;
        closest = name;
      }
    }
    if (!closest.empty()) message += "; did you mean '" + closest + "'?";
    refuse(message, node.at);
  }

  // ---- how many outputs

  // Everything is taken to have one output until something shows otherwise.
  void find_single_outputs() {
    bool changed = true;
    while (changed) {
      changed = false;
      for (Code& code : out_.nodes) {
        if (!code.single || has_single_output(code)) continue;
        code.single = false;
        changed = true;
      }
      for (FunctionCode& function : out_.functions) {
        if (function.single && !function.body->single) {
          function.single = false;
          changed = true;
        }
      }
      for (const Code& code : out_.nodes) {
        if (code.op != Op::kCall) continue;
        for (std::size_t i = 0; i < code.list.size(); ++i) {
          FunctionCode::Parameter& parameter = code.function->parameters[i];
          if (parameter.single && !code.list[i]->single) {
            parameter.single = false;
            changed = true;
          }
        }
      }
    }
  }

  static bool has_single_output(const Code& code) {
    const auto single = [](const Code* child) { return child == nullptr || child->single; };
    switch (code.op) {
      case Op::kIdentity:
      case Op::kConstant:
      case Op::kPath:
      case Op::kCollect:
      case Op::kVariable:
      case Op::kBreak:
      case Op::kFormat:
      case Op::kEmpty:
      case Op::kUpdate:
      case Op::kFirst:
      case Op::kLast:
      case Op::kIsEmpty:
      case Op::kAny:
      case Op::kAll:
      case Op::kAdd:
        return true;
      case Op::kError:
        return single(code.a);
      case Op::kIterate:
      case Op::kRecurse:
      case Op::kComma:
      case Op::kForeach:
      case Op::kRange:
      case Op::kRangeBy:
      case Op::kLimit:
      case Op::kSkip:
      case Op::kWhile:
      case Op::kRepeat:
      case Op::kInputs:
        return false;
      case Op::kIndex:
      case Op::kSlice:
      case Op::kNegate:
      case Op::kPipe:
      case Op::kBinary:
      case Op::kAnd:
      case Op::kOr:
      case Op::kAlternative:
      case Op::kTry:
      case Op::kIf:
      case Op::kLabel:
      case Op::kUntil:
        return single(code.a) && single(code.b) && single(code.c);
      case Op::kPathOf:
      case Op::kGetPath:
      case Op::kNth:
        return single(code.a);
      case Op::kAssign:
      case Op::kUpdateOp:
      case Op::kReduce:
        return single(code.b);
      case Op::kBind:
        return single(code.a) && single(code.b) && patterns_single(code);
      case Op::kObject:
      case Op::kTemplate:
      case Op::kBuiltin:
        for (const Code* part : code.list) {
          if (!part->single) return false;
        }
        return true;
      case Op::kCall:
        if (!code.function->single) return false;
        for (std::size_t i = 0; i < code.list.size(); ++i) {
          if (code.function->parameters[i].by_value && !code.list[i]->single) return false;
        }
        return true;
      case Op::kParameter:
        return code.function->parameters[code.index].single;
    }
    return false;
  }

  static bool pattern_single(const PatternCode& pattern) {
    for (const PatternCode& element : pattern.elements) {
      if (!pattern_single(element)) return false;
    }
    for (const PatternCode::Entry& entry : pattern.entries) {
      if (entry.key != nullptr && !entry.key->single) return false;
      if (entry.value && !pattern_single(*entry.value)) return false;
    }
    return true;
  }
  static bool patterns_single(const Code& code) {
    return std::all_of(code.patterns.begin(), code.patterns.end(),
                       [](const PatternCode& p) { return pattern_single(p); });
  }

  CompiledCode& out_;
  const CompileOptions& options_;
  std::vector<Binding> bindings_;
  std::map<const ast::Function*, FunctionCode*> library_;
  int inside_library_ = 0;
  std::uint32_t level_ = 0;
};

}  // namespace

std::unique_ptr<CompiledCode> compile(const ast::Module& module, const CompileOptions& options, CompileError& error) {
  auto code = std::make_unique<CompiledCode>();
  const HeapScope heap(code->heap);
  const NativeStack::Scope stack;
  code->heap.set_limit(std::size_t{256} << 20);
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
