#include "riptide/cli/resync_runner.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "riptide/cli/cassette_wiring.hpp"
#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/journal_wiring.hpp"
#include "riptide/cli/letter_options.hpp"
#include "riptide/cli/logging.hpp"
#include "riptide/cli/numbers.hpp"
#include "riptide/cli/plan_output.hpp"
#include "riptide/cli/port_wiring.hpp"
#include "riptide/cli/run_ending.hpp"
#include "riptide/cli/state_wiring.hpp"
#include "riptide/cli/summary.hpp"
#include "riptide/pipeline/run_id.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;
using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::RunReport;
using CarryOut = stages::ResyncOptions::CarryOut;

// One run from the choice of the sinks to the last line.
class Run {
 public:
  Run(const RunRequest& request, const Config& config, Terminal& terminal, Logger& logger, pipeline::Stop& stop,
      SignalThread& signals)
      : request_(request),
        flags_(request.flags),
        config_(config),
        terminal_(terminal),
        logger_(logger),
        stop_(stop),
        signals_(signals) {}

  int run() {
    options_ = resync_options(config_);
    options_.log = [this](stages::LogLevel level, std::string_view message) { logger_.log(level, message); };
    run_id_ = pipeline::new_run_id();
    ending_.emplace(RunEnding::Options{flags_.report, request_.command, run_id_, options_.version, options_.started_at},
                    terminal_, logger_, signals_);
    warn_about_tls();

    std::vector<Problem> problems;
    const std::vector<sinks::SinkSpec> specs = choose_sinks(flags_.sinks, config_, problems);
    if (print_problems(problems, terminal_)) return kExitUsage;

    std::optional<stages::PlanFile> planned;
    if (auto failed = open_plan(specs, planned)) return *failed;
    if (!request_.plan) {
      if (auto failed = open_state(specs)) return *failed;
      if (auto failed = check_resume(specs)) return *failed;
    }

    // All that can be wrong here is found before Port is asked for anything.
    stages::ResyncParts parts;
    auto source = find_integration_type(config_.type())->make_source(config_);
    if (!source) {
      print_problems({source_problem(config_, source.error())}, terminal_);
      return kExitUsage;
    }
    parts.source = std::move(*source);
    std::optional<MappingText> text = default_mapping(config_);
    const bool own_mapping = !flags_.mapping.empty();
    const bool taped_mapping = !own_mapping && request_.player && !request_.player->header().mapping.empty();
    if (own_mapping) {
      text = mapping_file(flags_.mapping, problems);
      if (print_problems(problems, terminal_)) return kExitUsage;
    } else if (taped_mapping) {
      text = mapping_of(request_.player->header(), flags_.replay);
    }
    if (own_mapping || taped_mapping) {
      if (auto failed = use_mapping(*text, parts)) return *failed;
    }
    std::optional<sinks::port::Prepared> prepared;
    if (has_port(specs)) {
      if (auto failed = make_port_ready(prepared, access_to_port())) return *failed;
    } else if (records_for_port() && !own_mapping) {
      // What is recorded is what a run into Port would ask for: its mapping is there.
      if (auto failed = make_port_ready(prepared, PortAccess::kReadOnly)) return *failed;
    }
    if (prepared && parts.mapping == nullptr) text = mapping_from(*prepared);
    if (!has_port(specs)) prepared.reset();
    if (parts.mapping == nullptr) {
      if (auto failed = use_mapping(*text, parts)) return *failed;
    }
    parts.context = sink_context(config_, parts.mapping->spec(), run_id_);
    parts.state = state_.file;
    if (options_.plan != nullptr) {
      if (auto failed = copy_state(specs, parts.state)) return *failed;
    }
    if (options_.plan != nullptr) {
      auto planning = make_planning_sink(specs.front(), config_, parts.context, parts.state != nullptr);
      if (!planning) return wrong_configuration(planning.error());
      parts.sinks.push_back(*std::move(planning));
    } else {
      auto made = make_sinks(specs, config_, parts.context, 0, prepared ? &*prepared : nullptr);
      if (!made) return wrong_configuration(made.error());
      parts.sinks = std::move(*made);
    }
    decide_deletion(parts.sinks);
    if (options_.plan != nullptr) subject_ = plan_subject(flags_, specs.front(), config_, *text, options_);
    if (planned) {
      if (auto failed = plan_to_apply(*planned, specs, parts.context, prepared)) return *failed;
    }
    if (options_.plan == nullptr) {
      if (auto failed = plan_journal(specs, *text, parts)) return *failed;
    }
    if (auto failed = open_letters(parts)) return *failed;
    open_remembered_pages(parts);
    if (auto failed = connect_source(*text)) return *failed;

    auto resync = stages::Resync::create(std::move(parts), options_);
    if (!resync)
      return resync.error().kind == ErrorKind::kConfig ? wrong_configuration(resync.error()) : failed(resync.error());

    logger_.info("resync of " + config_.identifier() + " (" + config_.type() + ") with " + text->origin + ", run " +
                 run_id_);
    auto report = [&] {
      const ProgressDisplay display(
          terminal_,
          {.mode = progress_mode(flags_.progress, terminal_.is_tty()), .budget_bytes = options_.memory_bytes},
          [&] { return (*resync)->progress(); }, [&](std::string_view line) { logger_.info(line); });
      return (*resync)->run(stop_, [this] { return signals_.first(); });
    }();
    const bool recorded = finish_recording();
    if (!report)
      return report.error().kind == ErrorKind::kConfig ? wrong_configuration(report.error()) : failed(report.error());
    resumable_ = !request_.recording && (*resync)->can_be_resumed();
    if (prepared) report->notices.insert(report->notices.begin(), prepared->notices.begin(), prepared->notices.end());
    const int code = request_.plan ? finish_plan(*report) : finish(*report);
    return recorded || (code != kExitComplete && code != 1) ? code : kExitSinkFailed;
  }

 private:
  [[nodiscard]] bool writes_nothing_yet() const { return options_.plan != nullptr; }
  [[nodiscard]] PortAccess access_to_port() const {
    return writes_nothing_yet() ? PortAccess::kReadOnly : PortAccess::kWrite;
  }
  [[nodiscard]] bool records_for_port() const { return request_.recording && config_.has_port(); }

  // Puts the cassette of --replay in the source's place, or that of `record` beside it, and the faults of --inject in
  // front. Returns an exit code if there is no going on.
  std::optional<int> connect_source(const MappingText& mapping) {
    if (config_.type() == "file" && (request_.player || request_.recording || !flags_.inject.empty())) {
      return wrong_configuration({ErrorKind::kConfig,
                                  "files are read without requests, so there is nothing to record, replay or inject; "
                                  "hand on the files themselves"});
    }
    std::shared_ptr<stages::Wire> wire;
    if (request_.player) {
      const stages::CassetteHeader& header = request_.player->header();
      logger_.info(fmt::format("{}: {} requests, recorded {} by riptide {}", flags_.replay,
                               request_.player->num_attempts(), header.recorded_at, header.riptide));
      if (!request_.player->complete()) {
        logger_.warning(fmt::format("{} is cut off after {} requests: what came behind them is not known",
                                    flags_.replay, request_.player->num_attempts()));
      }
      wire = request_.player;
    } else if (request_.recording) {
      auto recorder = stages::CassetteRecorder::create({.path = request_.recording->file,
                                                        .header = cassette_header(config_, flags_, mapping),
                                                        .secrets = config_.secrets(),
                                                        .fields = request_.recording->redact});
      if (!recorder) return wrong_configuration(recorder.error());
      recorder_ = *std::move(recorder);
      wire = recorder_;
    }
    options_.source_wire = with_faults(flags_, std::move(wire), options_.source_timeout);
    return std::nullopt;
  }

  // Ends the cassette. False if it is not whole.
  bool finish_recording() {
    if (recorder_ == nullptr) return true;
    auto written = recorder_->finish();
    if (!written) {
      logger_.error(written.error().message + ": it is readable up to there");
      return false;
    }
    logger_.info(fmt::format("{} requests are on {}", *written, request_.recording->file));
    return true;
  }

  // Gets ready to plan, or to carry out the plan of --apply. Returns an exit code if there is no going on.
  std::optional<int> open_plan(const std::vector<sinks::SinkSpec>& specs, std::optional<stages::PlanFile>& planned) {
    if (!request_.plan && flags_.apply.empty()) return std::nullopt;
    if (flags_.resume) {
      return wrong_configuration({ErrorKind::kConfig,
                                  "--apply makes its plan anew, so there is nothing to go on from: "
                                  "run without --resume"});
    }
    if (specs.size() != 1) {
      return wrong_configuration({ErrorKind::kConfig, "a plan is made for one target: name one --sink"});
    }
    stages::Plan::Options wanted;
    wanted.fields = request_.plan && request_.plan->fields;
    wanted.keep_entities = !flags_.apply.empty();
    options_.plan = std::make_shared<stages::Plan>(wanted);
    if (flags_.apply.empty()) return std::nullopt;
    auto file = stages::PlanFile::open(flags_.apply);
    if (!file) return wrong_configuration(file.error());
    planned = *std::move(file);
    return std::nullopt;
  }

  // Checks that the plan is one for this run, and sees to it that it is carried out if it still holds.
  std::optional<int> plan_to_apply(const stages::PlanFile& planned, const std::vector<sinks::SinkSpec>& specs,
                                   const stages::SinkContext& context, std::optional<sinks::port::Prepared>& prepared) {
    const auto refused = [this](std::string_view why, const std::vector<std::string>& sentences) {
      std::string text = flags_.apply + " " + std::string(why);
      for (const std::string& sentence : sentences) text += "\n  " + sentence;
      return Error(ErrorKind::kConfig, std::move(text));
    };
    if (auto others = differences(planned.subject(), subject_); !others.empty()) {
      return wrong_configuration(
          refused("is a plan for another run; nothing was contacted but for the mapping:", others));
    }
    options_.carry_out = [=, this, &planned, &prepared](const RunReport& report) -> pipeline::Result<CarryOut> {
      auto moved = planned.moved(*options_.plan, report);
      if (!moved) return pipeline::unexpected(std::move(moved).error());
      if (!moved->empty()) {
        return pipeline::unexpected(
            refused("of " + planned.created_at() + " does not hold any more; nothing was written:", *moved));
      }
      if (auto forgotten = forget_journal(); !forgotten) return pipeline::unexpected(std::move(forgotten).error());
      if (prepared) {
        auto ready = prepare_port(config_, PortAccess::kWrite, stop_);
        if (!ready) return pipeline::unexpected(std::move(ready).error());
        prepared = *std::move(ready);
      }
      auto made = make_sinks(specs, config_, context, 0, prepared ? &*prepared : nullptr);
      if (!made) return pipeline::unexpected(std::move(made).error());
      return CarryOut{std::move(made->front()), state_.file};
    };
    return std::nullopt;
  }

  // What an unfinished run read before is not what is written now: going on from it would delete what this run creates.
  pipeline::Result<void> forget_journal() const {
    if (state_.file == nullptr) return {};
    auto journal = stages::Journal::open(*state_.file);
    if (!journal) return pipeline::unexpected(std::move(journal).error());
    return (*journal)->remove();
  }

  // A plan works on a copy of what is remembered: it asks and notes as a sync does, and nothing of it stays. Returns an
  // exit code if there is no going on.
  std::optional<int> copy_state(const std::vector<sinks::SinkSpec>& specs,
                                std::shared_ptr<const state::StateFile>& out) {
    out = nullptr;
    const std::optional<StatePlace> place = place_of_state(flags_.state, request_.state_home, specs, config_);
    if (!place || !has_port(specs)) return std::nullopt;
    auto copy = StateCopy::make(*place);
    if (!copy)
      return copy.error().kind == ErrorKind::kConfig ? wrong_configuration(copy.error()) : failed(copy.error());
    state_copy_ = std::move(*copy);
    if (state_copy_) out = state_copy_->file();
    return std::nullopt;
  }

  int finish_plan(const RunReport& report) {
    signals_.run_is_over();
    // What records and guards do to the code of sync is in the object.
    const int code = report.exit_code == 1 || report.exit_code == 5 ? kExitComplete : report.exit_code;
    terminal_.print(plan_summary(report, *options_.plan, terminal_.colours()));
    int shown = code;
    if (code == kExitComplete || code == 3) {
      if (auto written = show_plan(subject_, report, *options_.plan, terminal_); !written) {
        logger_.error("the plan could not be shown: " + written.error().message);
        shown = kExitSinkFailed;
      }
    }
    if (!request_.plan->file.empty()) {
      if (code != kExitComplete) {
        logger_.warning(request_.plan->file + " is not written: the plan is not complete");
      } else if (auto written = write_plan_file(request_.plan->file, subject_, report, *options_.plan, terminal_);
                 !written) {
        logger_.error("the plan " + request_.plan->file + " was not written: " + written.error().message);
        shown = kExitSinkFailed;
      }
    }
    if (shown != kExitComplete) terminal_.print("to go on from here:\n" + command_to_go_on(request_.command, false));
    return shown;
  }

  void warn_about_tls() {
    for (const char* const key : {"ssl.third_party.verify", "ssl.port.verify"}) {
      if (!config_.boolean(key)) {
        logger_.warning("certificates are NOT checked: " + how_to_set(key) +
                        " is false; anyone on the way can read the "
                        "credentials");
      }
    }
  }

  // Takes the target for this run and opens what is remembered of it. Returns an exit code if there is no going on.
  std::optional<int> open_state(const std::vector<sinks::SinkSpec>& specs) {
    const std::optional<StatePlace> place = place_of_state(flags_.state, request_.state_home, specs, config_);
    if (!place) return std::nullopt;
    auto opened = open_state_of_run(*place, {::getpid(), run_id_, options_.started_at}, flags_.wait, stop_, logger_);
    if (opened) {
      state_ = std::move(*opened);
      return std::nullopt;
    }
    const Error& error = opened.error();
    if (error.kind == ErrorKind::kRejected || error.kind == ErrorKind::kStopped) return failed(error);
    return wrong_configuration(error);
  }

  // Compiles the mapping and chooses what of it is read. Returns an exit code if there is no going on.
  std::optional<int> use_mapping(const MappingText& text, stages::ResyncParts& parts) {
    std::vector<Problem> problems;
    parts.mapping = compile_mapping(text, config_, problems);
    if (parts.mapping != nullptr) options_.resources = choose_resources(parts.mapping->spec(), flags_.kinds, problems);
    if (print_problems(problems, terminal_)) return kExitUsage;
    return std::nullopt;
  }

  // Says early that a run cannot go on from the one before, as far as that can be known without asking anybody. Returns
  // an exit code then.
  std::optional<int> check_resume(const std::vector<sinks::SinkSpec>& specs) {
    if (!flags_.resume) return std::nullopt;
    if (const sinks::SinkSpec* const anew = written_anew(specs)) {
      return wrong_configuration({ErrorKind::kConfig, "--resume cannot go on into " + anew->text +
                                                          ": it does not keep what a run that went down wrote; run "
                                                          "without --resume"});
    }
    if (state_.file == nullptr) {
      logger_.info("nothing is remembered here that could be gone on from: everything is read");
      return std::nullopt;
    }
    return refuse_resume(journal_terms(config_, specs), Known::kBeforeTheMapping);
  }

  std::optional<int> refuse_resume(const stages::JournalTerms& terms, Known known) {
    auto obstacle = obstacle_to_resume(*state_.file, terms, known);
    if (!obstacle) return wrong_configuration(obstacle.error());
    if (obstacle->empty()) return std::nullopt;
    return wrong_configuration({ErrorKind::kConfig, "the run before cannot be gone on with: " + *obstacle +
                                                        ": run without --resume to read everything"});
  }

  // Decides whether the run keeps a journal, and whether it goes on from the one that is there. Returns an exit code if
  // there is no going on.
  std::optional<int> plan_journal(const std::vector<sinks::SinkSpec>& specs, const MappingText& mapping,
                                  stages::ResyncParts& parts) {
    if (parts.state == nullptr || written_anew(specs) != nullptr) return std::nullopt;
    stages::JournalPlan plan;
    plan.terms = journal_terms(config_, specs);
    enter_mapping(config_, mapping, options_.resources, plan.terms);
    plan.begun = std::time(nullptr);
    plan.resume = flags_.resume;
    if (plan.resume) {
      if (auto refused = refuse_resume(plan.terms, Known::kAll)) return refused;
    }
    parts.journal = std::move(plan);
    if (request_.resumable != nullptr) request_.resumable->store(true);
    return std::nullopt;
  }

  std::optional<int> open_letters(stages::ResyncParts& parts) {
    if (state_.file == nullptr) return std::nullopt;  // A plan keeps none.
    auto letters = stages::DeadLetters::open(*state_.file, letter_options(config_, terminal_));
    if (!letters) return wrong_configuration(letters.error());
    parts.dead_letters = std::move(*letters);
    return std::nullopt;
  }

  // Opens the pages of earlier runs. What is wrong with them costs their use, not the run.
  void open_remembered_pages(stages::ResyncParts& parts) {
    if (state_.file == nullptr || options_.plan != nullptr) return;
    // A cassette holds whole pages.
    if (request_.player || request_.recording) return;
    const std::string path = remembered_pages_path(state_.file->path());
    const std::uint64_t most_bytes = config_.bytes("riptide.page_cache");
    if (most_bytes == 0) {
      if (auto removed = stages::RememberedPages::remove(path); !removed) logger_.warning(removed.error().message);
      return;
    }
    auto pages = stages::RememberedPages::open(
        {.path = path,
         .owner = state_.file->owner(),
         .most_bytes = most_bytes,
         .most_waiting_bytes = std::min<std::size_t>(4u << 20, options_.memory_bytes / 16),
         .warn = [this](const std::string& why) { logger_.warning(why); }});
    if (!pages) {
      logger_.warning("pages of earlier runs are not used: " + pages.error().message);
      return;
    }
    parts.remembered_pages = std::move(*pages);
  }

  // Makes the integration ready in Port. Returns an exit code if there is no going on.
  std::optional<int> make_port_ready(std::optional<sinks::port::Prepared>& out, PortAccess access) {
    auto prepared = prepare_port(config_, access, stop_);
    if (!prepared) {
      if (prepared.error().kind == ErrorKind::kConfig) return wrong_configuration(prepared.error());
      return failed(std::move(prepared).error().within("the integration could not be made ready in Port"));
    }
    out = *std::move(prepared);
    for (const std::string& notice : out->notices) logger_.warning(notice);
    return std::nullopt;
  }

  // Port's mapping, else the type's own.
  MappingText mapping_from(const sinks::port::Prepared& prepared) {
    if (prepared.mapping) {
      return {*prepared.mapping, "the mapping of " + config_.identifier() + " in Port", !flags_.strict};
    }
    logger_.info("Port has no mapping for " + config_.identifier() + ": the default is used");
    return default_mapping(config_);
  }

  void decide_deletion(const std::vector<std::unique_ptr<stages::Sink>>& sinks) {
    set_deletion(flags_, options_);
    if (flags_.no_delete) return;
    const std::string reason = implied_no_delete(sinks, flags_.kinds);
    if (reason.empty()) return;
    options_.delete_stale = false;
    options_.no_delete_reason = reason;
    logger_.warning(reason);
  }

  int wrong_configuration(const Error& error) {
    terminal_.print("riptide: " + error.message);
    return kExitUsage;
  }

  int failed(const Error& error) {
    remember_run();
    return ending_->failed(error);
  }
  int finish(const RunReport& report) {
    remember_run();
    return ending_->finish(report, resumable_);
  }
  void remember_run() { ending_->remember_in(state_.file); }

  const RunRequest& request_;
  const SyncFlags& flags_;
  const Config& config_;
  Terminal& terminal_;
  Logger& logger_;
  pipeline::Stop& stop_;
  SignalThread& signals_;
  stages::ResyncOptions options_;
  std::string run_id_;
  stages::PlanSubject subject_;
  bool resumable_ = false;
  OpenState state_;
  std::shared_ptr<stages::CassetteRecorder> recorder_;
  std::unique_ptr<StateCopy> state_copy_;
  std::optional<RunEnding> ending_;
};

}  // namespace

int run_resync(const RunRequest& request, const Config& config, Terminal& terminal, Logger& logger,
               pipeline::Stop& stop, SignalThread& signals) {
  return Run(request, config, terminal, logger, stop, signals).run();
}

bool print_problems(const std::vector<Problem>& problems, Terminal& terminal) {
  for (const Level level : {Level::kWarning, Level::kError}) {
    for (const Problem& problem : problems) {
      if (problem.level == level) terminal.print("riptide: " + to_string(problem));
    }
  }
  return any_error(problems);
}

}  // namespace riptide::cli
