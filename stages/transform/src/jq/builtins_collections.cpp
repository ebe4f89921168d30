#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "jq/builtins.hpp"
#include "jq/native_stack.hpp"
#include "jq/sort_order.hpp"
#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

Status b_keys_unsorted(Machine& m, Value& input, Value*, Value& output) {
  if (input.is_object()) {
    Value keys = Value::array(object_size(input));
    for (std::uint32_t i = 0; i < object_size(input); ++i) array_push(keys, object_entry(input, i).key);
    output = std::move(keys);
    return Status::kOk;
  }
  if (input.is_array()) {
    Value keys = Value::array(array_size(input));
    for (std::uint32_t i = 0; i < array_size(input); ++i) array_push(keys, Value::number(std::size_t{i}));
    output = std::move(keys);
    return Status::kOk;
  }
  return fail_about(m, input, "has no keys");
}

Status b_keys(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!input.is_object()) return b_keys_unsorted(m, input, arguments, output);
  std::vector<std::uint32_t> order(object_size(input));
  sorted_entries(input, order.data());
  Value keys = Value::array(order.size());
  for (const std::uint32_t i : order) array_push(keys, object_entry(input, i).key);
  output = std::move(keys);
  return Status::kOk;
}

Status b_to_entries(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_object() && !input.is_array()) return fail_about(m, input, "has no keys");
  const std::uint32_t size = input.is_object() ? object_size(input) : array_size(input);
  const Value key_name = Value::string("key");
  const Value value_name = Value::string("value");
  Value entries = Value::array(size);
  for (std::uint32_t i = 0; i < size; ++i) {
    Value entry = Value::object();
    if (input.is_object()) {
      object_set(entry, key_name, object_entry(input, i).key);
      object_set(entry, value_name, object_entry(input, i).value);
    } else {
      object_set(entry, key_name, Value::number(std::size_t{i}));
      object_set(entry, value_name, array_at(input, i));
    }
    array_push(entries, std::move(entry));
  }
  output = std::move(entries);
  return Status::kOk;
}

Status cannot_iterate(Machine& m, const Value& input) {
  return m.fail("Cannot iterate over " + std::string(type_name(input)) + " (" + shortened(input) + ")");
}

// The key is the first of its names that is neither null nor false; the value that of "value" if there is one at all.
Status b_from_entries(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_array() && !input.is_object()) return cannot_iterate(m, input);
  const std::uint32_t size = input.is_array() ? array_size(input) : object_size(input);
  Value object = Value::object();
  for (std::uint32_t i = 0; i < size; ++i) {
    const Value& entry = input.is_array() ? array_at(input, i) : object_entry(input, i).value;
    if (!entry.is_object() && !entry.is_null()) {
      return m.fail("Cannot index " + std::string(type_name(entry)) + " with string (\"key\")");
    }
    const auto member = [&](std::string_view name) -> const Value* {
      return entry.is_object() ? object_find(entry, name) : nullptr;
    };
    Value key = Value::null();
    for (const std::string_view name : {"key", "Key", "name", "Name"}) {
      if (const Value* found = member(name); found != nullptr && found->truthy()) {
        key = *found;
        break;
      }
    }
    if (!key.is_string()) {
      return m.fail("Cannot use " + std::string(type_name(key)) + " (" + shortened(key) + ") as object key");
    }
    const Value* value = member("value");
    if (value == nullptr) value = member("Value");
    object_set(object, std::move(key), value == nullptr ? Value::null() : *value);
  }
  output = std::move(object);
  return Status::kOk;
}

// [.[length - 1 - range(0; length)]]
Status b_reverse(Machine& m, Value& input, Value*, Value& output) {
  if (input.is_null()) {
    output = Value::array();
    return Status::kOk;
  }
  if (!input.is_array()) {
    if (input.is_boolean()) return fail_about(m, input, "has no length");
    const double length = input.is_number()   ? std::fabs(input.number())
                          : input.is_string() ? static_cast<double>(utf8::count(input.string()))
                                              : static_cast<double>(object_size(input));
    if (!(length > 0)) {
      output = Value::array();
      return Status::kOk;
    }
    const Value last = Value::number(length - 1);
    return m.fail("Cannot index " + std::string(type_name(input)) + " with number (" + shortened(last) + ")");
  }
  Value reversed = Value::array(array_size(input));
  for (std::uint32_t i = array_size(input); i-- > 0;) array_push(reversed, array_at(input, i));
  output = std::move(reversed);
  return Status::kOk;
}

bool flatten(const Value& array, double depth, Value& out) {
  Heap::current()->spend(1);
  return with_native_stack([&] {
    const std::uint32_t size = array.is_array() ? array_size(array) : object_size(array);
    for (std::uint32_t i = 0; i < size; ++i) {
      const Value& element = array.is_array() ? array_at(array, i) : object_entry(array, i).value;
      if (element.is_array() && depth > 0) {
        flatten(element, depth - 1, out);
      } else {
        array_push(out, element);
      }
    }
    return true;
  });
}

Status flatten_to(Machine& m, const Value& input, double depth, Value& output) {
  if (depth < 0) return m.fail("flatten depth must not be negative");
  if (!input.is_array() && !input.is_object()) return cannot_iterate(m, input);
  Value flat = Value::array();
  flatten(input, depth, flat);
  output = std::move(flat);
  return Status::kOk;
}
Status b_flatten(Machine& m, Value& input, Value*, Value& output) { return flatten_to(m, input, 1e9, output); }
Status b_flatten_depth(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!arguments[0].is_number()) return m.fail("flatten depth must not be negative");
  return flatten_to(m, input, arguments[0].number(), output);
}

// ---- order

Status sorted_by(Machine& m, const Value& input, const Value& keys, Value& output) {
  if (!input.is_array()) return fail_about(m, input, "cannot be sorted, as it is not an array");
  Value sorted = Value::array(array_size(input));
  const SortOrder order(keys);
  for (const SortOrder::Entry& entry : order.entries()) array_push(sorted, array_at(input, entry.place));
  output = std::move(sorted);
  return Status::kOk;
}
Status b_sort(Machine& m, Value& input, Value*, Value& output) { return sorted_by(m, input, input, output); }
bool refuse_keys(Machine& m, const Value& input, const Value& keys) {
  if (input.is_array() && keys.is_array()) return false;
  m.fail(std::string(type_name(input)) + " (" + shortened(input) + ") and " + std::string(type_name(keys)) + " (" +
         shortened(keys) + ") cannot be sorted, as they are not both arrays");
  return true;
}

Status b_sort_by(Machine& m, Value& input, Value* arguments, Value& output) {
  if (refuse_keys(m, input, arguments[0])) return Status::kError;
  return sorted_by(m, input, arguments[0], output);
}

Status b_group_by(Machine& m, Value& input, Value* arguments, Value& output) {
  if (refuse_keys(m, input, arguments[0])) return Status::kError;
  const SortOrder order(arguments[0]);
  Value groups = Value::array();
  Value group = Value::array();
  const SortOrder::Entry* last = nullptr;
  for (const SortOrder::Entry& entry : order.entries()) {
    if (last != nullptr && !order.same(*last, entry)) {
      array_push(groups, std::move(group));
      group = Value::array();
    }
    last = &entry;
    array_push(group, array_at(input, entry.place));
  }
  if (last != nullptr) array_push(groups, std::move(group));
  output = std::move(groups);
  return Status::kOk;
}

Status unique_of(Machine& m, const Value& input, const Value& keys, Value& output) {
  if (!input.is_array()) return fail_about(m, input, "cannot be sorted, as it is not an array");
  const SortOrder order(keys);
  Value unique = Value::array();
  const SortOrder::Entry* last = nullptr;
  for (const SortOrder::Entry& entry : order.entries()) {
    if (last == nullptr || !order.same(*last, entry)) array_push(unique, array_at(input, entry.place));
    last = &entry;
  }
  output = std::move(unique);
  return Status::kOk;
}
Status b_unique(Machine& m, Value& input, Value*, Value& output) { return unique_of(m, input, input, output); }
Status b_unique_by(Machine& m, Value& input, Value* arguments, Value& output) {
  if (refuse_keys(m, input, arguments[0])) return Status::kError;
  return unique_of(m, input, arguments[0], output);
}

Status extreme(Machine& m, const Value& input, const Value& keys, bool greatest, Value& output) {
  if (!input.is_array() || !keys.is_array()) {
    return m.fail(std::string(type_name(input)) + " (" + shortened(input) + ") and " + std::string(type_name(keys)) +
                  " (" + shortened(keys) + ") cannot be iterated over");
  }
  if (array_size(input) == 0) {
    output = Value::null();
    return Status::kOk;
  }
  std::uint32_t best = 0;
  for (std::uint32_t i = 1; i < array_size(input); ++i) {
    const int order = compare(array_at(keys, i), array_at(keys, best));
    // Of equal ones, min takes the first and max the last.
    if (greatest ? order >= 0 : order < 0) best = i;
  }
  output = array_at(input, best);
  return Status::kOk;
}
Status b_min(Machine& m, Value& input, Value*, Value& output) { return extreme(m, input, input, false, output); }
Status b_max(Machine& m, Value& input, Value*, Value& output) { return extreme(m, input, input, true, output); }
Status b_min_by(Machine& m, Value& input, Value* a, Value& output) { return extreme(m, input, a[0], false, output); }
Status b_max_by(Machine& m, Value& input, Value* a, Value& output) { return extreme(m, input, a[0], true, output); }

Status b_bsearch(Machine& m, Value& input, Value* arguments, Value& output) {
  if (!input.is_array()) return fail_about(m, input, "cannot be searched from");
  std::uint32_t low = 0;
  std::uint32_t high = array_size(input);
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    const int order = compare(array_at(input, middle), arguments[0]);
    if (order == 0) {
      output = Value::number(std::size_t{middle});
      return Status::kOk;
    }
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  output = Value::number(-1.0 - static_cast<double>(low));
  return Status::kOk;
}

Status b_transpose(Machine& m, Value& input, Value*, Value& output) {
  if (!input.is_array()) return cannot_iterate(m, input);
  std::size_t width = 0;
  for (std::uint32_t i = 0; i < array_size(input); ++i) {
    const Value& row = array_at(input, i);
    if (!row.is_array()) return m.fail("Cannot index " + std::string(type_name(row)) + " with number (0)");
    width = std::max<std::size_t>(width, array_size(row));
  }
  Value columns = Value::array(width);
  for (std::size_t column = 0; column < width; ++column) {
    Value values = Value::array(array_size(input));
    for (std::uint32_t i = 0; i < array_size(input); ++i) {
      const Value& row = array_at(input, i);
      array_push(values, column < array_size(row) ? array_at(row, column) : Value::null());
    }
    array_push(columns, std::move(values));
  }
  output = std::move(columns);
  return Status::kOk;
}

constexpr auto kBuiltins = std::to_array<Builtin>({
    {"keys", 0, b_keys},
    {"keys_unsorted", 0, b_keys_unsorted},
    {"to_entries", 0, b_to_entries},
    {"from_entries", 0, b_from_entries},
    {"reverse", 0, b_reverse},
    {"flatten", 0, b_flatten},
    {"flatten", 1, b_flatten_depth},
    {"sort", 0, b_sort},
    {"_sort_by", 1, b_sort_by},
    {"_group_by", 1, b_group_by},
    {"unique", 0, b_unique},
    {"_unique_by", 1, b_unique_by},
    {"min", 0, b_min},
    {"max", 0, b_max},
    {"_min_by", 1, b_min_by},
    {"_max_by", 1, b_max_by},
    {"bsearch", 1, b_bsearch},
    {"_transpose", 0, b_transpose},
});

}  // namespace

std::span<const Builtin> collection_builtins() noexcept { return kBuiltins; }

}  // namespace riptide::transform::jq
