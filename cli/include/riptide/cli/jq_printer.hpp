#pragma once

#include <string>

#include "riptide/transform/jq.hpp"

namespace riptide::cli {

/// How `riptide jq` writes values, after jq's flags.
struct JqLayout {
  int indent = 2;          ///< 0 is compact.
  bool tabs = false;       ///< One tab a level instead.
  bool sort_keys = false;  ///< By code point.
  bool ascii = false;      ///< What is not ASCII as \u escapes.
};

/// Appends a value as JSON.
void print_json(transform::jq::ValueRef value, const JqLayout& layout, std::string& out);

/// Replaces what is not ASCII in a JSON text by \u escapes.
std::string as_ascii(std::string_view json);

}  // namespace riptide::cli
