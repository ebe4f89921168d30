#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "fast_bytes.hpp"
#include "indexed_page.hpp"
#include "mapping_program.hpp"
#include "mapping_value.hpp"
#include "riptide/json/structurals.hpp"

namespace riptide::transform {

using pipeline::Entity;
using pipeline::Part;
using pipeline::RecordView;

namespace {

constexpr std::size_t kMaxExampleBytes = 500;
constexpr std::size_t kPlainBytes = 2048;
constexpr std::size_t kLargestWhole = std::size_t{1} << 20;

/// What an expression came to; its JSON has been written in any case (null with kNull and kError).
enum class Came : std::uint8_t { kValue, kNull, kError };

enum class Selected : std::uint8_t { kYes, kNo, kUnreadable };

bool is_object_text(std::string_view json) noexcept {
  const std::size_t begin = json.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && json[begin] == '{';
}

/// Repeats an evaluation until it is long enough for the clock, so that reading the clock does not show.
constexpr double kLongEnoughNs = 4'000;
constexpr int kMostRepeats = 100;

using Clock = std::chrono::steady_clock;

double nanoseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

std::string_view type_name(jq::Type type) noexcept {
  switch (type) {
    case jq::Type::kNull:
      return "null";
    case jq::Type::kFalse:
    case jq::Type::kTrue:
      return "boolean";
    case jq::Type::kNumber:
      return "number";
    case jq::Type::kString:
      return "string";
    case jq::Type::kArray:
      return "array";
    case jq::Type::kObject:
      return "object";
  }
  return "value";
}

}  // namespace

struct Mapper::State {
  explicit State(std::shared_ptr<const Mapping> of)
      : mapping(std::move(of)),
        evaluator(mapping->program_->limits),
        max_output(mapping->program_->limits.max_output_bytes) {
    machine.set_limits(mapping->program_->limits);
  }

  /// How often a field came out null or failed in this call.
  struct FieldTrouble {
    std::uint64_t count = 0;
    bool error = false;
    std::string example;
  };

  std::shared_ptr<const Mapping> mapping;
  jq::Evaluator evaluator;
  std::size_t max_output;
  fast::Machine machine;
  IndexedPage indexed;

  // Of the call to `map`:
  const CompiledResource* resource = nullptr;
  std::uint32_t resource_index = 0;
  MappedPage* out = nullptr;
  MappedPage::Counts counts;
  std::vector<FieldTrouble> troubles;  ///< By field number.
  ResourceMeasure* measure = nullptr;  ///< Where expressions are to be measured.
  bool repeating = false;              ///< For the clock only: nothing is noted.
  bool loading = false;                ///< A `LoadTimer` runs.
  bool used_evaluator = false;         ///< By the last expression.

  // Of the current record:
  std::uint32_t record_index = 0;
  RecordView record;
  bool walked = false;  ///< The machine has the record.
  enum class Loaded : std::uint8_t { kNo, kPart, kYes, kFailed } loaded = Loaded::kNo;
  bool part_is_most = false;  ///< Of the record before: most of it was needed.
  std::string loaded_part;    ///< The part of the record that is loaded with kPart.
  std::string load_error;
  jq::ValueRef input;   ///< What expressions see: the record, or one of its items.
  std::string message;  ///< Of the last error.
  std::string scratch;
  std::string blueprint_text;

  void begin(std::uint32_t index) {
    const Mapping::Program& program = *mapping->program_;
    resource = &program.resources[index];
    resource_index = index;
    counts = {};
    troubles.resize(std::max(troubles.size(), resource->fields.size()));
    for (FieldTrouble& trouble : troubles) {
      trouble.count = 0;
      trouble.error = false;
      trouble.example.clear();
    }
  }

  void end() {
    for (std::size_t field = 0; field < resource->fields.size(); ++field) {
      const FieldTrouble& trouble = troubles[field];
      if (trouble.count != 0) report_trouble(*resource->fields[field].spec, trouble);
    }
    const auto same = [this](const auto& entry) { return entry.first == resource_index; };
    auto found = std::find_if(out->counts.begin(), out->counts.end(), same);
    if (found == out->counts.end()) found = out->counts.insert(found, {resource_index, {}});
    found->second.read += counts.read;
    found->second.filtered += counts.filtered;
    found->second.invalid += counts.invalid;
  }

  void report_trouble(const ExpressionSpec& spec, const FieldTrouble& trouble) {
    for (Misconfigured& known : out->misconfigured) {
      if (known.resource != resource_index || known.field != spec.path || known.expression != spec.text) continue;
      known.count += trouble.count;
      if (trouble.error && !known.error) {
        known.error = true;
        known.example = trouble.example;
      }
      return;
    }
    out->misconfigured.push_back(
        {resource_index, spec.path, spec.text, trouble.count, trouble.error ? trouble.example : "null", trouble.error});
  }

  /// Notes that a field came out null, or failed with `message`.
  void note(const CompiledExpression& expression, Came came) {
    if (came == Came::kValue || repeating) return;
    FieldTrouble& trouble = troubles[expression.field];
    ++trouble.count;
    if (came != Came::kError || trouble.error) return;
    trouble.error = true;
    trouble.example = message.substr(0, std::min(message.size(), kMaxExampleBytes));
  }

  void fault(MappingFault::Kind kind, std::string text) {
    ++counts.invalid;
    out->faults.push_back({kind, resource_index, record_index, std::move(text)});
  }

  /// Counts every mapping of the record as one evaluation that came to nothing.
  void fault_all(MappingFault::Kind kind, const std::string& text) {
    counts.read += resource->entities.size();
    for (std::size_t number = 0; number < resource->entities.size(); ++number) fault(kind, text);
  }

  /// Evaluates an expression, again and again for the clock, and adds to the measure what it came to.
  template <class Evaluate>
  Came measured(const CompiledExpression& expression, Evaluate&& evaluate) {
    ResourceMeasure::Field& field = measure->fields[expression.field];
    used_evaluator = false;
    Came came = evaluate();  // makes the record a value, if need be
    const std::string said = message;
    ++field.evaluations;
    field.by_evaluator += used_evaluator ? 1 : 0;
    field.nulls += came == Came::kNull ? 1 : 0;
    if (came == Came::kError && field.errors++ == 0) field.example = message.substr(0, kMaxExampleBytes);
    repeating = true;
    double took = 0;
    double best = 0;  // without what else the machine did
    int repeats = 0;
    for (int batch = 1; took < kLongEnoughNs && repeats < kMostRepeats; batch = 8) {
      const Clock::time_point begin = Clock::now();
      for (int i = 0; i < batch; ++i) evaluate();
      const double batch_took = nanoseconds_since(begin);
      if (repeats == 0 || batch_took / batch < best) best = batch_took / batch;
      took += batch_took;
      repeats += batch;
    }
    repeating = false;
    field.nanoseconds += best;
    message = said;
    return came;
  }

  /// Adds the time of making a value, where one is to be made and the time is asked for.
  class LoadTimer {
   public:
    explicit LoadTimer(State& state) : state_(state) {
      const bool made = state.loaded == Loaded::kFailed ||
                        (state.loaded == Loaded::kYes && (state.item == kNoItem || state.input_item == state.item));
      runs_ = state.measure != nullptr && !made && !std::exchange(state.loading, true);
      if (runs_) begin_ = Clock::now();
    }
    ~LoadTimer() {
      if (!runs_) return;
      state_.loading = false;
      state_.measure->load_nanoseconds += nanoseconds_since(begin_);
    }
    LoadTimer(const LoadTimer&) = delete;
    LoadTimer& operator=(const LoadTimer&) = delete;

   private:
    State& state_;
    bool runs_ = false;
    Clock::time_point begin_;
  };

  /// Makes the record a value for an expression, or the part of it that it sees. False: `message` says why it cannot.
  bool load_for(const CompiledExpression& expression) {
    used_evaluator = true;
    if (!expression.sees_part || !walked || loaded == Loaded::kYes || loaded == Loaded::kFailed) return load();
    if (loaded == Loaded::kPart) return true;
    const LoadTimer timer(*this);
    // Where the part was most of the record before, copying it out costs more than reading the rest too. A record that
    // cannot be read whole may still be in part, so this decides only what it costs.
    if (part_is_most && record.json.size() < kLargestWhole && evaluator.load(record)) {
      loaded = Loaded::kYes;
      input = evaluator.input();
      return true;
    }
    loaded_part.clear();
    if (!machine.append_needed(loaded_part)) return load();
    // Large records keep to their part: there the rest could exceed the memory budget.
    part_is_most = loaded_part.size() * 4 > record.json.size() * 3 && record.json.size() < kLargestWhole;
    if (!evaluator.load(loaded_part)) return load();
    loaded = Loaded::kPart;
    input = evaluator.input();
    return true;
  }

  /// Makes the record a value, once. False: `message` says why it cannot be one.
  bool load() {
    const LoadTimer timer(*this);
    if (loaded == Loaded::kNo || loaded == Loaded::kPart) {
      auto done = evaluator.load(record);
      loaded = done ? Loaded::kYes : Loaded::kFailed;
      if (done) {
        input = evaluator.input();
      } else {
        load_error = std::move(done).error().message;
      }
    }
    if (loaded == Loaded::kYes) return item == kNoItem || load_item();
    message = load_error;
    return false;
  }

  /// Runs a program on `input` for its first output. `take(value)` gets it, and returns false if it is too large.
  template <class Take>
  Came run(const jq::Program& program, Take&& take) {
    bool any = false;
    bool fits = true;
    const jq::Outcome outcome = evaluator.run(program, input, [&](jq::ValueRef value) {
      any = true;
      fits = take(value);
      return jq::Next::kStop;
    });
    if (!outcome.ok()) {
      message = outcome.message;
      if (outcome.ending == jq::Outcome::Ending::kHalted) message = "halt is not for mappings";
      return Came::kError;
    }
    if (!fits) {
      message = "the output exceeds " + std::to_string(max_output) + " bytes";
      return Came::kError;
    }
    return any ? Came::kValue : Came::kNull;
  }

  /// Tries the fast path. False: the evaluator has to do it.
  bool append_fast(const CompiledExpression& expression, std::string& bytes, Came& came) {
    fast::Cell cell;
    switch (machine.evaluate(expression.closure, cell)) {
      case fast::Came::kGaveUp:
        return false;
      case fast::Came::kNothing:
        came = Came::kNull;
        return true;
      case fast::Came::kValue:
        break;
    }
    if (cell.kind == fast::Cell::Kind::kNull) {
      came = Came::kNull;
      return true;
    }
    const std::size_t before = bytes.size();
    if (!machine.append(cell, bytes)) return false;
    if (bytes.size() - before > max_output) {
      bytes.resize(before);
      return false;
    }
    came = Came::kValue;
    return true;
  }

  /// Appends what an expression comes to.
  Came append(const CompiledExpression& expression, std::string& bytes) {
    if (measure == nullptr) return append_once(expression, bytes);
    const std::size_t before = bytes.size();
    return measured(expression, [&] {
      bytes.resize(before);
      return append_once(expression, bytes);
    });
  }

  Came append_once(const CompiledExpression& expression, std::string& bytes) {
    if (walked && expression.closure != fast::kNoClosure) {
      const std::string_view raw = machine.plain(expression.closure);
      if (!raw.empty() && raw.size() <= max_output) {
        bytes += raw;
        const Came came = raw.front() == 'n' ? Came::kNull : Came::kValue;
        note(expression, came);
        return came;
      }
    }
    const std::size_t before = bytes.size();
    Came came = Came::kError;
    if (walked && expression.closure != fast::kNoClosure && append_fast(expression, bytes, came)) {
      if (came == Came::kNull) bytes += "null";
      note(expression, came);
      return came;
    }
    if (!expression.program) {
      message = expression.error;
    } else if (load_for(expression)) {
      came = run(*expression.program, [&](jq::ValueRef value) { return value.append_json(bytes, max_output); });
    }
    if (came == Came::kValue && mapping_value::is_null(std::string_view(bytes).substr(before))) came = Came::kNull;
    if (came != Came::kValue) {
      bytes.resize(before);
      bytes += "null";
    }
    note(expression, came);
    return came;
  }

  /// A search query is a value whatever its leaves come to, but an error in one of them is told.
  Came append(const CompiledSearch& search, std::string& bytes) {
    Came worst = Came::kValue;
    bytes += '{';
    bool first = true;
    for (const auto& [key, leaf] : search.leaves) {
      if (!std::exchange(first, false)) bytes += ',';
      bytes += key;
      if (append(leaf, bytes) == Came::kError) worst = Came::kError;
    }
    if (search.has_rules) {
      if (!std::exchange(first, false)) bytes += ',';
      bytes += "\"rules\":[";
      bool first_rule = true;
      for (const CompiledSearch& rule : search.rules) {
        if (!std::exchange(first_rule, false)) bytes += ',';
        if (append(rule, bytes) == Came::kError) worst = Came::kError;
      }
      bytes += ']';
    }
    bytes += '}';
    return worst;
  }

  Came append(const CompiledValue& value, std::string& bytes) {
    return value.search ? append(*value.search, bytes) : append(*value.expression, bytes);
  }

  Selected select() {
    if (measure == nullptr) return select_once();
    Selected selected = Selected::kNo;
    measured(resource->selector, [&] {
      selected = select_once();
      return selected == Selected::kUnreadable ? Came::kError : Came::kValue;
    });
    return selected;
  }

  Selected select_once() {
    const CompiledExpression& selector = resource->selector;
    if (!selector.program) {
      message = "selector does not compile: " + selector.error;
      return Selected::kUnreadable;
    }
    if (walked && selector.closure != fast::kNoClosure) {
      fast::Cell cell;
      if (machine.evaluate(selector.closure, cell) == fast::Came::kValue) {
        if (cell.kind == fast::Cell::Kind::kTrue) return Selected::kYes;
        if (cell.kind == fast::Cell::Kind::kFalse) return Selected::kNo;
      }
    }
    if (!load_for(selector)) return Selected::kUnreadable;
    jq::Type type = jq::Type::kNull;
    const Came came = run(*selector.program, [&](jq::ValueRef value) {
      type = value.type();
      return true;
    });
    if (came == Came::kError) {
      message.insert(0, "selector failed: ");
      return Selected::kUnreadable;
    }
    if (came == Came::kValue && type == jq::Type::kTrue) return Selected::kYes;
    if (came == Came::kValue && type == jq::Type::kFalse) return Selected::kNo;
    message = "selector is not boolean: ";
    message += came == Came::kNull ? "no output" : type_name(type);
    return Selected::kUnreadable;
  }

  /// Evaluates all mappings of the resource on `input`.
  void evaluate() {
    switch (select()) {
      case Selected::kNo:
        counts.read += resource->entities.size();
        counts.filtered += resource->entities.size();
        return;
      case Selected::kUnreadable:
        fault_all(MappingFault::Kind::kUnreadable, message);
        return;
      case Selected::kYes:
        break;
    }
    for (const CompiledEntity& entity : resource->entities) {
      ++counts.read;
      write(entity);
    }
  }

  /// Appends one part of an entity: key, then value.
  Came append_part(std::string_view key, const CompiledValue& value, std::uint64_t entity_begin, Part& part) {
    std::string& bytes = out->entities.bytes;
    bytes += key;
    const std::size_t begin = bytes.size();
    const Came came = append(value, bytes);
    part = {static_cast<std::uint32_t>(begin - entity_begin), static_cast<std::uint32_t>(bytes.size() - begin)};
    return came;
  }

  /// As `append_part`, and makes numbers and booleans strings.
  void append_text_part(std::string_view key, const CompiledValue& value, std::uint64_t entity_begin, Part& part) {
    std::string& bytes = out->entities.bytes;
    append_part(key, value, entity_begin, part);
    mapping_value::stringify(bytes, static_cast<std::size_t>(entity_begin + part.begin));
    part.length = static_cast<std::uint32_t>(bytes.size() - entity_begin - part.begin);
  }

  /// Appends `"properties":{...}` or `"relations":{...}`; true if one of the members is an object.
  bool append_members(std::string_view key, const std::vector<std::pair<std::string, CompiledValue>>& members,
                      std::uint64_t entity_begin, Part& part) {
    std::string& bytes = out->entities.bytes;
    bytes += key;
    const std::size_t begin = bytes.size() - 1;
    bool any_object = false;
    // Most fields are scalars that are copied as they stand: these are put together here before they are appended.
    char plain[kPlainBytes];
    char* end = plain;
    for (const auto& [name, value] : members) {
      if (walked && value.expression && value.expression->closure != fast::kNoClosure) {
        const std::string_view raw = machine.plain(value.expression->closure);
        const std::size_t needed = name.size() + raw.size();
        if (!raw.empty() && needed <= kPlainBytes && raw.size() <= max_output) {
          if (static_cast<std::size_t>(plain + kPlainBytes - end) < needed) {
            bytes.append(plain, end);
            end = plain;
          }
          end = fast::copy_short(raw, fast::copy_short(name, end));
          if (raw.front() == 'n') note(*value.expression, Came::kNull);
          continue;
        }
      }
      bytes.append(plain, end);
      end = plain;
      bytes += name;
      const std::size_t value_begin = bytes.size();
      append(value, bytes);
      any_object = any_object || bytes[value_begin] == '{';
    }
    bytes.append(plain, end);
    bytes += '}';
    part = {static_cast<std::uint32_t>(begin - entity_begin), static_cast<std::uint32_t>(bytes.size() - begin)};
    return any_object;
  }

  /// Writes one entity, or a fault.
  void write(const CompiledEntity& compiled) {
    pipeline::EntityBuffer& buffer = out->entities;
    std::string& bytes = buffer.bytes;
    Entity entity;
    entity.begin = bytes.size();
    entity.resource = resource_index;

    const Came identifier = append_part("{\"identifier\":", compiled.identifier, entity.begin, entity.identifier);
    std::string error = identifier == Came::kError ? "identifier failed: " + message : std::string();
    if (append_part(",\"blueprint\":", compiled.blueprint, entity.begin, entity.blueprint) == Came::kError &&
        error.empty()) {
      error = "blueprint failed: " + message;
    }
    if (compiled.title) append_part(",\"title\":", *compiled.title, entity.begin, entity.title);
    if (compiled.icon) append_text_part(",\"icon\":", *compiled.icon, entity.begin, entity.icon);
    if (compiled.team) append_text_part(",\"team\":", *compiled.team, entity.begin, entity.team);
    bool searched = false;
    if (compiled.has_properties)
      append_members(",\"properties\":{", compiled.properties, entity.begin, entity.properties);
    if (compiled.has_relations)
      searched = append_members(",\"relations\":{", compiled.relations, entity.begin, entity.relations);
    bytes += '}';

    MappingFault::Kind kind = MappingFault::Kind::kUnreadable;
    const auto json_of = [&](const Part& part) {
      return std::string_view(bytes).substr(static_cast<std::size_t>(entity.begin) + part.begin, part.length);
    };
    const std::string_view identifier_json = json_of(entity.identifier);
    const std::string_view blueprint_json = json_of(entity.blueprint);
    if (error.empty()) {
      kind = MappingFault::Kind::kInvalid;
      if (!mapping_value::truthy(identifier_json)) {
        error = "identifier is null or empty";
      } else if (!mapping_value::truthy(blueprint_json)) {
        error = "blueprint is null or empty";
      } else if (mapping_value::is_array(blueprint_json) || mapping_value::is_object(blueprint_json)) {
        error = "blueprint is no string";
      } else if (const std::string_view icon = json_of(entity.icon);
                 mapping_value::is_array(icon) || mapping_value::is_object(icon)) {
        error = "icon is no string";
      } else if (bytes.size() - entity.begin > UINT32_MAX) {
        error = "the entity exceeds 4 GB";
      }
    }
    if (!error.empty()) {
      bytes.resize(static_cast<std::size_t>(entity.begin));
      fault(kind, std::move(error));
      return;
    }
    entity.length = static_cast<std::uint32_t>(bytes.size() - entity.begin);
    const std::string_view team = json_of(entity.team);
    entity.related_by_search = searched || mapping_value::is_object(team) || mapping_value::has_object_element(team);
    entity.searched = entity.related_by_search || mapping_value::is_object(identifier_json);
    blueprint_text.assign(mapping_value::identity_text(blueprint_json, scratch));
    entity.identity = pipeline::identity_digest(blueprint_text, mapping_value::identity_text(identifier_json, scratch));
    buffer.entities.push_back(entity);
  }

  /// What the evaluator needs for the items of the current record, or why it cannot have them.
  struct Items {
    enum class State : std::uint8_t { kNotYet, kReady, kFault } state = State::kNotYet;
    jq::ValueRef list;
    jq::ValueRef rest;
    MappingFault::Kind fault = MappingFault::Kind::kInvalid;
    Came noted = Came::kValue;
    std::string text;
  };
  Items made;
  static constexpr std::size_t kNoItem = SIZE_MAX;
  std::size_t item = kNoItem;        ///< The element that expressions see.
  std::size_t input_item = kNoItem;  ///< The element that `input` shows.

  bool no_items(MappingFault::Kind kind, Came noted, std::string text) {
    made.state = Items::State::kFault;
    made.fault = kind;
    made.noted = noted;
    made.text = std::move(text);
    message = made.text;
    return false;
  }

  /// Makes the list of the record's items and the record without them. An error means that its identities are unknown.
  bool make_items(const CompiledItems& items) {
    if (made.state == Items::State::kReady) return true;
    const auto failed = [&](std::string_view what) {
      return no_items(MappingFault::Kind::kUnreadable, Came::kError, std::string(what) + message);
    };
    if (made.state == Items::State::kFault) return false;
    if (!items.list.program) {
      message = items.list.error;
      return failed("itemsToParse does not compile: ");
    }
    if (!load()) return no_items(MappingFault::Kind::kUnreadable, Came::kValue, message);
    jq::ValueRef list;
    const Came came = run(*items.list.program, [&](jq::ValueRef value) {
      list = evaluator.keep(value);
      return true;
    });
    if (came == Came::kError) return failed("itemsToParse failed: ");
    if (came == Came::kNull || list.type() != jq::Type::kArray) {
      const bool null = came == Came::kNull || list.type() == jq::Type::kNull;
      const std::string_view type = came == Came::kNull ? "no output" : type_name(list.type());
      return no_items(MappingFault::Kind::kInvalid, null ? Came::kNull : Came::kError,
                      "itemsToParse is no array: " + std::string(type));
    }
    if (items.removes_all) {
      return no_items(
          MappingFault::Kind::kInvalid, Came::kError,
          "itemsToParse names no path to take out of the record: set itemsToParseTopLevelTransform to false");
    }
    jq::ValueRef rest = input;
    if (items.remove) {
      const Came removed = run(*items.remove, [&](jq::ValueRef value) {
        rest = evaluator.keep(value);
        return true;
      });
      const std::string_view what = "itemsToParse cannot be taken out of the record: ";
      if (removed == Came::kError) return failed(what);
      if (removed == Came::kNull || rest.type() != jq::Type::kObject) {
        message = "nothing is left";
        return failed(what);
      }
    }
    made.state = Items::State::kReady;
    made.list = list;
    made.rest = rest;
    return true;
  }

  /// Makes the current item the input.
  bool load_item() {
    if (input_item == item) return true;
    const std::size_t current = std::exchange(item, kNoItem);  // the list is made from the record
    input = evaluator.input();
    const bool ready = make_items(*resource->items);
    item = current;
    if (!ready || item >= made.list.size()) {
      message = ready ? "itemsToParse came to another list" : made.text;
      return false;
    }
    input = evaluator.with_member(made.rest, resource->items->name, made.list.element(item));
    input_item = item;
    return true;
  }

  /// Evaluates the mappings on each element of the record's list.
  void evaluate_items(const CompiledItems& items) {
    made.state = Items::State::kNotYet;
    input_item = kNoItem;
    std::size_t count = 0;
    const Clock::time_point begin = measure == nullptr ? Clock::time_point() : Clock::now();
    const double loaded_before = measure == nullptr ? 0 : measure->load_nanoseconds;
    const auto measure_list = [&](bool by_evaluator, Came came) {
      if (measure == nullptr) return;
      ResourceMeasure::Field& field = measure->fields[items.list.field];
      ++field.evaluations;
      field.by_evaluator += by_evaluator ? 1 : 0;
      field.nulls += came == Came::kNull ? 1 : 0;
      if (came == Came::kError && field.errors++ == 0) field.example = message.substr(0, kMaxExampleBytes);
      field.nanoseconds += nanoseconds_since(begin) - (measure->load_nanoseconds - loaded_before);
    };
    const bool fast =
        walked && machine.list_items(items.list.closure, count) && (!items.remove || machine.take_out(items.removed));
    if (fast) measure_list(false, Came::kValue);
    if (!fast) {
      walked = false;
      if (!make_items(items)) {
        message = made.text;
        note(items.list, made.noted);
        measure_list(true, made.noted);
        return fault_all(made.fault, made.text);
      }
      count = made.list.size();
      measure_list(true, Came::kValue);
    }
    for (item = 0; item < count; ++item) {
      walked = fast && machine.enter_item(item, items.item);
      evaluate();
    }
    item = kNoItem;
  }

  void map_record() {
    if (!is_object_text(record.json)) {
      return fault_all(MappingFault::Kind::kUnreadable, "the record is not an object");
    }
    if (resource->items) {
      evaluate_items(*resource->items);
    } else {
      evaluate();
    }
  }

  void map(std::uint32_t index, const pipeline::Page& page, const pipeline::RecordSet& records, MappedPage& mapped) {
    RIPTIDE_CHECK(index < mapping->program_->resources.size());
    out = &mapped;
    begin(index);
    const bool fast = resource->has_plan;
    if (fast) {
      measured_walk([&] {
        indexed.begin(resource->plan, page, records);
        return true;
      });
    }
    for (std::size_t number = 0; number < records.spans.size(); ++number) {
      record_index = static_cast<std::uint32_t>(number);
      record = pipeline::view_of(page, records, records.spans[number]);
      loaded = Loaded::kNo;
      walked = fast && measured_walk([&] { return indexed.walk(number, machine); });
      map_record();
    }
    end();
  }

  template <class Walk>
  bool measured_walk(Walk&& walk) {
    if (measure == nullptr) return walk();
    const Clock::time_point begin = Clock::now();
    const bool good = walk();
    measure->walk_nanoseconds += nanoseconds_since(begin);
    return good;
  }
};

Mapper::Mapper(std::shared_ptr<const Mapping> mapping) : state_(std::make_unique<State>(std::move(mapping))) {}
Mapper::~Mapper() = default;
Mapper::Mapper(Mapper&&) noexcept = default;
Mapper& Mapper::operator=(Mapper&&) noexcept = default;

void Mapper::map(std::uint32_t resource, const pipeline::Page& page, const pipeline::RecordSet& records,
                 MappedPage& out) {
  state_->map(resource, page, records, out);
}

void Mapper::measure(std::uint32_t resource, const pipeline::Page& page, const pipeline::RecordSet& records,
                     MappedPage& out, ResourceMeasure& measure) {
  RIPTIDE_CHECK(resource < state_->mapping->program_->resources.size());
  measure.fields.resize(state_->mapping->program_->resources[resource].fields.size());
  measure.records += records.spans.size();
  state_->measure = &measure;
  state_->map(resource, page, records, out);
  state_->measure = nullptr;
}

}  // namespace riptide::transform
