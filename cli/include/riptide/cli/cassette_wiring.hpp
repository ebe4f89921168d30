#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "riptide/cli/command_line.hpp"
#include "riptide/cli/config.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/stages/cassette_header.hpp"
#include "riptide/stages/cassette_player.hpp"
#include "riptide/stages/cassette_recorder.hpp"

namespace riptide::cli {

/// What a recorded run was made of, without secrets: the settings that decide what is asked, and the mapping.
stages::CassetteHeader cassette_header(const Config& config, const SyncFlags& flags, const MappingText& mapping);

/// The settings of a cassette, for a replay: they come before the environment and files, and after flags.
std::vector<ConfigSources::Flag> settings_of(const stages::CassetteHeader& header);

/// The mapping of a cassette.
MappingText mapping_of(const stages::CassetteHeader& header, const std::string& path);

/// Puts the faults of `--inject` in front of what is behind (null: the network). @param timeout  Of the source's
/// client.
std::shared_ptr<stages::Wire> with_faults(const SyncFlags& flags, std::shared_ptr<stages::Wire> behind,
                                          std::chrono::milliseconds timeout);

}  // namespace riptide::cli
