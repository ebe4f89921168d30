#include <sys/prctl.h>

#include "riptide/cli/cassette_wiring.hpp"
#include "riptide/cli/heap.hpp"
#include "riptide/cli/logging.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/state_wiring.hpp"
#include "riptide/cli/summary.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::cli {

namespace {

struct Purpose {
  std::optional<PlanOutput> plan = std::nullopt;
  std::optional<RunRequest::Recording> recording = std::nullopt;
};

int run(SyncFlags flags, const std::vector<std::string>& command, Purpose purpose) {
  ::prctl(PR_SET_DUMPABLE, 0);  // a core file would hold the secrets
  Terminal terminal(2);
  use_two_heaps();
  const stages::HttpRuntime http;
  std::vector<Problem> problems;
  ConfigSources sources = gather_sources(flags.common.config, problems);
  ConfigNeeds needs;
  if (!flags.replay.empty()) {
    auto header = stages::read_cassette_header(flags.replay);
    if (!header) {
      terminal.print("riptide: " + header.error().message);
      return kExitUsage;
    }
    sources.flags = settings_of(*header);
    if (flags.kinds.empty()) flags.kinds = header->kinds;
    needs.source = ConfigNeeds::Missing::kPlaceholder;
  }
  // To record, and to play, is to look at the source alone, unless a sink is named.
  const bool looks_only = purpose.recording || (!flags.replay.empty() && !purpose.plan);
  if (looks_only && flags.sinks.empty()) flags.sinks = {"null"};
  for (ConfigSources::Flag& flag : settings_of(flags)) sources.flags.push_back(std::move(flag));
  const ConfigReading reading = read_config(sources, needs);
  problems.insert(problems.end(), reading.problems.begin(), reading.problems.end());
  if (print_problems(problems, terminal)) return kExitUsage;

  terminal.hide(reading.config.secrets());
  Logger logger(terminal, reading.config.text("application.log_level"),
                flags.common.log_format == "json" ? LogFormat::kJson : LogFormat::kText);
  pipeline::Stop stop;
  std::atomic<bool> resumable{false};
  const bool records = purpose.recording.has_value();
  SignalThread signals(
      stop,
      [&](int signal) {
        logger.warning(std::string(signal == 2 ? "SIGINT" : "SIGTERM") +
                       ": nothing more is read, what is in flight is settled; once more stops at once");
      },
      [&] {
        terminal.clear_status();
        terminal.print("to go on from here:\n" + command_to_go_on(command, resumable.load() && !records));
      });
  RunRequest request{flags, command, state_home_of_user(), &resumable};
  request.plan = std::move(purpose.plan);
  request.recording = std::move(purpose.recording);
  if (!flags.replay.empty()) {
    auto player = stages::CassettePlayer::open({flags.replay, reading.config.secrets()});
    if (!player) {
      terminal.print("riptide: " + player.error().message);
      return kExitUsage;
    }
    request.player = *std::move(player);
  }
  return run_resync(request, reading.config, terminal, logger, stop, signals);
}

}  // namespace

int run_sync(const SyncFlags& flags, const std::vector<std::string>& command) { return run(flags, command, {}); }

int run_plan(const PlanFlags& flags, const std::vector<std::string>& command) {
  return run(flags.sync, command, {.plan = PlanOutput{flags.diff == "fields", flags.out}});
}

int run_record(const RecordFlags& flags, const std::vector<std::string>& command) {
  // What goes on from a recording is its replay: it cannot be made again under the same name.
  return run(flags.sync, {command.empty() ? "riptide" : command.front(), "sync", "--replay", flags.out},
             {.recording = RunRequest::Recording{flags.out, flags.redact}});
}

}  // namespace riptide::cli
