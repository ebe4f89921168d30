#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

using pipeline::Result;

/// Hides fields of JSON texts. Any thread.
class Redaction {
 public:
  enum class Mode {
    kMask,    ///< Puts `with` in the place of the value.
    kHash,    ///< Puts a 128-bit digest of the value, 32 hexadecimal digits, in its place: equal values stay equal.
    kRemove,  ///< Takes the member out.
  };
  /// What is hidden, and how.
  struct Options {
    std::vector<std::string> fields;  ///< jq paths: `.properties.email`, `.members[].name`.
    Mode mode = Mode::kMask;
    std::string with = "***";
    /// Of kHash. Without one, whoever can guess a value can check the guess.
    std::string salt;
  };

  /// Errors: kConfig, naming the field.
  static Result<std::shared_ptr<const Redaction>> create(const Options& options);
  virtual ~Redaction() = default;

  /// Returns the text without what is to be hidden. What is not there, or null, stays as it is. Errors: as of
  /// `JqProgram` (a path leads through something that is no object).
  [[nodiscard]] virtual Result<std::string> apply(std::string_view json) const = 0;
};

}  // namespace riptide::stages
