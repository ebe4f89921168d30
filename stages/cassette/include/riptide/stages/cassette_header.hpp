#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

using pipeline::Result;

/// The first line of a cassette: what it takes to run again what was recorded. Holds no secret.
struct CassetteHeader {
  std::string riptide;      ///< The version that recorded it.
  std::string recorded_at;  ///< ISO 8601, UTC.
  std::string type;         ///< Of the integration.
  std::string identifier;
  std::vector<std::string> kinds;                             ///< Those that `--kind` named; none: all.
  std::vector<std::pair<std::string, std::string>> settings;  ///< Key and value, of those that were given.
  std::string mapping;                                        ///< Its text; empty: not known.
  std::string mapping_origin;
  bool mapping_lenient = false;  ///< Expressions that do not compile are null.
};

/// Writes the header as one line of JSON, without the line break.
[[nodiscard]] std::string to_json(const CassetteHeader& header);

/// Reads a header. Errors: kMalformed (not one), kConfig (of a later version of the format).
[[nodiscard]] Result<CassetteHeader> parse_cassette_header(std::string_view line);

}  // namespace riptide::stages
