#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "riptide/cli/config.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/stop.hpp"
#include "riptide/sinks/port_preparation.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::cli {

/// Makes the sink `port` from the settings. With `prepared` Port is told how the run is going, at the addresses that it
/// named; without, the sink writes entities and nothing else. Errors: kConfig.
pipeline::Result<std::unique_ptr<stages::Sink>> make_port_sink(const Config& config, const stages::SinkContext& context,
                                                               const sinks::port::Prepared* prepared);

/// Makes what says what the sink `port` would do. `remembers`: what is sent is decided by what is remembered, not by
/// what Port holds. Errors: kConfig.
pipeline::Result<std::unique_ptr<stages::Sink>> make_port_plan(const Config& config, const stages::SinkContext& context,
                                                               bool remembers);

/// What a run may do to the integration in Port.
enum class PortAccess {
  kReadOnly,  ///< A plan: nothing is created or changed.
  kWrite,
};

/// Makes the integration ready in Port (see `sinks::port::prepare`) and returns what Port says of it, its mapping
/// above all. Blocks. Errors: kAuth (credentials refused), kTransport, kRejected and others as Port answers; kStopped;
/// kConfig (a setting, before Port was asked).
pipeline::Result<sinks::port::Prepared> prepare_port(const Config& config, PortAccess access, pipeline::Stop& stop);

/// Writes a mapping as Port keeps it: JSON with all five fields, the resources as they were written. Errors:
/// kMalformed.
pipeline::Result<std::string> mapping_as_port_keeps_it(std::string_view text);

}  // namespace riptide::cli
