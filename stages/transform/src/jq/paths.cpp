#include "jq/paths.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "jq/json_writer.hpp"
#include "jq/native_stack.hpp"
#include "jq/utf8.hpp"

namespace riptide::transform::jq {
namespace {

constexpr std::size_t kMaxPath = 10'000;
constexpr double kMaxIndex = 536870911;

bool refuse(std::string& error, std::string message) {
  error = std::move(message);
  return false;
}

std::string cannot_index(const Value& base, const Value& key) {
  return "Cannot index " + std::string(type_name(base)) + " with " + std::string(type_name(key)) + " (" +
         shortened(key) + ")";
}

// The bounds that an object {start, end} asks for.
bool object_bounds(const Value& key, const Value*& from, const Value*& to) {
  from = object_find(key, "start");
  to = object_find(key, "end");
  return from != nullptr && to != nullptr && (from->is_null() || from->is_number()) &&
         (to->is_null() || to->is_number());
}

// The place that a number means in an array: towards zero, from the end if negative. Below zero: in front of the array.
double place_of(double number, std::size_t size) {
  const double at = std::trunc(number);
  return at < 0 ? at + static_cast<double>(size) : at;
}

constexpr const char* kSliceError = "Array/string slice indices must be integers";

}  // namespace

bool slice_bounds(const Value& from, const Value& to, std::size_t size, std::size_t& begin, std::size_t& end) {
  if (!(from.is_null() || from.is_number()) || !(to.is_null() || to.is_number())) return false;
  const auto length = static_cast<double>(size);
  double first = from.is_null() ? 0 : from.number();
  double last = to.is_null() ? length : to.number();
  if (std::isnan(first)) first = 0;
  if (std::isnan(last)) last = length;
  if (first < 0) first += length;
  if (last < 0) last += length;
  first = std::clamp(first, 0.0, length);
  last = std::clamp(last, 0.0, length);
  first = std::floor(first);
  last = std::ceil(last);
  if (last < first) last = first;
  begin = static_cast<std::size_t>(first);
  end = static_cast<std::size_t>(last);
  return true;
}

bool get_slice(const Value& base, const Value& from, const Value& to, Value& output, std::string& error) {
  std::size_t begin = 0;
  std::size_t end = 0;
  if (base.is_null()) {
    if (!slice_bounds(from, to, 0, begin, end)) return refuse(error, kSliceError);
    output = Value::null();
    return true;
  }
  if (base.is_array()) {
    if (!slice_bounds(from, to, array_size(base), begin, end)) return refuse(error, kSliceError);
    output = begin == 0 && end == array_size(base) ? base : array_slice(base, begin, end);
    return true;
  }
  if (base.is_string()) {
    const std::string_view text = base.string();
    if (!slice_bounds(from, to, utf8::count(text), begin, end)) return refuse(error, kSliceError);
    const std::size_t first = utf8::offset(text, begin);
    output = Value::string(text.substr(first, utf8::offset(text.substr(first), end - begin)));
    return true;
  }
  Value key = Value::object();
  object_set(key, Value::string("start"), from);
  object_set(key, Value::string("end"), to);
  return refuse(error, cannot_index(base, key));
}

Value array_indices(const Value& array, const Value& needle) {
  const std::uint32_t size = array_size(array);
  const std::uint32_t wanted = array_size(needle);
  if (wanted == 0) return Value::array();
  Value found = Value::array();
  for (std::uint32_t at = 0; at + wanted <= size; ++at) {
    bool same = true;
    for (std::uint32_t i = 0; i < wanted && same; ++i) same = equal(array_at(array, at + i), array_at(needle, i));
    if (same) array_push(found, Value::number(std::size_t{at}));
  }
  return found;
}

bool get_key(const Value& base, const Value& key, Value& output, std::string& error) {
  if (base.is_object() && key.is_string()) {
    const Value* found = object_find(base, key.string());
    output = found == nullptr ? Value::null() : *found;
    return true;
  }
  if (base.is_array() && key.is_number()) {
    const double at = place_of(key.number(), array_size(base));
    output = at >= 0 && at < static_cast<double>(array_size(base)) ? array_at(base, static_cast<std::size_t>(at))
                                                                   : Value::null();
    return true;
  }
  if (key.is_object() && (base.is_array() || base.is_string() || base.is_null())) {
    const Value* from = nullptr;
    const Value* to = nullptr;
    if (!object_bounds(key, from, to)) return refuse(error, kSliceError);
    return get_slice(base, *from, *to, output, error);
  }
  if (base.is_array() && key.is_array()) {
    output = array_indices(base, key);
    return true;
  }
  if (base.is_null() && (key.is_string() || key.is_number())) {
    output = Value::null();
    return true;
  }
  return refuse(error, cannot_index(base, key));
}

namespace {

bool set_slice(Value& base, const Value& key, Value&& value, std::string& error) {
  if (base.is_null()) base = Value::array();
  const Value* from = nullptr;
  const Value* to = nullptr;
  if (!object_bounds(key, from, to)) return refuse(error, kSliceError);
  if (!value.is_array()) return refuse(error, "A slice of an array can only be assigned another array");
  std::size_t begin = 0;
  std::size_t end = 0;
  slice_bounds(*from, *to, array_size(base), begin, end);
  Value result = Value::array(array_size(base) - (end - begin) + array_size(value));
  for (std::size_t i = 0; i < begin; ++i) array_push(result, array_at(base, i));
  for (std::size_t i = 0; i < array_size(value); ++i) array_push(result, array_at(value, i));
  for (std::size_t i = end; i < array_size(base); ++i) array_push(result, array_at(base, i));
  base = std::move(result);
  return true;
}

// Where the value of `key` is written. Null: not a place of its own (a slice), or an error if `error` is set.
Value* place(Value& base, const Value& key, std::string& error) {
  if (key.is_string() && (base.is_object() || base.is_null())) {
    if (base.is_null()) base = Value::object();
    return &object_slot(base, key);
  }
  if (key.is_number() && (base.is_array() || base.is_null())) {
    if (std::isnan(key.number())) {
      error = "Cannot set array element at NaN index";
      return nullptr;
    }
    if (base.is_null()) base = Value::array();
    const double at = place_of(key.number(), array_size(base));
    if (at < 0) {
      error = "Out of bounds negative array index";
      return nullptr;
    }
    if (at > kMaxIndex) {
      error = "Array index too large";
      return nullptr;
    }
    return &array_slot(base, static_cast<std::size_t>(at));
  }
  return nullptr;
}

}  // namespace

bool set_key(Value& base, const Value& key, Value&& value, std::string& error) {
  error.clear();
  if (Value* where = place(base, key, error); where != nullptr) {
    *where = std::move(value);
    return true;
  }
  if (!error.empty()) return false;
  if (key.is_object() && (base.is_array() || base.is_null())) return set_slice(base, key, std::move(value), error);
  if (key.is_object() && base.is_string()) return refuse(error, "Cannot update string slices");
  if (base.is_array() && key.is_array()) {
    return refuse(
        error, "Cannot update field at " + std::string(type_name(key)) + " index of " + std::string(type_name(base)));
  }
  return refuse(error, cannot_index(base, key));
}

bool get_path(const Value& base, const Value& path, Value& output, std::string& error) {
  if (!path.is_array()) return refuse(error, "Path must be specified as an array");
  if (array_size(path) > kMaxPath) return refuse(error, "Path too deep");
  Value at = base;
  for (std::uint32_t i = 0; i < array_size(path); ++i) {
    const Value& key = array_at(path, i);
    // Below null all is null, but a key must be one.
    if (at.is_null() && (key.is_string() || key.is_number() || key.is_object())) continue;
    Value next;
    if (!get_key(at, key, next, error)) return false;
    at = std::move(next);
  }
  output = std::move(at);
  return true;
}

bool set_path(Value& base, const Value& path, Value&& value, std::string& error) {
  if (!path.is_array()) return refuse(error, "Path must be specified as an array");
  const std::uint32_t size = array_size(path);
  if (size > kMaxPath) return refuse(error, "Path too deep");
  if (size == 0) {
    base = std::move(value);
    return true;
  }
  // Down to the last key, each level taken out of the one above so that it can be changed in place.
  std::vector<Value> levels;
  levels.push_back(std::move(base));
  for (std::uint32_t i = 0; i + 1 < size; ++i) {
    const Value& key = array_at(path, i);
    Value below;
    if (!get_key(levels.back(), key, below, error)) return false;
    if (key.is_number() && place_of(key.number(), levels.back().is_array() ? array_size(levels.back()) : 0) < 0) {
      return refuse(error, "Out of bounds negative array index");
    }
    std::string ignored;
    // Only what is there already is taken out, and only where nobody else sees it.
    if (levels.back().unique() && below.counted() && (key.is_string() || key.is_number())) {
      if (Value* where = place(levels.back(), key, ignored); where != nullptr) *where = Value::null();
    }
    levels.push_back(std::move(below));
  }
  Value current = std::move(value);
  for (std::uint32_t i = size; i-- > 0;) {
    Value level = std::move(levels.back());
    levels.pop_back();
    if (!set_key(level, array_at(path, i), std::move(current), error)) return false;
    current = std::move(level);
  }
  base = std::move(current);
  return true;
}

namespace {

using Keys = std::vector<const Value*>;

// Deletes several keys at once: positions count in the array as it was.
bool delete_keys(Value& base, const Keys& keys, std::string& error) {
  if (base.is_null() || keys.empty()) return true;
  if (base.is_object()) {
    for (const Value* key : keys) {
      if (!key->is_string()) {
        return refuse(error, "Cannot delete " + std::string(type_name(*key)) + " field of object");
      }
      object_remove(base, key->string());
    }
    return true;
  }
  if (!base.is_array()) return refuse(error, "Cannot delete fields from " + std::string(type_name(base)));
  const std::size_t size = array_size(base);
  std::vector<bool> gone(size, false);
  for (const Value* key : keys) {
    if (key->is_number()) {
      if (std::isnan(key->number())) continue;
      const double at = place_of(key->number(), size);
      if (at >= 0 && at < static_cast<double>(size)) gone[static_cast<std::size_t>(at)] = true;
    } else if (key->is_object()) {
      const Value* from = nullptr;
      const Value* to = nullptr;
      if (!object_bounds(*key, from, to)) return refuse(error, kSliceError);
      std::size_t begin = 0;
      std::size_t end = 0;
      slice_bounds(*from, *to, size, begin, end);
      for (std::size_t i = begin; i < end; ++i) gone[i] = true;
    } else {
      return refuse(error, "Cannot delete " + std::string(type_name(*key)) + " element of array");
    }
  }
  Value result = Value::array(size);
  for (std::size_t i = 0; i < size; ++i) {
    if (!gone[i]) array_push(result, array_at(base, i));
  }
  base = std::move(result);
  return true;
}

// `paths` are sorted and agree in their first `depth` keys, which lead to `base`.
bool delete_group(Value& base, const Value* const* first, const Value* const* last, std::uint32_t depth,
                  std::string& error) {
  if (base.is_null()) return true;
  if (array_size(**first) == depth) {
    base = Value::null();
    return true;
  }
  Keys doomed;
  while (last != first) {
    // The paths with the last key that is left: the shortest of them come first.
    const Value& key = array_at(**(last - 1), depth);
    const Value* const* group = last - 1;
    while (group != first && compare(array_at(**(group - 1), depth), key) == 0) --group;
    if (array_size(**group) == depth + 1) {
      doomed.push_back(&key);
    } else {
      Value below;
      if (!get_key(base, key, below, error)) return false;
      if (!below.is_null()) {
        if (!with_native_stack([&] { return delete_group(below, group, last, depth + 1, error); })) return false;
        if (!set_key(base, key, std::move(below), error)) return false;
      }
    }
    last = group;
  }
  return delete_keys(base, doomed, error);
}

}  // namespace

bool delete_paths(Value& base, const Value& paths, std::string& error) {
  if (!paths.is_array()) return refuse(error, "Paths must be specified as an array");
  std::vector<const Value*> order;
  for (std::uint32_t i = 0; i < array_size(paths); ++i) {
    const Value& path = array_at(paths, i);
    if (!path.is_array()) {
      return refuse(error, "Path must be specified as array, not " + std::string(type_name(path)));
    }
    if (array_size(path) > kMaxPath) return refuse(error, "Path too deep");
    order.push_back(&path);
  }
  std::stable_sort(order.begin(), order.end(), [](const Value* a, const Value* b) { return compare(*a, *b) < 0; });
  if (order.empty()) return true;
  return delete_group(base, order.data(), order.data() + order.size(), 0, error);
}

}  // namespace riptide::transform::jq
