#pragma once

#include <cstddef>
#include <memory>

#include "flow_context.hpp"

namespace riptide::stages {

// Where records end that no mapping takes.

/// Takes the records of a page as the entities that they are; those that are none fail at `node`. Lets the page go.
std::shared_ptr<MappedBlock> entities_of(FlowContext& context, std::size_t node, ReadPage& page);

/// Takes the records of a page as objects without parts, for a sink that takes any. Lets the page go.
std::shared_ptr<MappedBlock> objects_of(FlowContext& context, ReadPage& page);

}  // namespace riptide::stages
