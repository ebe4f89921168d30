#pragma once

#include <string>
#include <vector>

#include "riptide/transform/mapping.hpp"

namespace riptide::cli {

/// How one block of a mapping is evaluated, and how that went on a sample.
struct Explanation {
  std::string kind;
  std::uint32_t resource = 0;
  std::vector<transform::FieldPlan> fields;
  transform::ResourceMeasure measure;  ///< Its fields in the order of `fields`.
};

/// A table for people: one line a field, and under it what keeps it from the fast path and what went wrong.
std::string explanation_table(const Explanation& explanation);

/// The same for machines: one JSON object a line, first the block, then each field.
std::string explanation_json(const Explanation& explanation);

}  // namespace riptide::cli
