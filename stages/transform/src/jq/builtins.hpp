#pragma once

#include <span>
#include <string>
#include <string_view>

#include "jq/code.hpp"
#include "jq/machine.hpp"

/// Native builtins: each takes its input and arguments (all values already) and gives one output, kEmpty or kError.
namespace riptide::transform::jq {

std::span<const Builtin> core_builtins() noexcept;
std::span<const Builtin> string_builtins() noexcept;
std::span<const Builtin> math_builtins() noexcept;
std::span<const Builtin> collection_builtins() noexcept;
std::span<const Builtin> time_builtins() noexcept;

/// Fails with "type (value) what".
inline Status fail_about(Machine& machine, const Value& value, std::string_view what);

Value split_text(std::string_view text, std::string_view separator);

}  // namespace riptide::transform::jq

#include "jq/json_writer.hpp"

namespace riptide::transform::jq {

inline Status fail_about(Machine& machine, const Value& value, std::string_view what) {
  return machine.fail(std::string(type_name(value)) + " (" + shortened(value) + ") " + std::string(what));
}

}  // namespace riptide::transform::jq
