// `riptide state` and `riptide runs`: what is remembered between runs.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <random>

#include "riptide/cli/logging.hpp"
#include "riptide/cli/numbers.hpp"
#include "riptide/cli/port_wiring.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/signals.hpp"
#include "riptide/cli/state_wiring.hpp"
#include "riptide/cli/summary.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/json/document.hpp"
#include "riptide/pipeline/run_id.hpp"
#include "riptide/stages/remembered_pages.hpp"
#include "riptide/stages/verify_state.hpp"
#include "riptide/state/digest_store.hpp"
#include "riptide/state/run_history.hpp"
#include "riptide/state/sent_fields.hpp"

namespace riptide::cli {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;

constexpr int kExitDrift = 1;

// The configuration and the place of the state file, or an exit code.
struct Found {
  std::optional<int> exit_code;
  ConfigReading reading;
  std::string path;
};

Found find(const StateFileFlags& flags, Terminal& terminal) {
  Found found;
  std::vector<Problem> problems;
  ConfigSources sources = gather_sources(flags.common.config, problems);
  sources.flags = settings_of(flags.common);
  found.reading = read_config(sources, {});
  // A file that is named needs no configuration to be looked at.
  if (!flags.state.empty()) {
    found.path = flags.state;
    return found;
  }
  problems.insert(problems.end(), found.reading.problems.begin(), found.reading.problems.end());
  std::vector<sinks::SinkSpec> specs;
  if (!any_error(problems)) specs = choose_sinks(flags.sinks, found.reading.config, problems);
  if (print_problems(problems, terminal)) {
    found.exit_code = kExitUsage;
    return found;
  }
  const auto place = place_of_state("", state_home_of_user(), specs, found.reading.config);
  if (!place) {
    terminal.print(
        "riptide: nothing is remembered of this sink, or neither XDG_STATE_HOME nor HOME says where: name a "
        "file with --state");
    found.exit_code = kExitUsage;
    return found;
  }
  found.path = place->path;
  return found;
}

int fail(Terminal& terminal, const Error& error) {
  terminal.print("riptide: " + error.message);
  switch (error.kind) {
    case ErrorKind::kConfig:
      return kExitUsage;
    case ErrorKind::kMalformed:
    case ErrorKind::kLimit:
    case ErrorKind::kAuth:
    case ErrorKind::kNotFound:
    case ErrorKind::kRateLimited:
    case ErrorKind::kTransport:
    case ErrorKind::kRejected:
    case ErrorKind::kStopped:
    case ErrorKind::kInternal:
      break;
  }
  return kExitSinkFailed;
}

void print_data(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int show(const StateFlags& flags, const std::string& path, Terminal& terminal) {
  auto file = state::StateFile::open_existing(path);
  if (!file) {
    if (file.error().kind != ErrorKind::kNotFound) return fail(terminal, file.error());
    if (flags.json) {
      print_data(fmt::format("{{\"file\":{},\"exists\":false}}\n", json::quoted(path)));
    } else {
      print_data("nothing is remembered: there is no " + path + "\n");
    }
    return kExitComplete;
  }
  auto history = state::RunHistory::open(*file);
  if (!history) return fail(terminal, history.error());
  auto runs = history->all();
  if (!runs) return fail(terminal, runs.error());
  auto store = state::DigestStore::open(*file, {.use = state::DigestStore::Options::Use::kLook});
  if (!store) return fail(terminal, store.error());
  std::map<std::string, std::uint64_t> by_kind;
  std::map<std::uint32_t, std::string> kinds;
  std::uint64_t entities = 0;
  auto walked = (*store)->each([&](const state::DigestStore::Known& known) {
    ++entities;
    const auto [at, is_new] = kinds.try_emplace(known.scope);
    if (is_new) at->second = (*store)->scope_name(known.scope).first;
    ++by_kind[at->second];
  });
  if (!walked) return fail(terminal, walked.error());
  std::error_code none;
  const auto size = std::filesystem::file_size(path, none);
  const auto holder = state::WriterLock::holder_of(file->lock_path());
  if (flags.json) {
    std::string out =
        fmt::format("{{\"file\":{},\"exists\":true,\"target\":{},\"integration\":{},\"bytes\":{},\"entities\":{}",
                    json::quoted(path), json::quoted(file->owner().target), json::quoted(file->owner().integration),
                    size, entities);
    out += ",\"kinds\":{";
    for (const auto& [kind, count] : by_kind)
      out += fmt::format("{}{}:{}", out.back() == '{' ? "" : ",", json::quoted(kind), count);
    out += fmt::format("}},\"runs\":{}", runs->size());
    if (holder) {
      out += fmt::format(",\"writer\":{{\"pid\":{},\"run_id\":{},\"since\":{}}}", holder->pid,
                         json::quoted(holder->run_id), json::quoted(holder->since));
    }
    print_data(out + "}\n");
    return kExitComplete;
  }
  std::string out =
      fmt::format("file         {} ({})\ntarget       {}\nintegration  {}\nentities     {}\n", path,
                  readable_bytes(size), file->owner().target, file->owner().integration, grouped(entities));
  for (const auto& [kind, count] : by_kind) out += fmt::format("  {:<20} {:>12}\n", kind, grouped(count));
  out += fmt::format("runs         {}{}\n", runs->size(),
                     runs->empty() ? "" : ", the last " + runs->front().started_at + " (" + runs->front().status + ")");
  if (holder) {
    out += fmt::format("writer       pid {}, run {}, since {}\n", holder->pid, holder->run_id, holder->since);
  }
  print_data(out);
  return kExitComplete;
}

int reset(const std::string& path, Terminal& terminal) {
  std::error_code none;
  if (!std::filesystem::exists(path, none)) {
    terminal.print("nothing was remembered: there is no " + path);
    return kExitComplete;
  }
  const auto lock =
      state::WriterLock::take(state::StateFile::lock_path_of(path), {::getpid(), "state reset", utc_now()});
  if (!lock) return fail(terminal, lock.error());
  if (auto pages = stages::RememberedPages::remove(remembered_pages_path(path)); !pages) {
    return fail(terminal, pages.error());
  }
  auto removed = state::StateFile::remove(path);
  if (!removed) return fail(terminal, removed.error());
  terminal.print("forgotten: " + path + "; the next run sends everything");
  return kExitComplete;
}

std::string text_of(const stages::StateDrift& drift) {
  constexpr std::size_t kMostShown = 20;
  std::string out = fmt::format("remembered   {:>12}\nlisted       {:>12}\nthere        {:>12}\n",
                                grouped(drift.remembered), grouped(drift.listed), grouped(drift.there));
  out += fmt::format("missing      {:>12}  the next run sends them again\n", grouped(drift.missing));
  out += fmt::format("extra        {:>12}  owned by this integration, but nothing is remembered of them\n",
                     grouped(drift.extra));
  out += fmt::format("compared     {:>12}  {}\n", grouped(drift.compared),
                     drift.how.sample ? fmt::format("a sample of {}, seed {}; --all compares the rest",
                                                    grouped(*drift.how.sample), drift.how.seed)
                                      : "all");
  if (drift.not_kept != 0) {
    out += fmt::format("not compared {:>12}  sent before their contents were kept\n", grouped(drift.not_kept));
  }
  out += fmt::format("changed      {:>12}\n", grouped(drift.changed));
  for (std::size_t i = 0; i < drift.entities.size() && i < kMostShown; ++i) {
    const stages::EntityDrift& entity = drift.entities[i];
    out += fmt::format("  {}: {}", to_string(entity.what),
                       entity.identifier.empty() ? fmt::format("a {} of {}", entity.kind, entity.partition)
                                                 : entity.blueprint + "/" + entity.identifier);
    if (!entity.fields.empty()) out += fmt::format(" ({})", fmt::join(entity.fields, ", "));
    out += '\n';
  }
  if (drift.total() > kMostShown) out += fmt::format("  ... of {}; --json names more\n", grouped(drift.total()));
  return out;
}

int verify(const StateFlags& flags, const Found& found, Terminal& terminal, pipeline::Stop& stop) {
  const Config& config = found.reading.config;
  if (print_problems(found.reading.problems, terminal)) return kExitUsage;
  terminal.hide(config.secrets());
  auto file = state::StateFile::open_existing(found.path);
  if (!file) {
    if (file.error().kind != ErrorKind::kNotFound) return fail(terminal, file.error());
    terminal.print("nothing is remembered: there is no " + found.path);
    return kExitComplete;
  }
  if (!file->owner().target.starts_with("port:")) {
    terminal.print("riptide: only of Port is remembered what it has; " + file->owner().target + " compares for itself");
    return kExitUsage;
  }
  auto store = state::DigestStore::open(*file, {.use = state::DigestStore::Options::Use::kLook});
  if (!store) return fail(terminal, store.error());
  stages::SinkContext context;
  context.integration = config.identifier();
  context.integration_type = config.type();
  context.run_id = pipeline::new_run_id();
  auto sink = make_port_sink(config, context, nullptr);
  if (!sink) return fail(terminal, sink.error());
  auto* const remote = dynamic_cast<stages::RemoteSink*>(sink->get());
  auto fields = state::SentFieldsReader::open(*file);
  if (!fields) return fail(terminal, fields.error());
  stages::Verify how;
  if (flags.all) {
    how.sample.reset();
  } else {
    how.sample = flags.sample.value_or(stages::Verify::kUsualSample);
    how.seed = flags.seed ? *flags.seed : std::random_device()();
  }
  auto drift = stages::verify_state(*remote, resync_options(config), **store, **fields, how, stop);
  if (!drift) return fail(terminal, drift.error());
  print_data(flags.json ? stages::to_json(*drift) : text_of(*drift));
  return drift->total() != 0 ? kExitDrift : kExitComplete;
}

std::string row_of(const state::PastRun& run) {
  return fmt::format("{:<36}  {:<20}  {:>9.1f}  {:>4}  {:<10}  {:>10}  {:>9}  {:>9}  {:>10}  {:>8}  {:>8}\n",
                     run.run_id, run.started_at, run.seconds, run.exit_code, run.status, run.counts.read,
                     run.counts.created, run.counts.updated, run.counts.unchanged, run.counts.rejected,
                     run.counts.deleted);
}

}  // namespace

int run_state(const StateFlags& flags) {
  Terminal terminal(2);
  const Found found = find(flags.file, terminal);
  if (found.exit_code) return *found.exit_code;
  if (flags.action == "show") return show(flags, found.path, terminal);
  if (flags.action == "reset") return reset(found.path, terminal);
  const stages::HttpRuntime http;
  pipeline::Stop stop;
  const SignalThread signals(
      stop, [](int) {}, [] {});
  const int code = verify(flags, found, terminal, stop);
  return signals.first() != 0 ? 128 + signals.first() : code;
}

int run_runs(const RunsFlags& flags) {
  Terminal terminal(2);
  const Found found = find(flags.file, terminal);
  if (found.exit_code) return *found.exit_code;
  auto file = state::StateFile::open_existing(found.path);
  if (!file) {
    if (file.error().kind != ErrorKind::kNotFound) return fail(terminal, file.error());
    terminal.print("there were no runs: there is no " + found.path);
    return flags.run_id.empty() ? kExitComplete : kExitUsage;
  }
  auto history = state::RunHistory::open(*file);
  if (!history) return fail(terminal, history.error());
  if (!flags.run_id.empty()) {
    auto report = history->report(flags.run_id);
    if (!report) return fail(terminal, report.error());
    if (!*report) {
      terminal.print("riptide: there is no run " + flags.run_id + " among the last " +
                     std::to_string(state::RunHistory::kMost));
      return kExitUsage;
    }
    print_data(**report);
    return kExitComplete;
  }
  auto runs = history->all();
  if (!runs) return fail(terminal, runs.error());
  std::string out = fmt::format("{:<36}  {:<20}  {:>9}  {:>4}  {:<10}  {:>10}  {:>9}  {:>9}  {:>10}  {:>8}  {:>8}\n",
                                "run", "started", "seconds", "exit", "status", "read", "created", "updated",
                                "unchanged", "rejected", "deleted");
  for (const state::PastRun& run : *runs) out += row_of(run);
  print_data(out);
  return kExitComplete;
}

}  // namespace riptide::cli
