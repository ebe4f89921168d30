#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "riptide/stages/sink.hpp"

namespace riptide::stages {

/// Puts entities in levels, such that each relates only to entities of later levels: who is removed level by level
/// takes nothing away from what is still there. Entities are told by their identifiers alone, since a relation does not
/// say the blueprint that it leads to. In a cycle the first in the given order goes first. Linear in entities and
/// relations.
[[nodiscard]] std::vector<std::vector<std::size_t>> dependents_first(std::span<const OwnedEntity> entities);

}  // namespace riptide::stages
