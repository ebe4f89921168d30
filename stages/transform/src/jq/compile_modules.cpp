#include <utility>

#include "jq/compilation.hpp"
#include "jq/json_writer.hpp"
#include "jq/machine.hpp"
#include "jq/native_stack.hpp"
#include "jq/raised.hpp"

// Modules: each is compiled once, at the outermost level, and its functions are called by the names it was given.
namespace riptide::transform::jq {

namespace {

bool is_true(const Value& object, std::string_view name) {
  const Value* const found = object_find(object, name);
  return found != nullptr && found->tag() == Tag::kTrue;
}

// Where to look for an import: nothing if it does not say so.
std::optional<std::vector<std::string>> search_paths(const Value& metadata) {
  const Value* const found = object_find(metadata, "search");
  if (found == nullptr) return std::nullopt;
  std::vector<std::string> paths;
  if (found->is_string()) paths.emplace_back(found->string());
  if (found->is_array()) {
    for (std::uint32_t i = 0; i < array_size(*found); ++i) {
      if (array_at(*found, i).is_string()) paths.emplace_back(array_at(*found, i).string());
    }
  }
  return paths;
}

}  // namespace

Value Compiler::metadata(const ast::Node* node) {
  if (node == nullptr) return Value::object();
  const Code* const code = compile(*node);
  if (code->op != Op::kConstant) refuse("the metadata of a module must be constant", node->at);
  if (!code->constant.is_object()) refuse("the metadata of a module must be an object", node->at);
  return code->constant;
}

void Compiler::import_all(const ast::Module& module, const std::string& file) {
  if (options_.modules == nullptr) {
    if (module.metadata)
      refuse("'module' is not available: a program is one text without modules", module.metadata->at);
    if (!module.imports.empty()) {
      refuse(std::string(module.imports.front().name.empty() ? "'include'" : "'import'") +
                 " is not available: a program is one text without modules",
             module.imports.front().at);
    }
    return;
  }
  if (file.empty()) {
    if (const auto always = options_.modules->included_always()) import_functions(*always, {}, {});
  }
  for (const ast::Import& import : module.imports) {
    const Value about = metadata(import.metadata.get());
    const auto found = options_.modules->find(
        {.path = import.path, .search = search_paths(about), .is_data = import.is_data, .importer = file});
    if (!found && is_true(about, "optional")) continue;
    if (!found) refuse(found.error().message, import.at);
    if (import.is_data) {
      import_data(import, *found, is_true(about, "raw"));
    } else {
      import_functions(*found, import.name.empty() ? std::string() : import.name + "::", import.at);
    }
  }
}

void Compiler::import_data(const ast::Import& import, const ModuleFiles::Found& found, bool raw) {
  Value data = Value::array();
  if (raw) {
    data = repaired_string(found.text);
  } else {
    JsonReader reader;
    const std::string_view text = found.text;
    for (std::size_t at = 0; true;) {
      const std::size_t begin = at;
      Value borrowed, value;
      const auto next = reader.next(text, at, true, 10'000, nullptr, borrowed);
      if (next == JsonReader::Found::kNothing) break;
      std::string problem;
      if (next != JsonReader::Found::kValue ||
          !reader.read(text.substr(begin, at - begin), JsonReader::Ownership::kCopy, 10'000, value, problem)) {
        refuse("the data file " + found.file + " is not JSON: " + json_error(text.substr(begin)), import.at);
      }
      array_push(data, std::move(value));
    }
  }
  const Code* const code = constant(std::move(data), import.at);
  for (const std::string& name : {import.name, import.name + "::" + import.name}) {
    bindings_.push_back({Binding::Kind::kConstant, name, 0, 0, 0, nullptr, code});
  }
}

void Compiler::import_functions(const ModuleFiles::Found& found, const std::string& prefix, ast::Position at) {
  if (prefix.empty()) out_.includes = true;
  for (Binding binding : imported(found, at).functions) {
    binding.name = prefix + binding.name;
    bindings_.push_back(std::move(binding));
  }
}

const Compiler::Imported& Compiler::imported(const ModuleFiles::Found& found, ast::Position at) {
  std::unique_ptr<Imported>& entry = modules_[found.file];
  if (entry != nullptr) {
    if (!entry->complete) refuse("circular import of " + found.file, at);
    return *entry;
  }
  entry = std::make_unique<Imported>();
  Imported& module = *entry;
  CompileError error;
  auto syntax = parse_library(found.text, error);
  if (!syntax) {
    error.file = found.file;
    throw Refused{std::move(error)};
  }
  module.syntax = std::move(*syntax);
  // A module sees the global variables, what it imports, and its own definitions.
  std::vector<Binding> saved(bindings_.begin(), bindings_.begin() + static_cast<std::ptrdiff_t>(globals_));
  saved.swap(bindings_);
  std::string importer = std::exchange(file_, found.file);
  try {
    metadata(module.syntax.metadata.get());
    import_all(module.syntax, found.file);
    const std::size_t imports_end = bindings_.size();
    for (const auto& function : module.syntax.functions) define(*function);
    module.functions.assign(bindings_.begin() + static_cast<std::ptrdiff_t>(imports_end), bindings_.end());
  } catch (Refused& refused) {
    if (refused.error.file.empty()) refused.error.file = found.file;
    throw;
  }
  file_ = std::move(importer);
  bindings_.swap(saved);
  module.complete = true;
  return module;
}

Value Compiler::described(const ast::Module& module) {
  Value description = metadata(module.metadata.get());
  Value imports = Value::array();
  for (const ast::Import& import : module.imports) {
    Value about = metadata(import.metadata.get());
    if (!import.name.empty()) object_set(about, Value::string("as"), Value::string(import.name));
    object_set(about, Value::string("is_data"), Value::boolean(import.is_data));
    object_set(about, Value::string("relpath"), Value::string(import.path));
    array_push(imports, std::move(about));
  }
  Value names = Value::object();
  for (const auto& function : module.functions) {
    object_set(names, Value::string(function->name + '/' + std::to_string(function->parameters.size())), Value::null());
  }
  Value definitions = Value::array();
  for (std::uint32_t i = 0; i < object_size(names); ++i) array_push(definitions, object_entry(names, i).key);
  object_set(description, Value::string("deps"), std::move(imports));
  object_set(description, Value::string("defs"), std::move(definitions));
  return description;
}

std::string module_meta(std::string_view text) {
  CompileError error;
  const auto module = parse_library(text, error);
  std::string json;
  if (!module) return "null";
  CompiledCode code;
  const HeapScope heap(code.heap);
  const NativeStack::Scope stack;
  code.heap.set_limit(kMostCodeBytes);
  try {
    const Value description = Compiler(code, {}).described(*module);
    append_json(json, description);
  } catch (const Refused&) {
    json = "null";
  } catch (const LimitExceeded&) {
    json = "null";
  } catch (const ErrorRaised&) {
    json = "null";
  }
  code.nodes.clear();
  return json;
}

}  // namespace riptide::transform::jq
