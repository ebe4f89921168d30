#pragma once

#include <string>
#include <string_view>

/// What Ocean does to the text of a user's expression before jq sees it (reference: Ocean 0.48, jq_entity_processor).
namespace riptide::transform::mapping_text {

/// Turns single quotes into double quotes where Ocean's pattern does, so that jq strings may be written with either.
std::string ocean_quotes(std::string_view expression);

/// Turns single-quoted strings into double-quoted ones wherever jq itself would see a quote: outside of strings and
/// comments. Unlike Ocean's pattern it knows where a string ends: `select(.a == 'x')` works.
std::string strict_quotes(std::string_view expression);

/// Finds the path that `itemsToParseTopLevelTransform` removes from the record, by Ocean's heuristic; "." if it finds
/// none, which skips every record.
std::string items_path(std::string_view items_to_parse);

}  // namespace riptide::transform::mapping_text
