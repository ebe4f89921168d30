#pragma once

#include <string>

#include "transform_pages.hpp"

namespace simdjson::dom {
class parser;
}

namespace riptide::transform {

/// Parses the page into simdjson's tree and appends the entities of the default mapping, identity digests and all, as
/// one would write it for this one kind. False if the page has another shape.
bool by_hand_octopus(simdjson::dom::parser& parser, const BenchPage& page, std::string& out);
bool by_hand_jira(simdjson::dom::parser& parser, const BenchPage& page, std::string& out);

}  // namespace riptide::transform
