#pragma once

#include <string>

#include "jq/value.hpp"

/// Getting, setting and deleting by keys and paths, as jq's core does. False: `error` has jq's message.
namespace riptide::transform::jq {

bool get_key(const Value& base, const Value& key, Value& output, std::string& error);
/// Sets in place what `base` holds alone.
bool set_key(Value& base, const Value& key, Value&& value, std::string& error);
bool get_path(const Value& base, const Value& path, Value& output, std::string& error);
bool set_path(Value& base, const Value& path, Value&& value, std::string& error);
/// Deletes all paths at once, from the last to the first.
bool delete_paths(Value& base, const Value& paths, std::string& error);

/// The bounds of a slice over `size` elements; false if a bound is neither null nor a number.
bool slice_bounds(const Value& from, const Value& to, std::size_t size, std::size_t& begin, std::size_t& end);
/// An array or string slice (by code points), null of null.
bool get_slice(const Value& base, const Value& from, const Value& to, Value& output, std::string& error);

/// Positions of `needle` (an array) in an array.
Value array_indices(const Value& array, const Value& needle);

}  // namespace riptide::transform::jq
