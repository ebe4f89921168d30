#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/simulator/octopus_server.hpp"

namespace riptide::e2e {

/// Blueprint and identifier.
using Identity = std::pair<std::string, std::string>;

/// Starts the made-up server; throws when it cannot.
std::unique_ptr<simulator::OctopusServer> serve(simulator::OctopusOptions options);

/// Kinds for the made-up server: only one of them has records, as many in the first, second, ... space.
std::vector<simulator::KindOptions> only(const std::string& kind, std::vector<std::size_t> records);

/// The blueprint that the default mapping gives records of a kind.
std::string blueprint_of(std::string_view kind);

/// What the default mapping makes of all that the server lists now.
std::set<Identity> listed(const simulator::OctopusServer& server);

/// The entity that the default mapping makes of one record now, as canonical JSON; written from the description
/// of the default mapping, not from the mapping file.
std::string expected_entity(const simulator::OctopusServer& server, std::string_view space, std::string_view kind,
                            std::string_view id);

}  // namespace riptide::e2e
