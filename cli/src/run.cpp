#include <sys/prctl.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/graph_file.hpp"
#include "riptide/cli/graph_wiring.hpp"
#include "riptide/cli/heap.hpp"
#include "riptide/cli/letter_options.hpp"
#include "riptide/cli/live_socket.hpp"
#include "riptide/cli/live_view.hpp"
#include "riptide/cli/logging.hpp"
#include "riptide/cli/port_wiring.hpp"
#include "riptide/cli/progress.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/run_ending.hpp"
#include "riptide/cli/signals.hpp"
#include "riptide/cli/state_wiring.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/pipeline/run_id.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::cli {
namespace {

using pipeline::ErrorKind;

// One run of a graph file, from its text to the last line.
class GraphRun {
 public:
  GraphRun(const RunFlags& flags, const std::vector<std::string>& command) : flags_(flags), command_(command) {}

  int run() {
    std::vector<Problem> problems;
    material_.settings = gather_sources(flags_.sync.common.config, problems);
    material_.settings.flags = settings_of(flags_.sync);
    material_.run_id = pipeline::new_run_id();
    auto text = read_file(flags_.file);
    if (!text) problems.push_back({Problem::Level::kError, flags_.file, 0, 0, "", text.error().message});
    if (print_problems(problems, terminal_)) return kExitUsage;
    problems.clear();
    GraphFileReading reading = read_graph_file(*text, flags_.file, variables_of(material_.settings));
    terminal_.hide(reading.graph.secrets);
    if (print_problems(reading.problems, terminal_)) return kExitUsage;
    file_ = std::move(reading.graph);
    if (!flags_.sync.memory.empty()) file_.memory_bytes.reset();  // the flag is among the settings

    // All that can be wrong here is found before Port is asked for anything.
    parts_.emplace(file_, material_, problems);
    terminal_.hide(parts_->secrets());
    if (print_problems(problems, terminal_)) return kExitUsage;
    return run_parts();
  }

 private:
  int run_parts() {
    const Config& config = parts_->settings();
    logger_.emplace(terminal_, config.text("application.log_level"),
                    flags_.sync.common.log_format == "json" ? LogFormat::kJson : LogFormat::kText);
    SignalThread signals(
        stop_,
        [&](int signal) {
          logger_->warning(std::string(signal == 2 ? "SIGINT" : "SIGTERM") +
                           ": nothing more is read, what is in flight is settled; once more stops at once");
        },
        [&] { terminal_.clear_status(); });
    GraphOptions options = parts_->options();
    options.log = [this](stages::LogLevel level, std::string_view message) { logger_->log(level, message); };
    RunEnding ending({flags_.sync.report, command_, material_.run_id, options.version, options.started_at}, terminal_,
                     *logger_, signals);

    OpenState state;
    if (const auto place = place_of_state(flags_.sync.state, state_home_of_user(), parts_->sink_specs(), config)) {
      auto opened = open_state_of_run(*place, {::getpid(), material_.run_id, options.started_at}, flags_.sync.wait,
                                      stop_, *logger_);
      if (!opened) return ending.failed(opened.error());
      state = std::move(*opened);
    }
    if (state.file != nullptr) {
      options.state = state.file;
      auto letters = stages::DeadLetters::open(*state.file, letter_options(config, terminal_));
      if (!letters) return ending.failed(letters.error());
      options.dead_letters = std::move(*letters);
      ending.remember_in(state.file);
    }
    if (const Config* const port = parts_->port_config()) {
      auto prepared = prepare_port(*port, PortAccess::kWrite, stop_);
      if (!prepared)
        return ending.failed(std::move(prepared).error().within("the integration could not be made ready in Port"));
      for (const std::string& notice : prepared->notices) logger_->warning(notice);
      if (prepared->mapping) {
        material_.mapping =
            MappingText{*prepared->mapping, "the mapping of " + config.identifier() + " in Port", !flags_.sync.strict};
      }
      material_.prepared = *std::move(prepared);
      std::vector<Problem> problems;
      parts_.emplace(file_, material_, problems);
      if (print_problems(problems, terminal_)) return kExitUsage;
    }
    return run_graph(std::move(options), signals, ending);
  }

  int run_graph(GraphOptions options, SignalThread& signals, RunEnding& ending) {
    const std::size_t budget = options.memory_bytes;
    options.context = parts_->options().context;
    Graph graph(std::move(options));
    std::vector<Problem> problems;
    parts_->add_to(graph, problems);
    if (print_problems(problems, terminal_)) return kExitUsage;
    auto described = graph.describe();
    if (!described) return wrong(described.error());
    ending.draw([&] { return with_flow(*described, graph.live()); });
    logger_->info("graph " + flags_.file + ", run " + material_.run_id);
    auto report = [&] {
      std::string why;
      const LiveSocket look_in(
          material_.run_id,
          {.live = [&] { return graph.live(); },
           .tap = [&](std::string_view node, std::size_t count,
                      std::function<void(const TappedItem&)> hear) { return graph.tap(node, count, std::move(hear)); }},
          why);
      if (!why.empty()) logger_->warning(why);
      const ProgressDisplay display(
          terminal_, {.mode = progress_mode(flags_.sync.progress, terminal_.is_tty()), .budget_bytes = budget},
          [&] { return graph.progress(); }, [&](std::string_view line) { logger_->info(line); });
      return graph.run(stop_, [&] { return signals.first(); });
    }();
    if (!report)
      return report.error().kind == ErrorKind::kConfig ? wrong(report.error()) : ending.failed(report.error());
    return ending.finish(*report, graph.can_be_resumed());
  }

  int wrong(const pipeline::Error& error) {
    terminal_.print("riptide: " + flags_.file + ": " + error.message);
    return kExitUsage;
  }

  const RunFlags& flags_;
  const std::vector<std::string>& command_;
  Terminal terminal_{2};
  pipeline::Stop stop_;
  std::optional<Logger> logger_;
  GraphMaterial material_;
  GraphFile file_;
  std::optional<GraphParts> parts_;
};

}  // namespace

int run_run(const RunFlags& flags, const std::vector<std::string>& command) {
  ::prctl(PR_SET_DUMPABLE, 0);  // a core file would hold the secrets
  use_two_heaps();
  const stages::HttpRuntime http;
  return GraphRun(flags, command).run();
}

}  // namespace riptide::cli
