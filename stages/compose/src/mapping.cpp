#include "riptide/mapping.hpp"

#include <utility>

namespace riptide {

Result<Mapping> Mapping::compile(const transform::MappingSpec& spec, const transform::CompileOptions& options) {
  auto compiled = transform::Mapping::compile(spec, options);
  if (!compiled) return unexpected(std::move(compiled).error());
  return Mapping(*std::move(compiled));
}

}  // namespace riptide
