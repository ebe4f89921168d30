#include "riptide/transform/jq.hpp"

#include <algorithm>
#include <new>
#include <system_error>
#include <thread>

#include "jq/compiler.hpp"
#include "jq/json_writer.hpp"
#include "jq/machine.hpp"
#include "jq/native_stack.hpp"
#include "jq/parser.hpp"
#include "jq/utf8.hpp"
#include "jq/view.hpp"

namespace riptide::transform::jq {

using pipeline::ErrorKind;
using pipeline::unexpected;

// A ValueRef is the two words of a value, without a reference of its own.
struct ValueAccess {
  static ValueRef borrow(const Value& value) noexcept {
    ValueRef ref;
    ref.words_[0] = static_cast<std::uint64_t>(value.tag());
    ref.words_[1] = value.bits();
    return ref;
  }
  // A counted copy.
  static Value copy(const ValueRef& ref) noexcept {
    const Tag tag = static_cast<Tag>(ref.words_[0]);
    Value value = Value::from_bits(tag, ref.words_[1]);
    if (value.counted() && !value.head()->immortal()) ++value.head()->references;
    return value;
  }
  // Calls `function` with the value, whose references stay as they are.
  template <class F>
  static auto with(const ValueRef& ref, F&& function) {
    union Uncounted {
      Value value;
      explicit Uncounted(const ValueRef& from)
          : value(Value::from_bits(static_cast<Tag>(from.words_[0]), from.words_[1])) {}
      ~Uncounted() {}
    } borrowed(ref);
    return function(static_cast<const Value&>(borrowed.value));
  }
};

Type ValueRef::type() const noexcept {
  switch (static_cast<Tag>(words_[0])) {
    case Tag::kInvalid:
    case Tag::kNull:
      return Type::kNull;
    case Tag::kFalse:
      return Type::kFalse;
    case Tag::kTrue:
      return Type::kTrue;
    case Tag::kNumber:
    case Tag::kLiteral:
      return Type::kNumber;
    case Tag::kString:
      return Type::kString;
    case Tag::kArray:
      return Type::kArray;
    case Tag::kObject:
      return Type::kObject;
  }
  return Type::kNull;
}

double ValueRef::number() const noexcept {
  return ValueAccess::with(*this, [](const Value& value) { return value.number(); });
}

std::string_view ValueRef::string() const noexcept {
  return ValueAccess::with(*this, [](const Value& value) { return value.string(); });
}

std::size_t ValueRef::size() const noexcept {
  return ValueAccess::with(*this, [](const Value& value) -> std::size_t {
    if (value.is_array()) return array_size(value);
    if (value.is_object()) return object_size(value);
    return value.string().size();
  });
}

ValueRef ValueRef::element(std::size_t index) const noexcept {
  return ValueAccess::with(*this, [index](const Value& value) {
    return value.is_array() && index < array_size(value) ? ValueAccess::borrow(array_at(value, index)) : ValueRef();
  });
}

ValueRef ValueRef::member(std::string_view key) const noexcept {
  return ValueAccess::with(*this, [key](const Value& value) {
    const Value* found = value.is_object() ? object_find(value, key) : nullptr;
    return found == nullptr ? ValueRef() : ValueAccess::borrow(*found);
  });
}

std::pair<std::string_view, ValueRef> ValueRef::entry(std::size_t index) const noexcept {
  return ValueAccess::with(*this, [index](const Value& value) -> std::pair<std::string_view, ValueRef> {
    if (!value.is_object() || index >= object_size(value)) return {};
    const ObjectEntry& entry = object_entry(value, index);
    return {entry.key.string(), ValueAccess::borrow(entry.value)};
  });
}

bool ValueRef::append_json(std::string& out, std::size_t max_bytes) const {
  return ValueAccess::with(*this, [&out, max_bytes](const Value& value) {
    const std::size_t before = out.size();
    if (jq::append_json(out, value, max_bytes > SIZE_MAX - before ? SIZE_MAX : before + max_bytes)) return true;
    out.resize(before);
    return false;
  });
}

// ---- Program

struct Program::Parts {
  std::string text;
  ast::Module module;
  std::unique_ptr<CompiledCode> code;
  std::unique_ptr<const View> view;
};

Program::Program(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Program::~Program() {
  // Values of the code are immortal: they go with their heap.
  const HeapScope heap(parts_->code->heap);
  parts_->code->nodes.clear();
}

std::string_view Program::text() const noexcept { return parts_->text; }
const ast::Module& Program::syntax() const noexcept { return parts_->module; }
const View* Program::view() const noexcept { return parts_->view.get(); }
bool Program::single_output() const noexcept { return parts_->code->main->single; }
bool Program::asks_host() const noexcept { return parts_->code->asks_host; }

Result<std::shared_ptr<const Program>> Program::compile(std::string_view text, const CompileOptions& options,
                                                        CompileError* where) {
  CompileError error;
  auto parts = std::make_unique<Parts>();
  parts->text = text;
  std::optional<ast::Module> module = parse(parts->text, error);
  if (module) {
    parts->module = std::move(*module);
    parts->code = jq::compile(parts->module, options, error);
  }
  if (parts->code == nullptr) {
    if (where != nullptr) *where = error;
    return unexpected(ErrorKind::kConfig, error.message + " at " + (error.file.empty() ? "" : error.file + ", ") +
                                              "line " + std::to_string(error.line) + ", column " +
                                              std::to_string(error.column));
  }
  if (!parts->code->includes) parts->view = view_of(parts->module);
  return std::shared_ptr<const Program>(new Program(std::move(parts)));
}

// ---- Evaluator

Evaluator::Evaluator(EvaluationLimits limits) : machine_(std::make_unique<Machine>(limits)) {}
Evaluator::~Evaluator() = default;
Evaluator::Evaluator(Evaluator&&) noexcept = default;
Evaluator& Evaluator::operator=(Evaluator&&) noexcept = default;

namespace {

Result<void> read_into(Machine& machine, std::string_view json, Value& value) {
  std::string problem;
  try {
    if (machine.reader_.read(json, JsonReader::Ownership::kBorrow, machine.limits_.max_depth, value, problem))
      return {};
  } catch (const LimitExceeded& limit) {
    return unexpected(ErrorKind::kLimit, limit.message);
  }
  const bool depth = problem.find("depth limit") != std::string::npos;
  return pipeline::unexpected(depth ? ErrorKind::kLimit : ErrorKind::kMalformed, problem);
}

}  // namespace

Result<void> Evaluator::load(std::string_view json) {
  const HeapScope heap(machine_->heap_);
  machine_->reset();
  machine_->begin();
  return read_into(*machine_, json, machine_->input_);
}

Result<void> Evaluator::load(const pipeline::RecordView& record) {
  Result<void> loaded = load(record.json);
  if (!loaded || record.overlay.empty()) return loaded;
  const HeapScope heap(machine_->heap_);
  Value& input = machine_->input_;
  if (!input.is_object()) return unexpected(ErrorKind::kMalformed, "record is not an object");
  try {
    for (const pipeline::OverlayField& field : record.overlay) {
      Value value;
      Result<void> read = read_into(*machine_, record.overlay_value(field), value);
      if (!read) return read;
      object_set(input, Value::string(field.key), std::move(value));
    }
  } catch (const LimitExceeded& limit) {
    return unexpected(ErrorKind::kLimit, limit.message);
  }
  return {};
}

void Evaluator::load_null() {
  const HeapScope heap(machine_->heap_);
  machine_->reset();
  machine_->input_ = Value::null();
}

void Evaluator::load_string(std::string_view text) {
  const HeapScope heap(machine_->heap_);
  machine_->reset();
  machine_->input_ = utf8::valid(text) ? borrowed_string(text) : repaired_string(text);
}

namespace {

pipeline::Unexpected not_read(const JsonReader& reader, std::string_view rest) {
  if (reader.too_deep()) return unexpected(ErrorKind::kLimit, "Exceeds depth limit for parsing");
  return unexpected(ErrorKind::kMalformed, json_error(rest));
}

}  // namespace

Result<Evaluator::Loaded> Evaluator::load_next(std::string_view text, std::size_t& at, bool last,
                                               const Program* only_for) {
  Machine& machine = *machine_;
  const HeapScope heap(machine.heap_);
  machine.reset();
  machine.begin();
  const View* const view = only_for == nullptr ? nullptr : only_for->parts_->view.get();
  try {
    switch (machine.reader_.next(text, at, last, machine.limits_.max_depth, view, machine.input_)) {
      case JsonReader::Found::kValue:
        return Loaded::kValue;
      case JsonReader::Found::kNothing:
        return Loaded::kEnd;
      case JsonReader::Found::kUnfinished:
        return Loaded::kUnfinished;
      case JsonReader::Found::kBroken:
        break;
    }
  } catch (const LimitExceeded& limit) {
    return unexpected(ErrorKind::kLimit, limit.message);
  }
  return not_read(machine.reader_, text.substr(at));
}

void Evaluator::prepare(std::string_view text, const Program& only_for) {
  machine_->reader_.index(only_for.parts_->view == nullptr ? std::string_view() : text);
}

namespace {

constexpr std::size_t kWorthAThread = std::size_t{4} << 20;

// A part of a text that a thread of its own reads, into a heap of its own.
struct Part {
  std::string_view text;
  std::unique_ptr<Machine> machine;
  std::vector<Value> values;
  bool good = false;

  void read(bool last) noexcept {
    const HeapScope heap(machine->heap_);
    machine->begin();
    try {
      std::size_t at = 0;
      auto found = JsonReader::Found::kValue;
      while (true) {
        Value value;
        found = machine->reader_.next(text, at, last, machine->limits_.max_depth, nullptr, value);
        if (found != JsonReader::Found::kValue) break;
        values.push_back(std::move(value));
      }
      good = found == JsonReader::Found::kNothing;
    } catch (...) {  // out of some limit: read by one thread, it will say which
    }
  }
};

// Reads the values of `text` with several threads. False: it has to be read by one.
bool read_in_parts(Machine& machine, std::string_view text, unsigned threads, Value& all) {
  std::vector<Part> parts;
  std::size_t begin = 0;
  for (unsigned i = 1; i <= threads && begin < text.size(); ++i) {
    const std::size_t line = i == threads ? std::string_view::npos : text.find('\n', text.size() / threads * i);
    const std::size_t end = line == std::string_view::npos ? text.size() : line + 1;
    if (end <= begin) continue;
    parts.push_back({text.substr(begin, end - begin), std::make_unique<Machine>(machine.limits_), {}, false});
    begin = end;
  }
  std::vector<std::thread> readers;
  std::size_t mine = 0;  // The first part that no other thread reads.
  try {
    for (; mine + 1 < parts.size(); ++mine) readers.emplace_back([&parts, mine] { parts[mine].read(false); });
  } catch (const std::system_error&) {
  }
  for (; mine < parts.size(); ++mine) parts[mine].read(mine + 1 == parts.size());
  for (std::thread& reader : readers) reader.join();
  bool good = true;
  std::size_t size = 0;
  for (const Part& part : parts) {
    good = good && part.good;
    size += part.values.size();
  }
  all = Value::array(size);
  for (Part& part : parts) {
    for (Value& value : part.values) {
      if (good) array_push(all, std::move(value));
      value.forget();
    }
    if (good) machine.readers_.push_back(std::move(part.machine));
  }
  return good;
}

}  // namespace

Result<void> Evaluator::load_all(std::string_view text, std::size_t& at, unsigned threads) {
  Machine& machine = *machine_;
  const HeapScope heap(machine.heap_);
  machine.reset();
  machine.begin();
  try {
    Value all;
    const auto useful = static_cast<unsigned>(std::min<std::size_t>(threads, (text.size() - at) / kWorthAThread));
    if (useful > 1 && read_in_parts(machine, text.substr(at), useful, all)) {
      machine.input_ = std::move(all);
      at = text.size();
      return {};
    }
    all = Value::array();
    while (true) {
      Value value;
      const auto found = machine.reader_.next(text, at, true, machine.limits_.max_depth, nullptr, value);
      if (found == JsonReader::Found::kBroken) return not_read(machine.reader_, text.substr(at));
      if (found != JsonReader::Found::kValue) break;
      array_push(all, std::move(value));
    }
    machine.input_ = std::move(all);
  } catch (const LimitExceeded& limit) {
    return unexpected(ErrorKind::kLimit, limit.message);
  }
  return {};
}

ValueRef Evaluator::input() const noexcept { return ValueAccess::borrow(machine_->input_); }

Outcome Evaluator::run(const Program& program, Output output) {
  return run(program, ValueAccess::borrow(machine_->input_), output);
}

Outcome Evaluator::run(const Program& program, ValueRef input, Output output) {
  Machine& machine = *machine_;
  const HeapScope heap(machine.heap_);
  const NativeStack::Scope stack;
  Outcome outcome;
  machine.begin();
  const Code* main = program.parts_->code->main;
  Value start = ValueAccess::copy(input);
  if (!start.valid()) start = Value::null();
  Status status = Status::kOk;
  try {
    bool stopped = false;
    if (main->single) {
      Value value;
      status = machine.one(main, nullptr, std::move(start), value);
      if (status == Status::kOk) stopped = output(ValueAccess::borrow(value)) == Next::kStop;
    } else {
      status = machine.many(main, nullptr, std::move(start), nullptr, [&](Value&& value, const Track*) {
        if (output(ValueAccess::borrow(value)) == Next::kContinue) return Status::kOk;
        stopped = true;
        return Status::kStop;
      });
    }
    if (stopped) outcome.ending = Outcome::Ending::kStopped;
  } catch (const LimitExceeded& limit) {
    outcome.ending = Outcome::Ending::kLimit;
    outcome.message = limit.message;
    return outcome;
  }
  switch (status) {
    case Status::kOk:
    case Status::kEmpty:
      break;
    case Status::kError:
      outcome.ending = Outcome::Ending::kError;
      outcome.message = machine.error_message();
      outcome.value = keep(ValueAccess::borrow(machine.error()));
      break;
    case Status::kBreak:
      outcome.ending = Outcome::Ending::kError;
      outcome.message = "break";
      break;
    case Status::kStop:
      if (machine.halted_) {
        outcome.ending = Outcome::Ending::kHalted;
        outcome.exit_code = machine.exit_code_;
        outcome.has_value = machine.halt_value_.valid();
        outcome.value = ValueAccess::borrow(machine.halt_value_);
      }
      break;
  }
  return outcome;
}

ValueRef Evaluator::keep(ValueRef value) {
  const HeapScope heap(machine_->heap_);
  machine_->kept_.push_back(ValueAccess::copy(value));
  return value;
}

ValueRef Evaluator::with_member(ValueRef object, std::string_view key, ValueRef value) {
  const HeapScope heap(machine_->heap_);
  Value changed = ValueAccess::copy(object);
  if (!changed.is_object()) changed = Value::object();
  Value member = ValueAccess::copy(value);
  object_set(changed, Value::string(key), member.valid() ? std::move(member) : Value::null());
  machine_->kept_.push_back(std::move(changed));
  return ValueAccess::borrow(machine_->kept_.back());
}

Result<ValueRef> Evaluator::read(std::string_view json) {
  const HeapScope heap(machine_->heap_);
  Value value;
  Result<void> read = read_into(*machine_, json, value);
  if (!read) return pipeline::Unexpected{std::move(read).error()};
  machine_->kept_.push_back(std::move(value));
  return ValueAccess::borrow(machine_->kept_.back());
}

void Evaluator::set_host(Host* host) noexcept { machine_->host_ = host; }
void Evaluator::set_limits(const EvaluationLimits& limits) noexcept {
  machine_->limits_ = limits;
  machine_->regexes_.set_max_steps(limits.max_regex_steps);
}

}  // namespace riptide::transform::jq
