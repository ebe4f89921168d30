#include <unistd.h>

#include <cstdio>

#include "riptide/cli/child_process.hpp"
#include "riptide/cli/heap.hpp"
#include "riptide/cli/logging.hpp"
#include "riptide/cli/numbers.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/summary.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/simulator/octopus_server.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::cli {
namespace {

constexpr char kKey[] = "API-DEMO";

pipeline::Result<std::unique_ptr<OctopusProcess>> start_server(const DemoFlags& flags, std::uint64_t port) {
  return OctopusProcess::start({"--port", std::to_string(port), "--spaces", std::to_string(flags.spaces), "--records",
                                std::to_string(flags.records), "--skew", "0.9", "--latency-ms",
                                std::to_string(flags.latency_ms), "--seed", "7", "--api-key", kKey});
}

}  // namespace

int run_demo(const DemoFlags& flags, const std::vector<std::string>& command) {
  Terminal terminal(2);
  use_two_heaps();
  const stages::HttpRuntime http;
  terminal.print("riptide demo: starting a made-up Octopus with " + grouped(flags.spaces) +
                 " spaces of uneven size and " + grouped(flags.records) + " records, " +
                 std::to_string(flags.latency_ms) + " ms a page");
  auto server = start_server(flags, flags.port);
  if (!server) {
    terminal.print("riptide demo: port " + std::to_string(flags.port) +
                   " is taken; with another one the links in all records change, so a second run updates them");
    server = start_server(flags, 0);
  }
  if (!server) {
    terminal.print("riptide demo: " + server.error().message);
    return kExitSinkFailed;
  }

  // Nothing of the user's configuration: the demo is the same everywhere.
  ConfigSources sources;
  sources.environment = {{"OCEAN__INTEGRATION__TYPE", "octopus", 0},
                         {"OCEAN__INTEGRATION__IDENTIFIER", "demo", 0},
                         {"OCEAN__INTEGRATION__CONFIG__SERVER_URL", (*server)->url(), 0},
                         {"OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY", kKey, 0},
                         {"OCEAN__INTEGRATION__CONFIG__DEPLOYMENT_LIMIT", "0", 0}};
  sources.flags = settings_of(flags.common);
  const ConfigReading reading = read_config(sources, {});
  if (print_problems(reading.problems, terminal)) return kExitUsage;
  terminal.print("riptide demo: it listens on " + (*server)->url() + "; resyncing it into " + flags.database);

  Logger logger(terminal, reading.config.text("application.log_level"),
                flags.common.log_format == "json" ? LogFormat::kJson : LogFormat::kText);
  pipeline::Stop stop;
  const std::string go_on = command_to_go_on(command);
  SignalThread signals(
      stop, [&](int) { logger.warning("stopping: what is in flight is settled"); },
      [&] {
        terminal.clear_status();
        terminal.print("to go on from here:\n" + go_on);
      });
  RunRequest request;
  request.flags.sinks = {"sqlite:" + flags.database};
  request.flags.progress = flags.progress;
  request.command = command;
  return run_resync(request, reading.config, terminal, logger, stop, signals);
}

int run_serve_octopus(const ServeOctopusFlags& flags) {
  const auto options = simulator::parse_flags(flags.arguments);
  if (const auto* const wrong = std::get_if<std::string>(&options)) {
    std::fprintf(stderr, "riptide: serve-octopus: %s\n", wrong->c_str());
    return kExitUsage;
  }
  return simulator::serve_until_stopped(std::get<simulator::OctopusOptions>(options), STDOUT_FILENO);
}

}  // namespace riptide::cli
