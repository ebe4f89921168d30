#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "riptide/sinks/port.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::sinks::port {

// Asks Port what it holds of entities, as Ocean does before it upserts.

/// Entities that one search may name.
inline constexpr std::size_t kMostSearched = 50;

/// Searches for entities of one blueprint that the account's integration owns. `identifiers` are JSON strings with
/// commas between them; `fields` is what is told of them ("title", "properties.NAME").
[[nodiscard]] stages::HttpRequest search_request(const Account& account, std::string_view blueprint,
                                                 std::string_view identifiers, const std::set<std::string>& fields);

/// Calls `visit` with each entity of the answer; views are into the response. Errors: kMalformed, and those of a
/// refusal.
[[nodiscard]] Result<void> each_found(const stages::HttpResponse& response, json::Document& document,
                                      const std::function<void(const stages::HeldEntity&)>& visit);

}  // namespace riptide::sinks::port
