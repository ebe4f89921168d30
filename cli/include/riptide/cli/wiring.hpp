#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/cli/command_line.hpp"
#include "riptide/cli/config.hpp"
#include "riptide/cli/problem.hpp"
#include "riptide/sinks/port_preparation.hpp"
#include "riptide/sinks/sink_spec.hpp"
#include "riptide/stages/resync.hpp"

namespace riptide::cli {

/// The settings that flags of `sync` stand for.
std::vector<ConfigSources::Flag> settings_of(const SyncFlags& flags);
std::vector<ConfigSources::Flag> settings_of(const CommonFlags& flags);

/// The sinks that the flags ask for, or the default: port where Port's credentials are configured, else
/// sqlite:riptide.db. Problems: an unknown sink, one that is there twice, port without credentials.
std::vector<sinks::SinkSpec> choose_sinks(const std::vector<std::string>& flags, const Config& config,
                                          std::vector<Problem>& problems);
[[nodiscard]] bool has_port(const std::vector<sinks::SinkSpec>& specs);

/// The text of a mapping and what messages call it.
struct MappingText {
  std::string text;
  std::string origin;
  bool lenient = false;  ///< An expression that does not compile is null with an error, as in Ocean.
};

/// The mapping file of the flags, or the integration type's default.
MappingText default_mapping(const Config& config);
std::optional<MappingText> mapping_file(const std::string& path, std::vector<Problem>& problems);

/// Reads and compiles a mapping. Null if a problem is an error.
std::shared_ptr<const transform::Mapping> compile_mapping(const MappingText& text, const Config& config,
                                                          std::vector<Problem>& problems);

/// Indexes of the resource blocks of these kinds; all if there are none. Problems: a kind that the mapping does not
/// have.
std::vector<std::uint32_t> choose_resources(const transform::MappingSpec& mapping,
                                            const std::vector<std::string>& kinds, std::vector<Problem>& problems);

/// What sinks are told about the run.
stages::SinkContext sink_context(const Config& config, const transform::MappingSpec& mapping,
                                 const std::string& run_id);

/// Makes the sinks; none is opened. `sink_limit` slows `null` down (records a second; 0 does not). With `prepared`,
/// what Port said of the integration, Port is told how the run is going.
pipeline::Result<std::vector<std::unique_ptr<stages::Sink>>> make_sinks(
    const std::vector<sinks::SinkSpec>& specs, const Config& config, const stages::SinkContext& context,
    double sink_limit = 0, const sinks::port::Prepared* prepared = nullptr);

/// What a source says of its settings, with the place of the setting that it names.
Problem source_problem(const Config& config, const pipeline::Error& error);

/// Whether the source's certificate is checked.
bool verifies_source(const Config& config);

/// Options of the resync that settings decide.
stages::ResyncOptions resync_options(const Config& config);

/// Enters what the flags say of the deletion.
void set_deletion(const SyncFlags& flags, stages::ResyncOptions& options);

/// Says why nothing is to be deleted though `--no-delete` was not given: kinds are left out, and a sink cannot tell
/// them apart. "" if there is no such reason.
std::string implied_no_delete(const std::vector<std::unique_ptr<stages::Sink>>& sinks,
                              const std::vector<std::string>& kinds);

/// Describes the graph that `sync` with these flags would run. Contacts nobody and creates nothing: a mapping that
/// would be read from Port is replaced by the type's own, with a warning. Without an integration type in `config` only
/// the mapping is checked. Nothing if a problem is an error.
std::optional<pipeline::GraphDescription> describe_resync(const SyncFlags& flags, const Config& config,
                                                          std::vector<Problem>& problems);

}  // namespace riptide::cli
