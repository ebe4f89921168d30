#include "riptide/stages/journal.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <array>

#include "journal/entries.hpp"
#include "riptide/pipeline/check.hpp"

namespace riptide::stages {
namespace {

using pipeline::unexpected;
using state::Database;
using state::Statement;
using state::Transaction;

constexpr std::array<std::string_view, 1> kSteps = {R"sql(
CREATE TABLE journal(
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  run_ids    TEXT NOT NULL,
  begun      INTEGER NOT NULL,
  version    TEXT NOT NULL,
  mapping    TEXT NOT NULL,
  source     TEXT NOT NULL,
  selection  TEXT NOT NULL,
  sinks      TEXT NOT NULL,
  boot       TEXT NOT NULL,
  catalogues TEXT NOT NULL,
  counts     BLOB NOT NULL
);
CREATE TABLE journal_scopes(
  id    INTEGER PRIMARY KEY,
  entry BLOB NOT NULL
);
CREATE TABLE journal_seen(
  part       INTEGER PRIMARY KEY,
  identities BLOB NOT NULL
);
)sql"};
constexpr state::Schema kSchema{"journal", kSteps};

constexpr std::string_view kForget = "DELETE FROM journal; DELETE FROM journal_scopes; DELETE FROM journal_seen";

/// Bytes with a digest behind them, so that damage is found.
std::string sealed(std::string bytes) {
  const std::uint64_t digest = XXH3_64bits(bytes.data(), bytes.size());
  Packer(bytes).word(digest);
  return bytes;
}

Result<std::string_view> unsealed(std::string_view bytes) {
  constexpr std::size_t kSeal = 8;
  if (bytes.size() >= kSeal) {
    const std::string_view inside = bytes.substr(0, bytes.size() - kSeal);
    if (Unpacker(bytes.substr(inside.size())).word() == XXH3_64bits(inside.data(), inside.size())) return inside;
  }
  return unexpected(ErrorKind::kMalformed, "the journal is damaged");
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

}  // namespace

std::string obstacle_to_resume(const UnfinishedRun& run, const JournalTerms& terms, std::int64_t now) {
  const std::int64_t age = now - run.begun;
  const auto most = std::chrono::duration_cast<std::chrono::seconds>(Journal::kMostAge).count();
  if (age > most) {
    return fmt::format("it began {} hours ago, and what was read then is too old after {}", age / 3600,
                       Journal::kMostAge.count());
  }
  if (age < -most) return "it began in the future, by this machine's clock";
  const JournalTerms& then = run.terms;
  if (then.version != terms.version) {
    return fmt::format("riptide {} began it, and this is {}", then.version, terms.version);
  }
  if (then.source != terms.source) return "the source's settings are others now";
  if (then.mapping != terms.mapping) return "the mapping is another one now";
  if (then.selection != terms.selection) return "other kinds were read";
  if (then.sinks != terms.sinks) return fmt::format("its sinks were others: {}", then.sinks);
  if (then.boot != terms.boot) {
    return "this machine went down since then, and the sink's file may have lost what it wrote last";
  }
  return {};
}

struct Journal::State {
  std::unique_ptr<Database> database;
  Statement scope;
  Statement seen;
  Statement counts;
};

Journal::Journal(std::unique_ptr<State> state) : state_(std::move(state)) {}
Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::open(const state::StateFile& file) {
  auto state = std::make_unique<State>();
  auto connected = file.connect();
  if (!connected) return unexpected(std::move(connected).error());
  state->database = std::move(*connected);
  if (auto prepared = file.prepare(*state->database, kSchema); !prepared) {
    return unexpected(std::move(prepared).error());
  }
  const auto compile = [&state](std::string_view sql, Statement& out) -> Result<void> {
    auto statement = state->database->prepare(sql);
    if (!statement) return unexpected(std::move(statement).error());
    out = std::move(*statement);
    return {};
  };
  if (auto done = compile("INSERT OR REPLACE INTO journal_scopes(id, entry) VALUES(?1, ?2)", state->scope); !done) {
    return unexpected(std::move(done).error());
  }
  if (auto done = compile("INSERT INTO journal_seen(identities) VALUES(?1)", state->seen); !done) {
    return unexpected(std::move(done).error());
  }
  if (auto done = compile("UPDATE journal SET counts = ?1", state->counts); !done) {
    return unexpected(std::move(done).error());
  }
  return std::unique_ptr<Journal>(new Journal(std::move(state)));
}

Result<std::optional<UnfinishedRun>> Journal::unfinished() {
  auto row = state_->database->prepare(
      "SELECT run_ids, begun, version, mapping, source, selection, sinks, boot, catalogues FROM journal");
  if (!row) return unexpected(std::move(row).error());
  auto there = row->step();
  if (!there) return unexpected(std::move(there).error());
  if (!*there) return std::optional<UnfinishedRun>();
  UnfinishedRun run;
  run.run_ids = lines_of(row->text(0));
  run.begun = row->integer(1);
  run.terms.version = row->text(2);
  run.terms.mapping = row->text(3);
  run.terms.source = row->text(4);
  run.terms.selection = row->text(5);
  run.terms.sinks = row->text(6);
  run.terms.boot = row->text(7);
  run.catalogues = row->text(8);
  return std::optional(std::move(run));
}

Result<void> Journal::begin(const UnfinishedRun& run, const SettledCounts& nothing) {
  auto transaction = Transaction::begin(*state_->database);
  if (!transaction) return unexpected(std::move(transaction).error());
  if (auto done = state_->database->run(std::string(kForget)); !done) return done;
  auto row = state_->database->prepare(
      "INSERT INTO journal(one, run_ids, begun, version, mapping, source, selection, sinks, boot, catalogues, counts) "
      "VALUES(1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
  if (!row) return unexpected(std::move(row).error());
  const std::string run_ids = fmt::format("{}", fmt::join(run.run_ids, "\n"));
  const std::string counts = sealed(packed(nothing));
  row->bind(1, std::string_view(run_ids));
  row->bind_integer(2, run.begun);
  row->bind(3, std::string_view(run.terms.version));
  row->bind(4, std::string_view(run.terms.mapping));
  row->bind(5, std::string_view(run.terms.source));
  row->bind(6, std::string_view(run.terms.selection));
  row->bind(7, std::string_view(run.terms.sinks));
  row->bind(8, std::string_view(run.terms.boot));
  row->bind(9, std::string_view(run.catalogues));
  row->bind_bytes(10, counts);
  if (auto done = row->run(); !done) return done;
  return transaction->commit();
}

Result<void> Journal::go_on(const std::string& run_id) {
  auto row = state_->database->prepare("UPDATE journal SET run_ids = run_ids || char(10) || ?1");
  if (!row) return unexpected(std::move(row).error());
  row->bind(1, std::string_view(run_id));
  return row->run();
}

Result<void> Journal::remove() {
  auto transaction = Transaction::begin(*state_->database);
  if (!transaction) return unexpected(std::move(transaction).error());
  if (auto done = state_->database->run(std::string(kForget)); !done) return done;
  return transaction->commit();
}

Result<std::vector<ScopeEntry>> Journal::scopes() {
  auto row = state_->database->prepare("SELECT id, entry FROM journal_scopes ORDER BY id");
  if (!row) return unexpected(std::move(row).error());
  std::vector<ScopeEntry> scopes;
  while (true) {
    auto there = row->step();
    if (!there) return unexpected(std::move(there).error());
    if (!*there) return scopes;
    const std::int64_t id = row->integer(0);
    auto bytes = unsealed(row->bytes(1));
    if (!bytes) return unexpected(std::move(bytes).error());
    // Ids count up from 0.
    if (id != static_cast<std::int64_t>(scopes.size())) {
      return unexpected(ErrorKind::kMalformed, "the journal's scopes are not complete");
    }
    auto scope = unpacked_scope(static_cast<std::uint32_t>(id), *bytes);
    if (!scope) return unexpected(std::move(scope).error());
    scopes.push_back(std::move(*scope));
  }
}

Result<SettledCounts> Journal::counts(std::size_t resources, std::size_t sinks) {
  auto row = state_->database->prepare("SELECT counts FROM journal");
  if (!row) return unexpected(std::move(row).error());
  auto there = row->step();
  if (!there) return unexpected(std::move(there).error());
  if (!*there) return SettledCounts(resources, sinks);
  auto bytes = unsealed(row->bytes(0));
  if (!bytes) return unexpected(std::move(bytes).error());
  return unpacked_counts(*bytes, resources, sinks);
}

Result<void> Journal::seen(const std::function<void(std::uint32_t, std::uint32_t, const SeenEntry&)>& visit) {
  auto row = state_->database->prepare("SELECT identities FROM journal_seen ORDER BY part");
  if (!row) return unexpected(std::move(row).error());
  while (true) {
    auto there = row->step();
    if (!there) return unexpected(std::move(there).error());
    if (!*there) return {};
    auto bytes = unsealed(row->bytes(0));
    if (!bytes) return unexpected(std::move(bytes).error());
    if (auto visited = visit_seen(*bytes, visit); !visited) return visited;
  }
}

Result<void> Journal::enter(const Progress& progress) {
  auto transaction = Transaction::begin(*state_->database);
  if (!transaction) return unexpected(std::move(transaction).error());
  for (const auto& [id, entry] : progress.scopes) {
    const std::string bytes = sealed(entry);
    state_->scope.bind_integer(1, id);
    state_->scope.bind_bytes(2, bytes);
    if (auto done = state_->scope.run(); !done) return done;
  }
  if (!progress.seen.empty()) {
    const std::string bytes = sealed(progress.seen);
    state_->seen.bind_bytes(1, bytes);
    if (auto done = state_->seen.run(); !done) return done;
  }
  const std::string counts = sealed(progress.counts);
  state_->counts.bind_bytes(1, counts);
  if (auto done = state_->counts.run(); !done) return done;
  return transaction->commit();
}

}  // namespace riptide::stages
