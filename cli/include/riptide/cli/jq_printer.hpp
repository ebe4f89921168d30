#pragma once

#include <optional>
#include <string>

#include "riptide/cli/jq_colors.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::cli {

/// How `riptide jq` writes values, after jq's flags.
struct JqLayout {
  bool compact = false;
  int indent = 2;
  bool tabs = false;       ///< One tab a level instead.
  bool sort_keys = false;  ///< By code point.
  bool ascii = false;      ///< What is not ASCII as \u escapes.
  std::optional<JqColors> colors;

  /// True if a value is written as `ValueRef::append_json` writes it.
  [[nodiscard]] bool plain() const { return compact && !ascii && !sort_keys && !colors; }
};

/// Appends a value as JSON.
void print_json(transform::jq::ValueRef value, const JqLayout& layout, std::string& out);

/// Replaces what is not ASCII in a JSON text by \u escapes.
std::string as_ascii(std::string_view json);

}  // namespace riptide::cli
