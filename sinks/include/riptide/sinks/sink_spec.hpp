#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"

namespace riptide::sinks {

/// A sink as the user names it on the command line.
struct SinkSpec {
  enum class Kind : std::uint8_t { kPort, kSqlite, kNdjson, kNull };
  Kind kind = Kind::kNull;
  std::string path;  ///< Of kSqlite and kNdjson; "-" is stdout for kNdjson.
  std::string text;  ///< As it was written.
};

/// Reads `port`, `sqlite:FILE`, `ndjson:FILE` or `null`. Errors: kConfig, with the choices.
[[nodiscard]] pipeline::Result<SinkSpec> parse_sink_spec(std::string_view text);

}  // namespace riptide::sinks
