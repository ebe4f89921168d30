#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace riptide::cli {

/// How `riptide jq` colours its output: an escape sequence for each type of value, and one for keys.
struct JqColors {
  enum Of : std::uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject, kKey, kCount };
  std::array<std::string, kCount> begin;
  static constexpr std::string_view kEnd = "\x1B[0m";

  /// jq 1.8's own colours.
  static JqColors standard();
  /// Those that a text like $JQ_COLORS names, "0;90:0;39:...", the others as they are by themselves. Nothing if the
  /// text is none of that kind.
  static std::optional<JqColors> read(std::string_view text);
};

}  // namespace riptide::cli
