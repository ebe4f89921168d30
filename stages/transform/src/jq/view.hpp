#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jq/ast.hpp"

namespace riptide::transform::jq {

/// What a program can see of its input. Members of an object that are not in its view need not be made values; what is
/// no object is always seen as a whole, because an error may name it.
struct View {
  bool whole = false;
  std::vector<std::pair<std::string, std::unique_ptr<View>>> members;

  /// The view of a member; null if the program cannot see it.
  [[nodiscard]] const View* find(std::string_view key) const noexcept {
    for (const auto& [name, view] : members) {
      if (name == key) return view.get();
    }
    return nullptr;
  }
};

/// Follows the paths of a program. Null: it can see all of its input.
std::unique_ptr<const View> view_of(const ast::Module& module);

}  // namespace riptide::transform::jq
