#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/seen_set.hpp"
#include "riptide/stages/jq_program.hpp"

namespace riptide::stages {

/// Lets the first of the items with one key through. Any thread.
class Dedupe {
 public:
  /// @param key           Its first output is the key; an item without one goes through. Null: the whole item.
  /// @param memory_bytes  For the keys; past it they go to a temporary file.
  Dedupe(std::shared_ptr<const JqProgram> key, std::size_t memory_bytes);

  /// Whether no item with its key was here before. Errors: as of `JqProgram`; kInternal (the file fails).
  [[nodiscard]] Result<bool> is_first(std::string_view json);

 private:
  std::shared_ptr<const JqProgram> key_;
  pipeline::SeenSet seen_;
};

}  // namespace riptide::stages
