#pragma once

#include <memory>
#include <string>

#include "riptide/cli/config.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/stop.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::cli {

/// Makes the sink `port` from the settings. Errors: kConfig.
pipeline::Result<std::unique_ptr<stages::Sink>> make_port_sink(const Config& config,
                                                               const stages::SinkContext& context);

/// Asks Port for the mapping of this integration: its `config` as JSON text, "" if the integration is absent or has
/// none. Blocks. Errors: kAuth (credentials refused), kTransport, kRejected and others as Port answers; kStopped.
pipeline::Result<std::string> fetch_port_mapping(const Config& config, pipeline::Stop& stop);

}  // namespace riptide::cli
