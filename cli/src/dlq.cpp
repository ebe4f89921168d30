#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "riptide/cli/heap.hpp"
#include "riptide/cli/letter_options.hpp"
#include "riptide/cli/logging.hpp"
#include "riptide/cli/numbers.hpp"
#include "riptide/cli/port_wiring.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/state_wiring.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/cli/wiring.hpp"
#include "riptide/json/document.hpp"
#include "riptide/pipeline/run_id.hpp"
#include "riptide/stages/http_client.hpp"
#include "riptide/stages/replay.hpp"

namespace riptide::cli {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::Result;
using stages::DeadLetter;
using stages::DeadLetters;

constexpr int kExitStillThere = 1;

void append_member(std::string& out, const char* name, std::string_view value) {
  if (out.size() > 1) out += ',';
  json::append_quoted(name, out);
  out += ':';
  json::append_quoted(value, out);
}

std::string line_of(const DeadLetter& letter) {
  std::string out = "{\"id\":" + std::to_string(letter.id);
  append_member(out, "stage", letter.stage);
  append_member(out, "kind", letter.kind);
  append_member(out, "scope", letter.scope);
  append_member(out, "sink", letter.sink);
  append_member(out, "blueprint", letter.blueprint);
  append_member(out, "identifier", letter.identifier);
  append_member(out, "reason", letter.reason);
  append_member(out, "url", letter.url);
  append_member(out, "request_id", letter.request_id);
  append_member(out, "at", letter.at);
  append_member(out, "run_id", letter.run_id);
  return out + ",\"bytes\":" + std::to_string(letter.bytes.size()) + "}\n";
}

std::string row_of(const DeadLetter& letter) {
  std::string what = letter.identifier.empty() ? letter.scope : letter.blueprint + "/" + letter.identifier;
  std::string reason = letter.reason;
  for (char& c : reason) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return fmt::format("{:>6}  {:<9}  {:<12}  {:<20}  {:<32}  {}\n", letter.id, letter.stage, letter.kind, letter.at,
                     what.substr(0, 32), reason.substr(0, 100));
}

// One call of the verb, from the state file to the exit code.
class Dlq {
 public:
  Dlq(const DlqFlags& flags, const Config& config, Terminal& terminal, Logger& logger, pipeline::Stop& stop)
      : flags_(flags), config_(config), terminal_(terminal), logger_(logger), stop_(stop) {
    filter_.kinds = flags.kinds;
    filter_.stage = flags.stage;
    filter_.run_id = flags.run;
    filter_.reason = flags.reason;
    filter_.ids = flags.ids;
  }

  int run() {
    std::vector<Problem> problems;
    specs_ = choose_sinks(flags_.sinks, config_, problems);
    if (print_problems(problems, terminal_)) return kExitUsage;
    const std::optional<StatePlace> place = place_of_state(flags_.state, state_home_of_user(), specs_, config_);
    if (!place) return wrong({ErrorKind::kConfig, "nothing is remembered of this target: name a file with --state"});
    if (::access(place->path.c_str(), F_OK) != 0) {
      if (flags_.action == "list") return kExitComplete;
      return wrong({ErrorKind::kNotFound, "there are no dead letters: there is no state file " + place->path});
    }
    const bool writes = flags_.action == "replay" || flags_.action == "drop";
    OpenState state;
    if (writes) {
      auto opened = open_state(*place, {::getpid(), run_id_, utc_now()}, false, stop_, logger_);
      if (!opened) return opened.error().kind == ErrorKind::kConfig ? wrong(opened.error()) : failed(opened.error());
      state = std::move(*opened);
    } else {
      auto file = state::StateFile::open_existing(place->path);
      if (!file) return wrong(file.error());
      state.file = std::make_shared<const state::StateFile>(std::move(*file));
    }
    auto letters = DeadLetters::open(*state.file, letter_options(config_, terminal_));
    if (!letters) return failed(letters.error());
    letters_ = std::move(*letters);
    if (flags_.action == "list") return list();
    if (flags_.action == "show") return show();
    if (flags_.action == "drop") return drop();
    return replay(state);
  }

 private:
  [[nodiscard]] int wrong(const Error& error) {
    terminal_.print("riptide: " + error.message);
    return kExitUsage;
  }
  [[nodiscard]] int failed(const Error& error) {
    terminal_.print("riptide: " + error.message);
    return kExitSinkFailed;
  }

  void write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

  int list() {
    const bool table = ::isatty(1) == 1;
    if (table)
      write(fmt::format("{:>6}  {:<9}  {:<12}  {:<20}  {:<32}  {}\n", "id", "stage", "kind", "at", "what", "reason"));
    auto listed = letters_->list(filter_, [&](const DeadLetter& letter) {
      write(terminal_.redacted(table ? row_of(letter) : line_of(letter)));
      return std::ferror(stdout) == 0;
    });
    if (!listed) return failed(listed.error());
    return kExitComplete;
  }

  // The letters that the ids, filters or --all name; an id that is none is an error.
  Result<std::vector<DeadLetter>> chosen() {
    std::vector<DeadLetter> found;
    auto listed = letters_->list(filter_, [&found](const DeadLetter& letter) {
      found.push_back(letter);
      return true;
    });
    if (!listed) return pipeline::unexpected(listed.error());
    for (const std::int64_t id : flags_.ids) {
      const bool there = std::any_of(found.begin(), found.end(), [id](const DeadLetter& one) { return one.id == id; });
      if (!there) return pipeline::unexpected(ErrorKind::kConfig, "there is no dead letter " + std::to_string(id));
    }
    return found;
  }

  int show() {
    auto letters = chosen();
    if (!letters) return wrong(letters.error());
    for (const DeadLetter& letter : *letters) {
      terminal_.print(line_of(letter));
      write(terminal_.redacted(letter.bytes) + "\n");
    }
    return kExitComplete;
  }

  int drop() {
    auto letters = chosen();
    if (!letters) return wrong(letters.error());
    std::vector<std::int64_t> ids;
    for (const DeadLetter& letter : *letters) ids.push_back(letter.id);
    auto dropped = letters_->drop(ids);
    if (!dropped) return failed(dropped.error());
    terminal_.print(fmt::format("{} dead letters dropped", *dropped));
    return kExitComplete;
  }

  int replay(const OpenState& state) {
    for (const sinks::SinkSpec& spec : specs_) {
      if (spec.kind == sinks::SinkSpec::Kind::kNdjson || spec.kind == sinks::SinkSpec::Kind::kNull) {
        return wrong({ErrorKind::kConfig, "dead letters cannot be replayed into " + spec.text +
                                              ": it keeps nothing that they could be added to"});
      }
    }
    auto letters = chosen();
    if (!letters) return wrong(letters.error());
    std::vector<Problem> problems;
    std::optional<MappingText> text = default_mapping(config_);
    if (!flags_.mapping.empty()) {
      text = mapping_file(flags_.mapping, problems);
      if (print_problems(problems, terminal_)) return kExitUsage;
    } else if (has_port(specs_)) {
      auto prepared = prepare_port(config_, PortAccess::kReadOnly, stop_);
      if (!prepared)
        return prepared.error().kind == ErrorKind::kConfig ? wrong(prepared.error()) : failed(prepared.error());
      if (prepared->mapping) text = {*prepared->mapping, "the mapping of " + config_.identifier() + " in Port", true};
    }
    stages::ResyncParts parts;
    parts.mapping = compile_mapping(*text, config_, problems);
    if (print_problems(problems, terminal_) || parts.mapping == nullptr) return kExitUsage;
    parts.context = sink_context(config_, parts.mapping->spec(), run_id_);
    auto made = make_sinks(specs_, config_, parts.context);
    if (!made) return wrong(made.error());
    parts.sinks = std::move(*made);
    parts.state = state.file;
    parts.dead_letters = letters_;
    stages::ResyncOptions options = resync_options(config_);
    options.log = [this](stages::LogLevel level, std::string_view message) { logger_.log(level, message); };
    auto replayed = stages::replay(std::move(parts), std::move(options), *letters, stop_);
    if (!replayed) {
      return replayed.error().kind == ErrorKind::kConfig ? wrong(replayed.error()) : failed(replayed.error());
    }
    for (const pipeline::ErrorReport& error : replayed->errors) {
      terminal_.print(fmt::format("  {} {} {}: {}", error.stage, error.kind, error.identifier, error.message));
    }
    terminal_.print(fmt::format("{} of {} dead letters settled", replayed->settled, letters->size()));
    if (!replayed->sink_error.empty()) {
      terminal_.print("riptide: " + replayed->sink_error);
      return kExitSinkFailed;
    }
    return replayed->failed == 0 ? kExitComplete : kExitStillThere;
  }

  const DlqFlags& flags_;
  const Config& config_;
  Terminal& terminal_;
  Logger& logger_;
  pipeline::Stop& stop_;
  const std::string run_id_ = pipeline::new_run_id();
  DeadLetters::Filter filter_;
  std::vector<sinks::SinkSpec> specs_;
  std::shared_ptr<DeadLetters> letters_;
};

}  // namespace

DeadLetters::Options letter_options(const Config& config, const Terminal& terminal) {
  return {.max_bytes = config.bytes("riptide.dead_letters"),
          .redact = [&terminal](std::string text) { return terminal.redacted(std::move(text)); }};
}

int run_dlq(const DlqFlags& flags) {
  ::prctl(PR_SET_DUMPABLE, 0);  // a core file would hold the secrets
  Terminal terminal(2);
  use_two_heaps();
  const stages::HttpRuntime http;
  std::vector<Problem> problems;
  ConfigSources sources = gather_sources(flags.common.config, problems);
  sources.flags = settings_of(flags.common);
  const ConfigReading reading = read_config(sources, {.type = true, .source = ConfigNeeds::Missing::kPlaceholder});
  problems.insert(problems.end(), reading.problems.begin(), reading.problems.end());
  if (print_problems(problems, terminal)) return kExitUsage;
  terminal.hide(reading.config.secrets());
  Logger logger(terminal, reading.config.text("application.log_level"),
                flags.common.log_format == "json" ? LogFormat::kJson : LogFormat::kText);
  pipeline::Stop stop;
  const SignalThread signals(stop, nullptr, nullptr);
  return Dlq(flags, reading.config, terminal, logger, stop).run();
}

}  // namespace riptide::cli
