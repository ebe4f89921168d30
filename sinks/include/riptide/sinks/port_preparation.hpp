#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/sinks/port.hpp"
#include "riptide/stages/exchange.hpp"

namespace riptide::sinks::port {

/// What an integration type brings along for an integration that is new in Port. JSON texts; empty lists are "[]".
struct Defaults {
  std::string mapping;  ///< In the form that Port keeps: all five fields.
  std::string blueprints = "[]";
  std::string actions = "[]";
  std::string scorecards = "[]";  ///< Objects of `blueprint` and `data`, a list of scorecards.
  std::string pages = "[]";
};

/// How an integration is made ready in Port before a run.
struct PreparationOptions {
  std::shared_ptr<const Account> account;
  Defaults defaults;
  bool read_only = false;            ///< Looks, and changes nothing: for a plan.
  bool initialize_resources = true;  ///< `initialize_port_resources`.
  std::string origin;                ///< `create_port_resources_origin`: Empty, Ocean, Default, Port, or nothing.
  std::string runtime = "OnPrem";    ///< `runtime`: must be that of the integration.
};

/// What Port said of the integration.
struct Prepared {
  std::optional<std::string> mapping;  ///< Its `config` as JSON; nothing if it has none, or is not there.
  std::string metrics_url;             ///< Where sync metrics and heartbeats go; empty if Port does not say.
  std::string logs_url;
  std::vector<std::string> notices;  ///< What the user should know.
};

/// Makes the integration ready as Ocean does at its start: creates it if it is not there, brings its description up to
/// date, and on the first run creates the default blueprints, unless one of them is there already. A blueprint that
/// fails takes back those that were created before it. Declares `processingMode` ocean-core.
///
/// Errors: kAuth, kTransport, kMalformed, kRejected (Port refuses something), kConfig (no Port at that address; the
/// integration runs elsewhere). With an integration that is not there and `read_only`, `mapping` is nothing.
[[nodiscard]] Result<Prepared> prepare(const PreparationOptions& options, stages::Exchange& port);

}  // namespace riptide::sinks::port
