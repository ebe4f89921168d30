#include "riptide/cli/problem.hpp"

#include <algorithm>

namespace riptide::cli {

std::string to_string(const Problem& problem) {
  std::string out = problem.origin;
  if (problem.line > 0) {
    out += ":" + std::to_string(problem.line);
    if (problem.column > 0) out += ":" + std::to_string(problem.column);
  }
  if (!out.empty()) out += ": ";
  if (problem.level == Problem::Level::kWarning) out += "warning: ";
  if (!problem.where.empty()) out += problem.where + ": ";
  return out + problem.message;
}

bool any_error(const std::vector<Problem>& problems) noexcept {
  return std::any_of(problems.begin(), problems.end(),
                     [](const Problem& problem) { return problem.level == Problem::Level::kError; });
}

}  // namespace riptide::cli
