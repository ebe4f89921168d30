#pragma once

#include <deque>
#include <memory>

#include "jq/code.hpp"
#include "jq/parser.hpp"

namespace riptide::transform::jq {

/// A program's code with the heap of its constants, which are immortal and shared by threads.
struct CompiledCode {
  Heap heap;
  std::deque<Code> nodes;
  std::deque<FunctionCode> functions;
  const Code* main = nullptr;
  bool asks_host = false;  ///< Some function of `Host` is called.
  bool includes = false;   ///< Names came in by `include`: they may hide builtins.

  CompiledCode() = default;
  ~CompiledCode() = default;
  CompiledCode(const CompiledCode&) = delete;
  CompiledCode& operator=(const CompiledCode&) = delete;
};

/// Resolves and checks a program. Null on an error, which is in `error` then.
std::unique_ptr<CompiledCode> compile(const ast::Module& module, const CompileOptions& options, CompileError& error);

/// Finds a native builtin (builtins.cpp).
const Builtin* find_builtin(std::string_view name, std::size_t arity) noexcept;

/// The functions that `builtins` lists, as "name/arity".
const std::vector<std::string>& builtin_names();

/// Finds a builtin that is written in jq (library.cpp).
const ast::Function* find_library_function(std::string_view name, std::size_t arity);

}  // namespace riptide::transform::jq
