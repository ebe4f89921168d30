#include "resumption.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

namespace riptide::stages {
namespace {

using pipeline::unexpected;

Error not_to_be_resumed(std::string_view why) {
  return Error(ErrorKind::kConfig,
               fmt::format("the run before cannot be gone on with: {}: run without --resume to read everything", why));
}

std::string names_of(const SinkLanes& lanes) {
  std::string names;
  for (const auto& lane : lanes) names += lane->catalogue_name() + "\n";
  return names;
}

std::string tail_path(const RunState& state) { return state.state_file->path() + ".tail"; }

std::uint64_t nonce_of(const UnfinishedRun& run) {
  return run.run_ids.empty() ? 0 : pipeline::digest_of(run.run_ids.front()).low;
}

/// What was delivered after the journal was written last, in the journal's terms.
struct TailNotes {
  Journal::Progress progress;
  std::vector<ScopeEntry> scopes;  ///< That the journal did not have yet.
};

TailNotes notes_of_tail(const std::string& path, std::uint64_t nonce, const std::vector<ScopeEntry>& known) {
  TailNotes notes;
  std::unordered_map<std::string, std::uint32_t> ids;
  for (const ScopeEntry& scope : known) ids.emplace(key_of(*scope.spec), scope.id);
  JournalTail::read(path, nonce, [&](std::string_view note) {
    Unpacker in(note);
    auto scope = unpacked_scope(0, in.text());
    if (!scope || !in.good()) return;
    const auto [found, is_new] = ids.emplace(key_of(*scope->spec), static_cast<std::uint32_t>(ids.size()));
    if (is_new) {
      scope->id = found->second;
      notes.progress.scopes.emplace_back(scope->id, packed(*scope));
      notes.scopes.push_back(std::move(*scope));
    }
    // As good as the note: its digest was right.
    (void)visit_seen(in.rest(), [&](std::uint32_t, std::uint32_t resource, const SeenEntry& entry) {
      pack_seen(found->second, resource, {entry}, notes.progress.seen);
    }).has_value();
  });
  return notes;
}

bool knows_resources(const ScopeEntry& scope, std::size_t resources) {
  const auto known = [resources](std::uint32_t resource) { return resource < resources; };
  return std::all_of(scope.spec->resources.begin(), scope.spec->resources.end(), known) &&
         std::all_of(scope.spec->dependents.begin(), scope.spec->dependents.end(), known);
}

}  // namespace

Result<void> Resumption::begin(ScopeBook& book, const SinkLanes& lanes) {
  if (state_.state_file == nullptr) return {};
  auto opened = Journal::open(*state_.state_file);
  if (!opened) return unexpected(std::move(opened).error());
  Journal& journal = **opened;
  auto unfinished = journal.unfinished();
  if (!unfinished) return unexpected(std::move(unfinished).error());
  const bool resume = plan_ && plan_->resume;
  if (*unfinished && !resume) {
    const std::string& run = (*unfinished)->run_ids.empty() ? std::string() : (*unfinished)->run_ids.back();
    state_.say(LogLevel::kInfo, fmt::format("run {} did not come to its end: it is forgotten, and everything is read{}",
                                            run, plan_ ? "; --resume goes on from such a run" : ""));
  }
  if (!plan_) return *unfinished ? journal.remove() : Result<void>();

  const std::size_t resources = state_.context.kinds.size();
  SettledCounts counts(resources, lanes.size());
  std::vector<ScopeEntry> scopes;
  std::vector<std::uint32_t> numbers;
  std::uint64_t nonce = 0;
  if (resume && *unfinished) {
    if (auto taken = take_over(journal, **unfinished, book, lanes, counts, scopes, numbers); !taken) return taken;
    nonce = nonce_of(**unfinished);
  } else {
    if (resume) state_.say(LogLevel::kInfo, "there is no unfinished run to go on from: everything is read");
    UnfinishedRun run;
    run.run_ids = {state_.context.run_id};
    run.begun = plan_->begun;
    run.terms = plan_->terms;
    run.catalogues = names_of(lanes);
    // With an older journal left in its place, --resume would go on from the wrong run.
    if (auto begun = journal.begin(run, counts); !begun) return unexpected(std::move(begun).error());
    nonce = nonce_of(run);
  }
  recorder_ = std::make_unique<JournalRecorder>(
      std::move(*opened), std::move(counts),
      JournalRecorder::Options{.warn = [this](std::string text) { state_.note(std::move(text)); },
                               .before_write = [this] { state_.flush_letters(); },
                               .tail = tail_path(state_),
                               .nonce = nonce});
  recorder_->restore(std::move(scopes), numbers);
  state_.tickets = std::make_unique<PageTickets>(lanes.size(), recorder_.get());
  begun_.store(true, std::memory_order_release);
  return {};
}

Result<void> Resumption::take_over(Journal& journal, const UnfinishedRun& run, ScopeBook& book, const SinkLanes& lanes,
                                   SettledCounts& counts, std::vector<ScopeEntry>& scopes,
                                   std::vector<std::uint32_t>& numbers) {
  if (run.catalogues != names_of(lanes)) {
    return unexpected(not_to_be_resumed("its catalogue was removed or replaced since then"));
  }
  const auto damaged = [](Error error) {
    return error.kind == ErrorKind::kMalformed ? not_to_be_resumed(error.message) : error;
  };
  auto found_counts = journal.counts(counts.read.size(), lanes.size());
  if (!found_counts) return unexpected(damaged(std::move(found_counts).error()));
  auto found_scopes = journal.scopes();
  if (!found_scopes) return unexpected(damaged(std::move(found_scopes).error()));
  TailNotes tail = notes_of_tail(tail_path(state_), nonce_of(run), *found_scopes);
  for (ScopeEntry& scope : tail.scopes) found_scopes->push_back(std::move(scope));
  // The tail is made anew with this run: what is in it must be in the journal before.
  tail.progress.counts = packed(*found_counts);
  if (auto entered = journal.enter(tail.progress); !entered) return entered;
  for (ScopeEntry& scope : *found_scopes) {
    if (!knows_resources(scope, counts.read.size())) return unexpected(not_to_be_resumed("its journal is damaged"));
    keep_what_can_be_resumed(scope);
  }
  counts = std::move(*found_counts);
  scopes = std::move(*found_scopes);
  numbers = book.restore(scopes);
  bool known = true;
  auto seen = journal.seen([&](std::uint32_t scope, std::uint32_t resource, const SeenEntry& entry) {
    if (scope < numbers.size() && resource < counts.read.size()) {
      state_.seen.note(entry.identity, state_.repeat_scope(numbers[scope], resource), entry.contents);
    } else {
      known = false;
    }
  });
  if (!seen) return unexpected(damaged(std::move(seen).error()));
  if (!known) return unexpected(not_to_be_resumed("its journal is damaged"));
  carry(counts, lanes);
  resumed_.run_ids = run.run_ids;
  if (auto entered = journal.go_on(state_.context.run_id); !entered) return entered;
  state_.say(LogLevel::kInfo, fmt::format("goes on from run {}: {} pages with {} records are settled",
                                          run.run_ids.front(), resumed_.pages, resumed_.records));
  return {};
}

void Resumption::carry(const SettledCounts& counts, const SinkLanes& lanes) {
  for (std::uint32_t resource = 0; resource < counts.read.size(); ++resource) {
    const SettledCounts::Read& read = counts.read[resource];
    state_.ledger.carry(resource, read.pages, read.records, read.bytes, read.tally);
    resumed_.pages += read.pages;
    resumed_.records += read.records;
  }
  for (std::size_t sink = 0; sink < lanes.size(); ++sink) {
    pipeline::SinkReport& report = resumed_.sinks.emplace_back();
    report.sink = lanes[sink]->sink().spec();
    for (const std::uint32_t resource : state_.options.resources) {
      const SettledCounts::Sunk& sunk = counts.sunk[sink][resource];
      lanes[sink]->carry(resource, sunk.tally, sunk.bytes_out);
      pipeline::SinkKindReport row;
      row.kind = state_.kind_of(resource);
      row.index = resource;
      row.tally = counts.read[resource].tally;
      row.tally += sunk.tally;
      row.bytes_out = sunk.bytes_out;
      report.kinds.push_back(std::move(row));
    }
  }
}

void Resumption::end_letters(bool complete, const pipeline::RunReport& report) {
  if (!state_.letters) return;
  state_.flush_letters();
  // A guard, or a run without deletion, read everything too.
  if (complete && report.exit_code != 4) {
    std::vector<std::string> runs = resumed_.run_ids;
    runs.push_back(state_.context.run_id);
    std::vector<std::string> kinds;
    for (const std::uint32_t resource : state_.options.resources) kinds.push_back(state_.kind_of(resource));
    std::vector<std::string> sinks;
    for (const pipeline::SinkReport& sink : report.sinks) sinks.push_back(sink.sink);
    if (auto done = state_.letters->forget_earlier(runs, kinds, sinks); !done) {
      state_.note("old dead letters could not be removed: " + done.error().message);
    }
  }
  if (const std::uint64_t trimmed = state_.letters->trimmed(); trimmed != 0) {
    state_.note(fmt::format("{} dead letters were dropped, the oldest first, to stay within their bound", trimmed));
  }
}

void Resumption::finish(bool complete, pipeline::RunReport& report) {
  report.resumed = resumed_;
  end_letters(complete, report);
  if (!recorder_) return;
  recorder_->finish(complete ? JournalRecorder::End::kComplete : JournalRecorder::End::kUnfinished);
  begun_.store(!complete, std::memory_order_release);
}

}  // namespace riptide::stages
