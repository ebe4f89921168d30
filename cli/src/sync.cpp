#include <sys/prctl.h>

#include "riptide/cli/heap.hpp"
#include "riptide/cli/logging.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/state_wiring.hpp"
#include "riptide/cli/summary.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::cli {

namespace {

int run(const SyncFlags& flags, const std::vector<std::string>& command, std::optional<PlanOutput> plan) {
  ::prctl(PR_SET_DUMPABLE, 0);  // a core file would hold the secrets
  Terminal terminal(2);
  use_two_heaps();
  const stages::HttpRuntime http;
  std::vector<Problem> problems;
  ConfigSources sources = gather_sources(flags.common.config, problems);
  sources.flags = settings_of(flags);
  const ConfigReading reading = read_config(sources, {});
  problems.insert(problems.end(), reading.problems.begin(), reading.problems.end());
  if (print_problems(problems, terminal)) return kExitUsage;

  terminal.hide(reading.config.secrets());
  Logger logger(terminal, reading.config.text("application.log_level"),
                flags.common.log_format == "json" ? LogFormat::kJson : LogFormat::kText);
  pipeline::Stop stop;
  std::atomic<bool> resumable{false};
  SignalThread signals(
      stop,
      [&](int signal) {
        logger.warning(std::string(signal == 2 ? "SIGINT" : "SIGTERM") +
                       ": nothing more is read, what is in flight is settled; once more stops at once");
      },
      [&] {
        terminal.clear_status();
        terminal.print("to go on from here:\n" + command_to_go_on(command, resumable.load()));
      });
  RunRequest request{flags, command, state_home_of_user(), &resumable};
  request.plan = std::move(plan);
  return run_resync(request, reading.config, terminal, logger, stop, signals);
}

}  // namespace

int run_sync(const SyncFlags& flags, const std::vector<std::string>& command) {
  return run(flags, command, std::nullopt);
}

int run_plan(const PlanFlags& flags, const std::vector<std::string>& command) {
  return run(flags.sync, command, PlanOutput{flags.diff == "fields", flags.out});
}

}  // namespace riptide::cli
