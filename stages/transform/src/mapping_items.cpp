// The elements of `itemsToParse`: each is mapped as the record with the element under a name of its own.
#include "mapping_state.hpp"

namespace riptide::transform {

namespace {

constexpr std::size_t kMaxExampleBytes = 500;

}  // namespace

bool Mapper::State::no_items(MappingFault::Kind kind, Came noted, std::string text) {
  made.state = Items::State::kFault;
  made.fault = kind;
  made.noted = noted;
  made.text = std::move(text);
  message = made.text;
  return false;
}

bool Mapper::State::make_items(const CompiledItems& items) {
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
    return no_items(MappingFault::Kind::kInvalid, Came::kError,
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

bool Mapper::State::load_item() {
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

void Mapper::State::evaluate_items(const CompiledItems& items) {
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

}  // namespace riptide::transform
