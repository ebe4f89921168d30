// How the expressions of a record are evaluated: by the fast path, else by the evaluator on what it needs of the
// record.
#include <algorithm>

#include "mapping_state.hpp"
#include "mapping_value.hpp"

namespace riptide::transform {

namespace {

constexpr std::size_t kMaxExampleBytes = 500;
constexpr std::size_t kLargestWhole = std::size_t{1} << 20;

/// Repeats an evaluation until it is long enough for the clock, so that reading the clock does not show.
constexpr double kLongEnoughNs = 4'000;
constexpr int kMostRepeats = 100;

}  // namespace

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

/// Adds the time of making a value, where one is to be made and the time is asked for.
class Mapper::State::LoadTimer {
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

template <class Evaluate>
Came Mapper::State::measured(const CompiledExpression& expression, Evaluate&& evaluate) {
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

bool Mapper::State::load_for(const CompiledExpression& expression) {
  used_evaluator = true;
  if (!expression.sees_part || !walked || loaded == Loaded::kYes || loaded == Loaded::kFailed) return load();
  const fast::Part part = expression.closure == fast::kNoClosure ? fast::Part::kEvaluated : fast::Part::kAny;
  if (loaded == Loaded::kAny || (loaded == Loaded::kEvaluated && part == fast::Part::kEvaluated)) return true;
  const LoadTimer timer(*this);
  // Where the part was most of the record before, copying it out costs more than reading the rest too. A record that
  // cannot be read whole may still be in part, so this decides only what it costs.
  if (part_is_most && record.json.size() < kLargestWhole && evaluator.load(record)) {
    loaded = Loaded::kYes;
    input = evaluator.input();
    return true;
  }
  loaded_part.clear();
  if (!machine.append_needed(part, loaded_part)) return load();
  // Large records keep to their part: there the rest could exceed the memory budget.
  part_is_most = loaded_part.size() * 4 > record.json.size() * 3 && record.json.size() < kLargestWhole;
  if (!evaluator.load(loaded_part)) return load();
  loaded = part == fast::Part::kAny ? Loaded::kAny : Loaded::kEvaluated;
  input = evaluator.input();
  return true;
}

bool Mapper::State::load() {
  const LoadTimer timer(*this);
  if (loaded != Loaded::kYes && loaded != Loaded::kFailed) {
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

bool Mapper::State::append_fast(const CompiledExpression& expression, std::string& bytes, Came& came) {
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

Came Mapper::State::append(const CompiledExpression& expression, std::string& bytes) {
  if (measure == nullptr) return append_once(expression, bytes);
  const std::size_t before = bytes.size();
  return measured(expression, [&] {
    bytes.resize(before);
    return append_once(expression, bytes);
  });
}

Came Mapper::State::append_once(const CompiledExpression& expression, std::string& bytes) {
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

Came Mapper::State::append(const CompiledSearch& search, std::string& bytes) {
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

Came Mapper::State::append(const CompiledValue& value, std::string& bytes) {
  return value.search ? append(*value.search, bytes) : append(*value.expression, bytes);
}

Selected Mapper::State::select() {
  if (measure == nullptr) return select_once();
  Selected selected = Selected::kNo;
  measured(resource->selector, [&] {
    selected = select_once();
    return selected == Selected::kUnreadable ? Came::kError : Came::kValue;
  });
  return selected;
}

Selected Mapper::State::select_once() {
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

}  // namespace riptide::transform
