#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "riptide/item.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide {

/// A mapping from records to entities, compiled: a handle that any number of graphs may share.
class Mapping {
 public:
  /// Takes a mapping that was compiled from its parts, e.g. from YAML by the program.
  explicit Mapping(std::shared_ptr<const transform::Mapping> compiled) noexcept : compiled_(std::move(compiled)) {}

  /// Compiles the text of a mapping file that is JSON (`resources: [...]`, as in Ocean; every expression is jq).
  /// @param json     The file's text. Borrowed for the call.
  /// @param origin   What messages call it.
  /// @param options  Budgets of its expressions, and whether one that does not compile is an error.
  /// Errors: kConfig, with every problem in the text.
  static Result<Mapping> parse(std::string_view json, const std::string& origin = "the mapping",
                               const transform::CompileOptions& options = {});
  /// Compiles a mapping from its parts. Errors: kConfig, with every problem in the text.
  static Result<Mapping> compile(const transform::MappingSpec& spec, const transform::CompileOptions& options = {});

  [[nodiscard]] const std::shared_ptr<const transform::Mapping>& compiled() const noexcept { return compiled_; }

 private:
  std::shared_ptr<const transform::Mapping> compiled_;
};

}  // namespace riptide
