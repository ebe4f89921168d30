#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace riptide::transform {

/// How one expression of a mapping is evaluated.
struct FieldPlan {
  std::uint32_t resource = 0;
  std::string field;  ///< As reports name it, e.g. "properties.url".
  std::string path;   ///< Its place in the mapping, e.g. "resources[0].port.entity.mappings.properties.url".
  std::string expression;
  int line = 0;  ///< 1-based, in the mapping's file; 0 if it does not come from a file.
  int column = 0;
  bool fast_path = false;  ///< Closures over the found places; false: the complete evaluator, on every record.
  bool whole_record =
      false;        ///< For the evaluator the whole record has to be made a value, not only what is looked at.
  std::string why;  ///< Why it is not on the fast path, e.g. "uses test(), which needs the evaluator".
};

/// How the expressions of one resource went over the records that `Mapper::measure` saw.
struct ResourceMeasure {
  /// One expression: what came out, and what it took.
  struct Field {
    std::uint64_t evaluations = 0;
    std::uint64_t by_evaluator = 0;  ///< Of them; also where the fast path gave up on a record.
    std::uint64_t nulls = 0;         ///< Came out null.
    std::uint64_t errors = 0;
    std::string example;     ///< The first error's message.
    double nanoseconds = 0;  ///< Over all evaluations: of each, the best of repeats on its record.
  };
  std::vector<Field> fields;  ///< In the order of the resource in `Mapping::explain`.
  std::uint64_t records = 0;
  double walk_nanoseconds = 0;  ///< Indexing the records and finding the places of all paths, once for all fields.
  double load_nanoseconds = 0;  ///< Making records, or the parts that are looked at, values for the evaluator.
};

}  // namespace riptide::transform
