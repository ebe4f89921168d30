#pragma once

#include <memory>
#include <string>
#include <vector>

#include "riptide/cli/problem.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::cli {

/// Warns of every path of the mapping that no record of the sample has, with the nearest key that is there.
///
/// @param origin What messages call the mapping.
/// @param sample File of records (`record_file.hpp`).
/// @param kind   Which blocks the records are for; may be empty if the mapping has one kind only.
/// @return Problems: errors for a sample or kind that cannot be had; else warnings.
std::vector<Problem> check_sample(const std::shared_ptr<const transform::Mapping>& mapping, const std::string& origin,
                                  const std::string& sample, const std::string& kind);

}  // namespace riptide::cli
