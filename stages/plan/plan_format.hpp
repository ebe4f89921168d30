#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "riptide/pipeline/entity.hpp"

namespace riptide::stages {

// How a plan is laid out: one JSON object, in lines. The first holds everything but the changes and deletions and ends
// in `kHeadEnd`; then comes a line for each change, `kBetween`, a line for each deletion, `kEnd`.

inline constexpr std::string_view kPlanFormat = "riptide-plan/1";
inline constexpr std::string_view kHeadEnd = R"("changes":[)";
inline constexpr std::string_view kBetween = "\n],\"deletions\":[";
inline constexpr std::string_view kEnd = "\n]}\n";

inline std::string hex(const pipeline::Digest& digest) {
  return fmt::format("{:016x}{:016x}", digest.high, digest.low);
}

}  // namespace riptide::stages
