#include "riptide/stages/dead_letters.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <set>
#include <utility>
#include <variant>

#include "riptide/json/document.hpp"

namespace riptide::stages {
namespace {

using pipeline::Result;
using pipeline::unexpected;
using state::Database;
using state::Statement;
using state::Transaction;

constexpr std::size_t kMostWaitingBytes = 4u << 20;
/// What a letter takes beside its bytes, about.
constexpr std::size_t kLetterBytes = 512;

constexpr std::array<std::string_view, 1> kSteps = {R"sql(
CREATE TABLE dead_letters(
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  key        BLOB NOT NULL UNIQUE,
  stage      TEXT NOT NULL,
  kind       TEXT NOT NULL,
  resource   INTEGER NOT NULL,
  scope      TEXT NOT NULL,
  sink       TEXT NOT NULL,
  blueprint  TEXT NOT NULL,
  identifier TEXT NOT NULL,
  reason     TEXT NOT NULL,
  url        TEXT NOT NULL,
  request_id TEXT NOT NULL,
  at         TEXT NOT NULL,
  run_id     TEXT NOT NULL,
  bytes      BLOB NOT NULL,
  size       INTEGER NOT NULL
);
CREATE INDEX dead_letters_by_age ON dead_letters(at, id);
)sql"};
constexpr state::Schema kSchema{"dead_letters", kSteps};

constexpr std::string_view kInsert =
    "INSERT INTO dead_letters(key, stage, kind, resource, scope, sink, blueprint, identifier, reason, url, request_id, "
    "at, run_id, bytes, size) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) "
    "ON CONFLICT(key) DO UPDATE SET kind = excluded.kind, resource = excluded.resource, scope = excluded.scope, "
    "reason = excluded.reason, url = excluded.url, request_id = excluded.request_id, at = excluded.at, "
    "run_id = excluded.run_id, bytes = excluded.bytes, size = excluded.size";
constexpr std::string_view kSelect =
    "SELECT id, stage, kind, resource, scope, sink, blueprint, identifier, reason, url, request_id, at, run_id, bytes "
    "FROM dead_letters";

std::string bytes_of(const pipeline::Digest& digest) {
  std::string bytes;
  for (const std::uint64_t word : {digest.low, digest.high}) {
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(word >> shift & 0xFF));
  }
  return bytes;
}

// An entity's letter is named by identity and sink; a record's by its text, which is all that is known of it.
std::string entity_key(const pipeline::Digest& identity, std::string_view sink) {
  return "u" + bytes_of(identity) + bytes_of(pipeline::digest_of(sink));
}
std::string record_key(const DeadLetter& letter) {
  return "t" +
         bytes_of(pipeline::digest_of(letter.kind + "\n" + std::to_string(letter.resource) + "\n" + letter.scope)) +
         bytes_of(pipeline::digest_of(letter.bytes));
}

}  // namespace

struct DeadLetters::State {
  struct Delivered {
    std::string key;
  };
  using Waiting = std::variant<DeadLetter, Delivered>;

  Options options;

  std::mutex mutex;  ///< Guards the next three. Taken after `writing`, never before.
  std::deque<Waiting> waiting;
  std::size_t waiting_bytes = 0;
  std::set<std::string> entities;  ///< Keys of letters of entities.

  std::mutex writing;  ///< Guards the database.
  std::unique_ptr<Database> database;
  Statement insert;
  Statement remove;
};

DeadLetters::DeadLetters(std::unique_ptr<State> state) : state_(std::move(state)) {}
DeadLetters::~DeadLetters() = default;

Result<std::unique_ptr<DeadLetters>> DeadLetters::open(const state::StateFile& file, Options options) {
  auto state = std::make_unique<State>();
  state->options = std::move(options);
  auto connected = file.connect();
  if (!connected) return unexpected(std::move(connected).error());
  state->database = std::move(*connected);
  Database& database = *state->database;
  if (auto prepared = file.prepare(database, kSchema); !prepared) return unexpected(std::move(prepared).error());
  auto insert = database.prepare(kInsert);
  if (!insert) return unexpected(std::move(insert).error());
  state->insert = std::move(*insert);
  auto remove = database.prepare("DELETE FROM dead_letters WHERE key = ?1");
  if (!remove) return unexpected(std::move(remove).error());
  state->remove = std::move(*remove);
  auto keys = database.prepare("SELECT key FROM dead_letters WHERE stage = 'upload'");
  if (!keys) return unexpected(std::move(keys).error());
  while (true) {
    auto row = keys->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) break;
    state->entities.emplace(keys->bytes(0));
  }
  *keys = Statement();
  const bool any = !state->entities.empty();
  std::unique_ptr<DeadLetters> letters(new DeadLetters(std::move(state)));
  letters->has_entities_.store(any, std::memory_order_release);
  return letters;
}

void DeadLetters::add(DeadLetter letter) {
  if (state_->options.redact) {
    for (std::string* text : {&letter.reason, &letter.url, &letter.bytes, &letter.identifier}) {
      *text = state_->options.redact(std::move(*text));
    }
  }
  const std::lock_guard lock(state_->mutex);
  if (letter.stage == "upload") {
    state_->entities.insert(entity_key(letter.identity, letter.sink));
    has_entities_.store(true, std::memory_order_release);
  }
  state_->waiting_bytes += letter.bytes.size() + kLetterBytes;
  state_->waiting.emplace_back(std::move(letter));
  while (state_->waiting_bytes > kMostWaitingBytes && state_->waiting.size() > 1) {
    if (const auto* oldest = std::get_if<DeadLetter>(&state_->waiting.front())) {
      state_->waiting_bytes -= oldest->bytes.size() + kLetterBytes;
      trimmed_.fetch_add(1, std::memory_order_relaxed);
    }
    state_->waiting.pop_front();
  }
}

void DeadLetters::delivered(const pipeline::Digest& identity, std::string_view sink) {
  std::string key = entity_key(identity, sink);
  const std::lock_guard lock(state_->mutex);
  if (state_->entities.erase(key) == 0) return;
  state_->waiting.emplace_back(State::Delivered{std::move(key)});
}

Result<void> DeadLetters::flush() {
  const std::lock_guard writing(state_->writing);
  std::deque<State::Waiting> waiting;
  {
    const std::lock_guard lock(state_->mutex);
    waiting.swap(state_->waiting);
    state_->waiting_bytes = 0;
  }
  if (waiting.empty()) return {};
  Database& database = *state_->database;
  auto transaction = Transaction::begin(database);
  if (!transaction) return unexpected(std::move(transaction).error());
  for (const State::Waiting& one : waiting) {
    if (const auto* gone = std::get_if<State::Delivered>(&one)) {
      state_->remove.bind_bytes(1, gone->key);
      if (auto done = state_->remove.run(); !done) return done;
      continue;
    }
    const DeadLetter& letter = std::get<DeadLetter>(one);
    const std::string key = letter.stage == "upload" ? entity_key(letter.identity, letter.sink) : record_key(letter);
    Statement& row = state_->insert;
    row.bind_bytes(1, key);
    row.bind(2, std::string_view(letter.stage));
    row.bind(3, std::string_view(letter.kind));
    row.bind_integer(4, letter.resource);
    row.bind(5, std::string_view(letter.scope));
    row.bind(6, std::string_view(letter.sink));
    row.bind(7, std::string_view(letter.blueprint));
    row.bind(8, std::string_view(letter.identifier));
    row.bind(9, std::string_view(letter.reason));
    row.bind(10, std::string_view(letter.url));
    row.bind(11, std::string_view(letter.request_id));
    row.bind(12, std::string_view(letter.at));
    row.bind(13, std::string_view(letter.run_id));
    row.bind_bytes(14, letter.bytes);
    row.bind_integer(15, static_cast<std::int64_t>(letter.bytes.size() + kLetterBytes));
    if (auto done = row.run(); !done) return done;
  }
  // The newest that fit stay.
  auto trim = database.prepare(
      "DELETE FROM dead_letters WHERE id IN (SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY at DESC, id DESC) AS "
      "newer FROM dead_letters) WHERE newer > ?1)");
  if (!trim) return unexpected(std::move(trim).error());
  auto total = database.integer("SELECT sum(size) FROM dead_letters");
  if (!total) return unexpected(std::move(total).error());
  if (static_cast<std::uint64_t>(*total) > state_->options.max_bytes) {
    trim->bind_integer(1, static_cast<std::int64_t>(state_->options.max_bytes));
    if (auto done = trim->run(); !done) return done;
    trimmed_.fetch_add(database.changes(), std::memory_order_relaxed);
  }
  *trim = Statement();
  return transaction->commit();
}

Result<void> DeadLetters::forget_earlier(std::span<const std::string> run_ids, std::span<const std::string> kinds,
                                         std::span<const std::string> sinks) {
  if (auto flushed = flush(); !flushed) return flushed;
  const std::lock_guard writing(state_->writing);
  const auto list_of = [](std::span<const std::string> texts) {
    std::string json = "[";
    for (const std::string& text : texts) {
      if (json.size() > 1) json += ',';
      json::append_quoted(text, json);
    }
    return json + "]";
  };
  auto row = state_->database->prepare(
      "DELETE FROM dead_letters WHERE run_id NOT IN (SELECT value FROM json_each(?1)) AND kind IN (SELECT value FROM "
      "json_each(?2)) AND (sink = '' OR sink IN (SELECT value FROM json_each(?3)))");
  if (!row) return unexpected(std::move(row).error());
  const std::string runs = list_of(run_ids);
  const std::string kinds_read = list_of(kinds);
  const std::string sinks_written = list_of(sinks);
  row->bind(1, std::string_view(runs));
  row->bind(2, std::string_view(kinds_read));
  row->bind(3, std::string_view(sinks_written));
  return row->run();
}

Result<void> DeadLetters::list(const Filter& filter, const std::function<bool(const DeadLetter&)>& visit) {
  const std::lock_guard writing(state_->writing);
  auto row = state_->database->prepare(std::string(kSelect) + " ORDER BY at, id");
  if (!row) return unexpected(std::move(row).error());
  const auto among = [](const auto& list, const auto& value) {
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
  };
  while (true) {
    auto there = row->step();
    if (!there) return unexpected(std::move(there).error());
    if (!*there) return {};
    DeadLetter letter;
    letter.id = row->integer(0);
    letter.stage = row->text(1);
    letter.kind = row->text(2);
    letter.resource = static_cast<std::uint32_t>(row->integer(3));
    letter.scope = row->text(4);
    letter.sink = row->text(5);
    letter.blueprint = row->text(6);
    letter.identifier = row->text(7);
    letter.reason = row->text(8);
    letter.url = row->text(9);
    letter.request_id = row->text(10);
    letter.at = row->text(11);
    letter.run_id = row->text(12);
    if (!among(filter.ids, letter.id) || !among(filter.kinds, letter.kind)) continue;
    if (!filter.stage.empty() && filter.stage != letter.stage) continue;
    if (!filter.run_id.empty() && !letter.run_id.starts_with(filter.run_id)) continue;
    if (letter.reason.find(filter.reason) == std::string::npos) continue;
    letter.bytes = row->bytes(13);
    if (!visit(letter)) return {};
  }
}

Result<std::size_t> DeadLetters::drop(std::span<const std::int64_t> ids) {
  const std::lock_guard writing(state_->writing);
  auto transaction = Transaction::begin(*state_->database);
  if (!transaction) return unexpected(std::move(transaction).error());
  auto row = state_->database->prepare("DELETE FROM dead_letters WHERE id = ?1");
  if (!row) return unexpected(std::move(row).error());
  std::size_t count = 0;
  for (const std::int64_t id : ids) {
    row->bind_integer(1, id);
    if (auto done = row->run(); !done) return unexpected(std::move(done).error());
    count += state_->database->changes();
  }
  if (auto done = transaction->commit(); !done) return unexpected(std::move(done).error());
  return count;
}

std::string whole_record(std::string_view json, std::span<const std::pair<std::string, std::string>> over) {
  std::string text(json);
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  if (over.empty() || text.empty() || text.front() != '{' || last == std::string::npos || text[last] != '}')
    return text;
  text.resize(last);
  const std::size_t before = text.find_last_not_of(" \t\r\n");
  bool first = before == 0;
  for (const auto& [key, raw] : over) {
    // Of a repeated key the last one counts.
    if (!first) text += ',';
    first = false;
    json::append_quoted(key, text);
    text += ':';
    text += raw;
  }
  return text + "}";
}

}  // namespace riptide::stages
