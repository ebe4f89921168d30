#include <algorithm>
#include <set>

#include "jq/compilation.hpp"

// Functions: definitions, calls, and what the compiler knows by name.
namespace riptide::transform::jq {

using ast::Kind;
using ast::Node;

namespace {

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
    "input", "inputs", "debug", "stderr", "input_filename", "input_line_number", "halt", "halt_error", "modulemeta"};

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

}  // namespace

void Compiler::define(const ast::Function& function) {
  FunctionCode& code = declare(function);
  bindings_.push_back({Binding::Kind::kFunction, function.name, function.parameters.size(), level_, 0, &code, nullptr});
  // As in jq, names count in functions that are called.
  try {
    compile_body(function, code);
  } catch (Refused& refused) {
    if (refused.even_if_unused) throw;
    if (refused.error.file.empty()) refused.error.file = file_;
    code.broken = std::make_unique<CompileError>(std::move(refused.error));
    code.body = identity(function.at);
  }
}

FunctionCode& Compiler::declare(const ast::Function& function) {
  out_.functions.emplace_back();
  FunctionCode& code = out_.functions.back();
  code.name = function.name;
  for (const std::string& parameter : function.parameters) {
    const bool by_value = parameter[0] == '$';
    code.parameters.push_back({by_value ? parameter.substr(1) : parameter, by_value, false, true});
  }
  return code;
}

void Compiler::compile_body(const ast::Function& function, FunctionCode& code) {
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
FunctionCode& Compiler::library_function(const ast::Function& function) {
  const auto known = library_.find(&function);
  if (known != library_.end()) return *known->second;
  std::vector<Binding> saved;
  saved.swap(bindings_);
  const std::uint32_t level = level_;
  level_ = 0;
  bindings_.push_back(saved.front());  // $ENV
  ++inside_library_;
  FunctionCode& code = declare(function);
  library_[&function] = &code;  // Before its body, which may call it.
  compile_body(function, code);
  --inside_library_;
  bindings_.swap(saved);
  level_ = level;
  return code;
}

const Code* Compiler::call(const Node& node) {
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
    if (binding.kind == Binding::Kind::kFunction) return call_function(*binding.function, level_ - binding.level, node);
  }
  return call_builtin(node);
}

const Code* Compiler::call_function(FunctionCode& function, std::uint32_t hops, const Node& node) {
  if (function.broken) throw Refused{*function.broken};
  std::vector<const Code*> arguments;
  for (const ast::NodePtr& child : node.children) arguments.push_back(compile(*child));
  Code& code = make(Op::kCall, node.at);
  code.function = &function;
  code.hops = hops;
  code.list = std::move(arguments);
  return &code;
}

const Code* Compiler::call_builtin(const Node& node) {
  const std::string& name = node.text;
  const std::size_t arity = node.children.size();
  if (inside_library_ == 0 &&
      std::find(std::begin(kHostFunctions), std::end(kHostFunctions), name) != std::end(kHostFunctions)) {
    out_.asks_host = true;
    if (!options_.host_functions)
      refuse("'" + name + "' is not available here: a mapping has no other input, no terminal and no modules", node.at);
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
  if (arity == 0 && name == "get_search_list") {
    Value list = Value::array();
    if (options_.modules != nullptr) {
      for (const std::string& folder : options_.modules->search_list()) array_push(list, repaired_string(folder));
    }
    return constant(std::move(list), node.at);
  }
  if (arity == 0 && (name == "get_jq_origin" || name == "get_prog_origin")) {
    if (options_.modules == nullptr) return constant(Value::null(), node.at);
    return constant(
        repaired_string(name == "get_jq_origin" ? options_.modules->jq_origin() : options_.modules->program_origin()),
        node.at);
  }
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
const Code* Compiler::replace_constant(const Node& node) {
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

const Code* Compiler::map(const Code* filter, ast::Position at) {
  Code& iterate = make(Op::kIterate, at);
  iterate.a = identity(at);
  Code& collect = make(Op::kCollect, at);
  collect.a = pipe(&iterate, filter, at);
  return &collect;
}

const Code* Compiler::builtin(std::string_view name, std::vector<const Code*> arguments, ast::Position at) {
  Code& code = make(Op::kBuiltin, at);
  code.builtin = find_builtin(name, arguments.size());
  code.list = std::move(arguments);
  return &code;
}

void Compiler::unknown_function(const Node& node) const {
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
    refuse(
        message + " with " + std::to_string(arity) + (arity == 1 ? " argument" : " arguments") + "; it takes " + takes,
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

}  // namespace riptide::transform::jq
