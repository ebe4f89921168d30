#include <unistd.h>

#include <string_view>
#include <utility>

#include "mapping_program.hpp"
#include "mapping_text.hpp"
#include "riptide/json/document.hpp"

namespace riptide::transform {

using pipeline::ErrorKind;
using pipeline::unexpected;

namespace {

std::vector<std::pair<std::string, std::string>> process_environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::string json_key(std::string_view key) {
  std::string json;
  json::append_quoted(key, json);
  json += ':';
  return json;
}

/// What `Program::compile` said of the better of two readings of an expression.
struct Attempt {
  std::shared_ptr<const jq::Program> program;
  jq::CompileError error;
};

/// Compiles the resources of one mapping and collects all that is wrong with it.
class Compiler {
 public:
  Compiler(const CompileOptions& options, std::vector<Diagnostic>& diagnostics)
      : lenient_(options.lenient), diagnostics_(diagnostics) {
    if (options.environment) jq_options_.environment = process_environment();
  }

  CompiledResource resource(const ResourceSpec& spec, std::size_t index) {
    CompiledResource compiled;
    fields_ = &compiled.fields;
    plan_ = &compiled.plan;
    const std::string block = "resources[" + std::to_string(index) + "]";
    prefix_ = block;
    in_plan_ = false;
    has_items_ = spec.items_to_parse.has_value();
    compiled.selector = expression(spec.selector, block + ".selector.query");
    if (spec.items_to_parse) compiled.items = items(spec, block + ".port.itemsToParse");
    const std::string mappings = block + ".port.entity.mappings";
    if (spec.entities.empty())
      complain(mappings, "no mapping: an entity with identifier and blueprint is needed", spec.line);
    for (std::size_t number = 0; number < spec.entities.size(); ++number) {
      prefix_ = spec.entities.size() == 1 ? mappings : mappings + "[" + std::to_string(number) + "]";
      compiled.entities.push_back(entity(spec.entities[number], spec.line));
    }
    compiled.plan.finish();
    compiled.has_plan = in_plan_;
    if (compiled.items) finish_items(*compiled.items, compiled);
    return compiled;
  }

  [[nodiscard]] bool hopeless() const noexcept { return hopeless_; }

 private:
  /// Notes a problem that leniency does not excuse.
  void complain(std::string path, std::string message, int line) {
    hopeless_ = true;
    diagnostics_.push_back({std::move(path), "", std::move(message), line, 0});
  }

  [[nodiscard]] Attempt attempt(const std::string& text) const {
    Attempt made;
    if (auto program = jq::Program::compile(text, jq_options_, &made.error)) made.program = *std::move(program);
    return made;
  }

  /// Ocean's quotes first; where that is no program, quotes as jq itself would see them.
  [[nodiscard]] Attempt compile_text(const std::string& text) const {
    const std::string as_ocean = mapping_text::ocean_quotes(text);
    Attempt first = attempt(as_ocean);
    if (first.program) return first;
    const std::string strict = mapping_text::strict_quotes(text);
    return strict == as_ocean ? std::move(first) : attempt(strict);
  }

  CompiledExpression expression(const ExpressionSpec& spec, std::string path) {
    CompiledExpression compiled;
    compiled.spec = &spec;
    compiled.field = static_cast<std::uint32_t>(fields_->size());
    CompiledField& field = fields_->emplace_back();
    field.spec = &spec;
    field.path = path;
    Attempt made = compile_text(spec.text);
    compiled.program = std::move(made.program);
    field.program = compiled.program;
    if (!compiled.program) {
      compiled.error = made.error.message;
      field.why = "does not compile: " + compiled.error;
      refuse(spec, std::move(path), std::move(made.error));
    } else {
      compiled.closure = plan_->compile(compiled.program->syntax(), jq_options_.environment, &field.why);
      // Items are parts of the record; what is seen of them is not followed.
      const fast::Part part = compiled.closure == fast::kNoClosure ? fast::Part::kEvaluated : fast::Part::kAny;
      compiled.sees_part = !has_items_ && plan_->see(compiled.program->view(), part);
      in_plan_ = in_plan_ || compiled.closure != fast::kNoClosure || compiled.sees_part;
      field.fast_path = compiled.closure != fast::kNoClosure;
      field.whole_record = !compiled.sees_part;
    }
    return compiled;
  }

  void refuse(const ExpressionSpec& spec, std::string path, jq::CompileError error) {
    if (!lenient_) hopeless_ = true;
    Diagnostic& diagnostic = diagnostics_.emplace_back();
    diagnostic.path = std::move(path);
    diagnostic.expression = spec.text;
    diagnostic.message = std::move(error.message);
    diagnostic.line = spec.line == 0 ? error.line : spec.line + error.line - 1;
    diagnostic.column = spec.line == 0 || error.line > 1 ? error.column : spec.column + error.column - 1;
  }

  CompiledSearch search(const SearchSpec& spec) {
    CompiledSearch compiled;
    compiled.has_rules = spec.has_rules;
    for (const auto& [name, leaf] : spec.leaves) {
      compiled.leaves.emplace_back(json_key(name), expression(leaf, prefix_ + "." + leaf.path));
    }
    for (const SearchSpec& rule : spec.rules) compiled.rules.push_back(search(rule));
    return compiled;
  }

  CompiledValue value(const ValueSpec& spec) {
    CompiledValue compiled;
    if (const auto* text = std::get_if<ExpressionSpec>(&spec)) {
      compiled.expression = expression(*text, prefix_ + "." + text->path);
    } else if (const auto& query = std::get<std::shared_ptr<const SearchSpec>>(spec)) {
      compiled.search = search(*query);
    } else {
      complain(prefix_, "an empty search query", 0);
    }
    return compiled;
  }

  CompiledEntity entity(const EntitySpec& spec, int line) {
    CompiledEntity compiled;
    if (spec.identifier) {
      compiled.identifier = value(*spec.identifier);
    } else {
      complain(prefix_ + ".identifier", "the identifier is missing", line);
    }
    if (!spec.blueprint) {
      complain(prefix_ + ".blueprint", "the blueprint is missing", line);
    } else if (!std::holds_alternative<ExpressionSpec>(*spec.blueprint)) {
      complain(prefix_ + ".blueprint", "a blueprint cannot be a search query", line);
    } else {
      compiled.blueprint = value(*spec.blueprint);
    }
    if (spec.title) compiled.title = value(*spec.title);
    if (spec.icon) compiled.icon = value(*spec.icon);
    if (spec.team) compiled.team = value(*spec.team);
    compiled.has_properties = spec.has_properties || !spec.properties.empty();
    compiled.has_relations = spec.has_relations || !spec.relations.empty();
    for (const auto& [name, property] : spec.properties) {
      compiled.properties.emplace_back((compiled.properties.empty() ? "" : ",") + json_key(name), value(property));
    }
    for (const auto& [name, relation] : spec.relations) {
      compiled.relations.emplace_back((compiled.relations.empty() ? "" : ",") + json_key(name), value(relation));
    }
    return compiled;
  }

  CompiledItems items(const ResourceSpec& spec, std::string path) {
    CompiledItems compiled;
    compiled.name = spec.item_name;
    compiled.item = plan_->top_level(spec.item_name);
    compiled.list = expression(*spec.items_to_parse, path);
    if (!spec.item_top_level_transform) return compiled;
    const std::string removed = mapping_text::items_path(spec.items_to_parse->text);
    if (removed == ".") {
      compiled.removes_all = true;
      diagnostics_.push_back({std::move(path), spec.items_to_parse->text,
                              "no path to the items can be told from the expression, so every record is skipped; set "
                              "itemsToParseTopLevelTransform to false",
                              spec.items_to_parse->line, spec.items_to_parse->column});
      return compiled;
    }
    Attempt made = compile_text("del(" + removed + ")");
    compiled.remove = std::move(made.program);
    if (!compiled.remove && compiled.list.program) refuse(*spec.items_to_parse, std::move(path), std::move(made.error));
    compiled.removes_all = !compiled.remove;
    if (compiled.remove) {
      const Attempt taken = compile_text(removed);
      if (taken.program) compiled.removed = plan_->compile_path(taken.program->syntax());
    }
    return compiled;
  }

  /// Decides whether the items can be told without the evaluator: the list has a closure, and what is taken out of the
  /// record is a member that nobody sees from outside (of an array, the rest would move up).
  static void finish_items(CompiledItems& items, CompiledResource& resource) {
    fast::Plan& plan = resource.plan;
    const bool removes = items.remove != nullptr;
    items.in_plan = items.list.closure != fast::kNoClosure && !items.removes_all && items.item != fast::PathTrie::kNone;
    if (removes) {
      items.in_plan = items.in_plan && items.removed != fast::PathTrie::kNone &&
                      items.removed != fast::PathTrie::kRoot && !plan.trie().is_element(items.removed) &&
                      !plan.reads_around(items.removed);
    }
    resource.has_plan = items.in_plan;
    if (items.in_plan) return;
    // The items are cut out by the evaluator, so all else runs there too.
    const std::string list_why = resource.fields[items.list.field].why;
    std::string why = "what itemsToParse takes out of the record is read around by another expression";
    if (!list_why.empty()) {
      why = "itemsToParse " + list_why;
    } else if (items.removes_all) {
      why = "itemsToParse names no path to take out of the record";
    } else if (removes && (items.removed == fast::PathTrie::kNone || items.removed == fast::PathTrie::kRoot ||
                           plan.trie().is_element(items.removed))) {
      why = "itemsToParse takes out of the record what is no plain member";
    }
    for (CompiledField& field : resource.fields) {
      if (std::exchange(field.fast_path, false)) field.why = why;
    }
  }

  const bool lenient_;
  jq::CompileOptions jq_options_;
  std::vector<Diagnostic>& diagnostics_;
  std::vector<CompiledField>* fields_ = nullptr;
  fast::Plan* plan_ = nullptr;
  bool in_plan_ = false;
  bool has_items_ = false;
  std::string prefix_;
  bool hopeless_ = false;
};

std::string report(const MappingSpec& spec, const std::vector<Diagnostic>& diagnostics) {
  std::string text = spec.origin.empty() ? "the mapping does not compile" : spec.origin + " does not compile";
  for (const Diagnostic& diagnostic : diagnostics) {
    text += "\n  " + diagnostic.path;
    if (diagnostic.line > 0) text += ", line " + std::to_string(diagnostic.line);
    if (diagnostic.line > 0 && diagnostic.column > 0) text += ", column " + std::to_string(diagnostic.column);
    text += ": " + diagnostic.message;
    if (!diagnostic.expression.empty()) text += ": " + diagnostic.expression;
  }
  return text;
}

}  // namespace

Result<std::shared_ptr<const Mapping>> Mapping::compile(const MappingSpec& spec, const CompileOptions& options,
                                                        std::vector<Diagnostic>* diagnostics) {
  auto program = std::make_unique<Program>();
  program->spec = spec;
  program->limits = options.limits;
  std::vector<Diagnostic> found;
  Compiler compiler(options, found);
  for (std::size_t index = 0; index < program->spec.resources.size(); ++index) {
    program->resources.push_back(compiler.resource(program->spec.resources[index], index));
  }
  const bool hopeless = compiler.hopeless();
  std::string text = hopeless ? report(spec, found) : std::string();
  if (diagnostics != nullptr) {
    for (Diagnostic& diagnostic : found) diagnostics->push_back(std::move(diagnostic));
  }
  if (hopeless) return unexpected(ErrorKind::kConfig, std::move(text));
  return std::shared_ptr<const Mapping>(new Mapping(std::move(program)));
}

Mapping::Mapping(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
Mapping::~Mapping() = default;

const MappingSpec& Mapping::spec() const noexcept { return program_->spec; }

std::vector<FieldPlan> Mapping::explain() const {
  std::vector<FieldPlan> plans;
  for (std::uint32_t resource = 0; resource < program_->resources.size(); ++resource) {
    for (const CompiledField& field : program_->resources[resource].fields) {
      plans.push_back({resource, field.spec->path, field.path, field.spec->text, field.spec->line, field.spec->column,
                       field.fast_path, field.whole_record, field.why});
    }
  }
  return plans;
}

}  // namespace riptide::transform
