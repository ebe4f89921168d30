#include "riptide/transform/path_probe.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "mapping_program.hpp"
#include "path_reads.hpp"

namespace riptide::transform {

using pipeline::ErrorKind;
using pipeline::unexpected;

namespace {

constexpr std::size_t kMostKeys = 1'000;
constexpr char kArray[] = "an array";

/// What was seen at one step of one expression.
struct Sight {
  bool matched = false;
  std::set<std::string> keys;   ///< Of objects there.
  std::set<std::string> types;  ///< What was there, as messages call it.
};

struct Watched {
  std::uint32_t field = 0;
  std::vector<ReadStep> steps;
  std::vector<std::vector<std::uint32_t>> children;
  std::vector<Sight> sights;
  std::uint64_t records = 0;
};

std::string_view what_it_is(jq::ValueRef value) {
  switch (value.type()) {
    case jq::Type::kNull:
      return "null";
    case jq::Type::kFalse:
    case jq::Type::kTrue:
      return "a boolean";
    case jq::Type::kNumber:
      return "a number";
    case jq::Type::kString:
      return "a string";
    case jq::Type::kArray:
      return value.size() == 0 ? "an empty array" : kArray;
    case jq::Type::kObject:
      return value.size() == 0 ? "an empty object" : "an object";
  }
  return "";
}

bool is_container(jq::ValueRef value) { return value.type() == jq::Type::kArray || value.type() == jq::Type::kObject; }

/// Follows the steps into a value.
void look(Watched& watched, std::uint32_t step, jq::ValueRef value) {
  Sight& sight = watched.sights[step];
  sight.matched = true;
  if (watched.children[step].empty()) return;
  sight.types.emplace(what_it_is(value));
  if (value.type() == jq::Type::kObject) {
    for (std::size_t i = 0; i < value.size() && sight.keys.size() < kMostKeys; ++i)
      sight.keys.emplace(value.entry(i).first);
  }
  for (const std::uint32_t child : watched.children[step]) {
    const ReadStep& wanted = watched.steps[child];
    switch (wanted.kind) {
      case ReadStep::Kind::kRoot:
        break;
      case ReadStep::Kind::kMember:
        if (value.type() != jq::Type::kObject) break;
        for (std::size_t i = 0; i < value.size(); ++i) {
          const auto [key, member] = value.entry(i);
          if (key == wanted.key) look(watched, child, member);
        }
        break;
      case ReadStep::Kind::kElement: {
        if (value.type() != jq::Type::kArray) break;
        const auto size = static_cast<std::int64_t>(value.size());
        const std::int64_t index = wanted.number < 0 ? size + wanted.number : wanted.number;
        if (index >= 0 && index < size) look(watched, child, value.element(static_cast<std::size_t>(index)));
        break;
      }
      case ReadStep::Kind::kEach:
        if (!is_container(value)) break;
        for (std::size_t i = 0; i < value.size(); ++i) {
          look(watched, child, value.type() == jq::Type::kArray ? value.element(i) : value.entry(i).second);
        }
        break;
    }
  }
}

std::string one_of(const std::set<std::string>& words) {
  std::string text;
  std::size_t left = words.size();
  for (const std::string& word : words) {
    if (!text.empty()) text += left == 1 ? " or " : ", ";
    text += word;
    --left;
  }
  return text;
}

}  // namespace

struct PathProbe::State {
  std::shared_ptr<const Mapping> mapping;
  jq::Evaluator evaluator;
  std::vector<std::vector<Watched>> resources;

  explicit State(std::shared_ptr<const Mapping> of)
      : mapping(std::move(of)), evaluator(mapping->program_->limits), resources(mapping->program_->resources.size()) {
    for (std::size_t index = 0; index < resources.size(); ++index) {
      const std::vector<CompiledField>& fields = mapping->program_->resources[index].fields;
      for (std::uint32_t field = 0; field < fields.size(); ++field) {
        if (fields[field].program) watch(resources[index], field, fields[field].program->syntax());
      }
    }
  }

  static void watch(std::vector<Watched>& all, std::uint32_t field, const jq::ast::Module& module) {
    Watched& watched = all.emplace_back();
    watched.field = field;
    watched.steps = steps_read(module);
    watched.children.resize(watched.steps.size());
    watched.sights.resize(watched.steps.size());
    for (std::uint32_t step = 1; step < watched.steps.size(); ++step)
      watched.children[watched.steps[step].parent].push_back(step);
  }

  /// The first output of a program on the record, kept.
  Result<jq::ValueRef> first_output(const jq::Program& program) {
    jq::ValueRef made;
    const jq::Outcome outcome = evaluator.run(program, [&](jq::ValueRef value) {
      made = evaluator.keep(value);
      return jq::Next::kStop;
    });
    if (!outcome.ok()) return unexpected(ErrorKind::kMalformed, "itemsToParse failed: " + outcome.message);
    return made;
  }

  Result<void> see(std::uint32_t index, std::string_view json) {
    if (auto loaded = evaluator.load(json); !loaded) return loaded;
    const CompiledResource& resource = mapping->program_->resources[index];
    std::vector<Watched>& all = resources[index];
    if (!resource.items) {
      for (Watched& watched : all) see(watched, evaluator.input());
      return {};
    }
    // The list comes from the record, everything else sees one element at a time.
    const CompiledItems& items = *resource.items;
    const std::uint32_t list_field = items.list.field;
    for (Watched& watched : all) {
      if (watched.field == list_field) see(watched, evaluator.input());
    }
    if (!items.list.program) return {};
    const auto list = first_output(*items.list.program);
    if (!list) return unexpected(list.error());
    jq::ValueRef rest = evaluator.input();
    if (items.remove) {
      const auto left = first_output(*items.remove);
      if (!left) return unexpected(left.error());
      rest = *left;
    }
    if (list->type() != jq::Type::kArray || rest.type() != jq::Type::kObject) return {};
    for (std::size_t i = 0; i < list->size(); ++i) {
      const jq::ValueRef input = evaluator.with_member(rest, items.name, list->element(i));
      for (Watched& watched : all) {
        if (watched.field != list_field) see(watched, input);
      }
    }
    return {};
  }

  static void see(Watched& watched, jq::ValueRef input) {
    ++watched.records;
    look(watched, 0, input);
  }

  void report(std::uint32_t resource, const Watched& watched, std::uint32_t step,
              std::vector<UnmatchedPath>& out) const {
    const ReadStep& missing = watched.steps[step];
    const Sight& parent = watched.sights[missing.parent];
    const CompiledField& field = mapping->program_->resources[resource].fields[watched.field];
    const ExpressionSpec& spec = *field.spec;
    UnmatchedPath& told = out.emplace_back();
    told.resource = resource;
    told.field = spec.path;
    told.place = field.path;
    told.expression = spec.text;
    const int line = static_cast<int>(missing.at.line);
    const int column = static_cast<int>(missing.at.column);
    told.line = spec.line == 0 ? line : spec.line + line - 1;
    told.column = spec.line == 0 || line > 1 ? column : spec.column + column - 1;
    told.path = path_text(watched.steps, step);
    told.parent = path_text(watched.steps, missing.parent);
    told.key = missing.key;
    told.keys.assign(parent.keys.begin(), parent.keys.end());
    const bool too_short = missing.kind == ReadStep::Kind::kElement && parent.types.count(kArray) != 0;
    if (parent.keys.empty() && !too_short) told.found = one_of(parent.types);
    told.records = watched.records;
  }
};

PathProbe::PathProbe(std::shared_ptr<const Mapping> mapping) : state_(std::make_unique<State>(std::move(mapping))) {}
PathProbe::~PathProbe() = default;

Result<void> PathProbe::see(std::uint32_t resource, std::string_view json) {
  RIPTIDE_CHECK(resource < state_->resources.size());
  return state_->see(resource, json);
}

std::vector<UnmatchedPath> PathProbe::unmatched() const {
  std::vector<UnmatchedPath> out;
  for (std::uint32_t resource = 0; resource < state_->resources.size(); ++resource) {
    for (const Watched& watched : state_->resources[resource]) {
      if (watched.records == 0) continue;
      for (std::uint32_t step = 1; step < watched.steps.size(); ++step) {
        // Where a step is not there, nothing behind it is.
        if (!watched.sights[step].matched && watched.sights[watched.steps[step].parent].matched)
          state_->report(resource, watched, step, out);
      }
    }
  }
  return out;
}

}  // namespace riptide::transform
