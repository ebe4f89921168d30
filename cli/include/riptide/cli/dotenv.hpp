#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/cli/problem.hpp"

namespace riptide::cli {

/// A variable and where it was given.
struct Variable {
  std::string name;
  std::string value;
  int line = 0;  ///< In `.env`; 0 for the environment.
};

/// Looks a variable of the process environment up.
using EnvironmentLookup = std::function<std::optional<std::string>(std::string_view)>;

/// Reads a `.env` file as python-dotenv does: `export`, quotes and their escapes, values over several lines in quotes,
/// comments, `${NAME}` and `${NAME:-default}` (from the lines above, then the environment). Lines that make no sense
/// are left out with a warning that does not quote them.
std::vector<Variable> read_dotenv(std::string_view text, const std::string& origin,
                                  const EnvironmentLookup& environment, std::vector<Problem>& problems);

}  // namespace riptide::cli
