#pragma once

#include <string>

namespace riptide::transform::jq {

/// An error of jq raised where no status can be returned (comparisons inside a sort); caught where builtins are called.
struct ErrorRaised {
  std::string message;
};

}  // namespace riptide::transform::jq
