#pragma once

namespace riptide::pipeline {

/// Prints the broken invariant to stderr and aborts. Never reached by remote input.
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace riptide::pipeline

/// States a programmer's error; on in every build.
#define RIPTIDE_CHECK(condition)                       \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::riptide::pipeline::check_failed(#condition, __FILE__, __LINE__))
