#pragma once

#include <string>
#include <vector>

namespace riptide::cli {

/// One thing that is wrong, or doubtful, in what the user wrote. Never holds a secret.
struct Problem {
  enum class Level { kError, kWarning };
  Level level = Level::kError;
  std::string origin;  ///< A file, "the environment", "the command line"; may be empty.
  int line = 0;        ///< 1-based; 0 if there is none.
  int column = 0;
  std::string where;    ///< The setting or the dotted place, e.g. "resources[0].selector.query".
  std::string message;  ///< What is wrong, and what to change.
};

/// "mapping.yaml:12:7: resources[0].selector.query: message".
std::string to_string(const Problem& problem);

[[nodiscard]] bool any_error(const std::vector<Problem>& problems) noexcept;

}  // namespace riptide::cli
