#include "riptide/sinks/sqlite_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "blueprint_views.hpp"
#include "entity_rows.hpp"
#include "riptide/state/database.hpp"

namespace riptide::sinks {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;
using stages::Outcome;

constexpr std::chrono::milliseconds kTimeoutBetweenCommits{5000};

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS entities(
  integration TEXT NOT NULL,
  kind        TEXT NOT NULL,
  scope       TEXT NOT NULL,
  blueprint   TEXT NOT NULL,
  identifier  TEXT NOT NULL,
  title       TEXT,
  icon        TEXT,
  team        TEXT,
  properties  TEXT,
  relations   TEXT,
  run_id      TEXT NOT NULL,
  first_seen  TEXT NOT NULL,
  updated_at  TEXT NOT NULL,
  PRIMARY KEY (integration, blueprint, identifier)
);
CREATE TABLE IF NOT EXISTS riptide_views(
  blueprint  TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  properties TEXT NOT NULL,
  relations  TEXT NOT NULL,
  sql        TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS riptide_catalogue(name TEXT NOT NULL);
INSERT INTO riptide_catalogue SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT 1 FROM riptide_catalogue);
)sql";

// One statement an entity, whatever becomes of it: a new row moves last_insert_rowid, an equal one changes nothing.
constexpr std::string_view kUpsert = R"sql(
INSERT INTO entities(integration, kind, scope, blueprint, identifier, title, icon, team, properties, relations, run_id,
                     first_seen, updated_at)
VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)
ON CONFLICT(integration, blueprint, identifier) DO UPDATE SET
  kind = excluded.kind, scope = excluded.scope, title = excluded.title, icon = excluded.icon, team = excluded.team,
  properties = excluded.properties, relations = excluded.relations, run_id = excluded.run_id,
  updated_at = excluded.updated_at
WHERE properties IS NOT excluded.properties OR relations IS NOT excluded.relations OR title IS NOT excluded.title
   OR scope IS NOT excluded.scope OR kind IS NOT excluded.kind OR team IS NOT excluded.team OR icon IS NOT excluded.icon
)sql";

// Parameters of kUpsert.
enum Column {
  kIntegration = 1,
  kKind,
  kScope,
  kBlueprint,
  kIdentifier,
  kTitle,
  kIcon,
  kTeam,
  kProperties,
  kRelations,
  kRunId,
  kNow,
};

}  // namespace

struct SqliteSink::State {
  Database database;
  Statement upsert;
  BlueprintViews views;
  std::size_t uncommitted = 0;
  std::size_t views_known = 0;  // When they were refreshed last.
  std::string name;
  std::uint32_t scope = std::numeric_limits<std::uint32_t>::max();
  std::string scope_name;
  std::string now;
  std::string blueprint, identifier, title, icon, team;  // Decoded texts while a row is written.
};

SqliteSink::SqliteSink(Options options)
    : options_(std::move(options)), spec_("sqlite:" + options_.path), state_(std::make_unique<State>()) {}

SqliteSink::~SqliteSink() = default;

Result<void> SqliteSink::open() {
  Database& database = state_->database;
  if (!kinds_.empty()) options_.context.kinds = kinds_;
  if (auto opened = database.open(options_.path); !opened) return opened;
  const auto prepare = [&]() -> Result<void> {
    database.set_busy_timeout(options_.open_timeout);
    // Readers may look on, and a commit costs no flush; the checkpoint flushes before it writes into the file.
    if (auto done = database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384; "
                                 "PRAGMA temp_store = MEMORY");
        !done) {
      return done;
    }
    if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return begun;
    auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
    if (!tables) return unexpected(std::move(tables).error());
    auto version = database.integer("PRAGMA user_version");
    if (!version) return unexpected(std::move(version).error());
    if (*tables == 0) {
      if (auto done = database.run(fmt::format("PRAGMA user_version = {}", kSchemaVersion)); !done) return done;
    } else if (*version > kSchemaVersion) {
      return unexpected(made_later(options_.path, *version));
    }
    if (auto done = database.run(kSchema); !done) return done;
    // The name must last as long as what is written under it.
    if (auto done = database.run("COMMIT; BEGIN IMMEDIATE"); !done) return done;
    auto name = database.prepare("SELECT name FROM riptide_catalogue");
    if (!name) return unexpected(std::move(name).error());
    if (auto row = name->step(); !row) return unexpected(std::move(row).error());
    state_->name = name->text(0);
    auto upsert = database.prepare(kUpsert);
    if (!upsert) {
      return unexpected(not_ours(options_.path, upsert.error()));
    }
    state_->upsert = *std::move(upsert);
    database.set_busy_timeout(kTimeoutBetweenCommits);
    return {};
  };
  Result<void> ready = prepare();
  if (!ready) {
    if (database.in_transaction()) (void)database.run("ROLLBACK").has_value();
    state_->upsert = Statement();
    database.close();
    return ready;
  }
  state_->upsert.bind(kIntegration, std::string_view(options_.context.integration));
  state_->upsert.bind(kRunId, std::string_view(options_.context.run_id));
  return {};
}

Result<std::vector<Outcome>> SqliteSink::write(const stages::Batch& batch) {
  State& state = *state_;
  state.now = options_.now ? options_.now() : std::string();
  state.upsert.bind(kNow, std::string_view(state.now));
  std::vector<Outcome> outcomes(batch.entities.size());
  for (std::size_t i = 0; i < batch.entities.size(); ++i) {
    const stages::Entity& entity = batch.entities[i];
    if (entity.scope != state.scope || state.scope_name.empty()) {
      state.scope = entity.scope;
      state.scope_name = scope_names_ ? scope_names_(entity.scope) : "*";
    }
    const auto& kinds = options_.context.kinds;
    const std::string_view kind = entity.resource < kinds.size() ? std::string_view(kinds[entity.resource]) : "";
    const std::string_view blueprint = as_text(batch.part(entity, entity.blueprint), state.blueprint);
    const std::string_view properties = batch.part(entity, entity.properties);
    const std::string_view relations = batch.part(entity, entity.relations);
    state.upsert.bind(kKind, kind);
    state.upsert.bind(kScope, std::string_view(state.scope_name));
    state.upsert.bind(kBlueprint, blueprint);
    state.upsert.bind(kIdentifier, as_text(batch.part(entity, entity.identifier), state.identifier));
    state.upsert.bind(kTitle, as_nullable_text(batch.part(entity, entity.title), state.title));
    state.upsert.bind(kIcon, as_nullable_text(batch.part(entity, entity.icon), state.icon));
    state.upsert.bind(kTeam, as_nullable_text(batch.part(entity, entity.team), state.team));
    state.upsert.bind(kProperties, as_json(properties));
    state.upsert.bind(kRelations, as_json(relations));
    state.database.set_last_insert_rowid(0);
    if (auto done = state.upsert.run(); !done) return unexpected(std::move(done).error());
    if (state.database.last_insert_rowid() != 0) {
      outcomes[i].kind = Outcome::Kind::kCreated;
    } else {
      outcomes[i].kind = state.database.changes() != 0 ? Outcome::Kind::kUpdated : Outcome::Kind::kUnchanged;
    }
    if (outcomes[i].kind != Outcome::Kind::kUnchanged) ++state.uncommitted;
    state.views.note(blueprint, properties, relations);
  }
  if (state.uncommitted >= options_.rows_per_commit) {
    if (auto done = keep(); !done) return unexpected(std::move(done).error());
  }
  return outcomes;
}

bool SqliteSink::is_kept() const noexcept { return state_->uncommitted == 0; }

std::string SqliteSink::catalogue_name() const { return state_->name; }

Result<void> SqliteSink::refresh_views() {
  Database& database = state_->database;
  if (auto begun = database.run("SAVEPOINT views"); !begun) return begun;
  const Result<void> done = state_->views.refresh(database);
  // Rows are worth more than views.
  const Result<void> released = database.run(done ? "RELEASE views" : "ROLLBACK TO views; RELEASE views");
  return done ? released : done;
}

Result<void> SqliteSink::keep() {
  State& state = *state_;
  // A run that goes on from here does not see again what is in these rows. What fails here is said by `finish`.
  if (const std::size_t known = state.views.known(); known != state.views_known) {
    if (refresh_views()) state.views_known = known;
  }
  state.uncommitted = 0;
  return state.database.run("COMMIT; BEGIN IMMEDIATE");
}

Result<void> SqliteSink::owned(std::span<const std::uint32_t> resources,
                               const std::function<bool(const stages::OwnedEntity&)>& visit) {
  return visit_owned(state_->database, options_.context, resources, visit);
}

Result<std::size_t> SqliteSink::remove(std::span<const stages::OwnedEntity> entities) {
  Database& database = state_->database;
  if (auto begun = database.run("SAVEPOINT removal"); !begun) return unexpected(std::move(begun).error());
  const auto remove_all = [&]() -> Result<std::size_t> {
    auto statement =
        database.prepare("DELETE FROM entities WHERE integration = ?1 AND blueprint = ?2 AND identifier = ?3");
    if (!statement) return unexpected(std::move(statement).error());
    std::size_t removed = 0;
    statement->bind(1, std::string_view(options_.context.integration));
    for (const stages::OwnedEntity& entity : entities) {
      statement->bind(2, std::string_view(entity.blueprint));
      statement->bind(3, std::string_view(entity.identifier));
      if (auto done = statement->run(); !done) return unexpected(std::move(done).error());
      removed += database.changes();
    }
    return removed;
  };
  Result<std::size_t> removed = remove_all();
  if (!removed) {
    if (database.in_transaction()) (void)database.run("ROLLBACK TO removal; RELEASE removal").has_value();
    return removed;
  }
  if (auto done = database.run("RELEASE removal"); !done) return unexpected(std::move(done).error());
  return removed;
}

Result<void> SqliteSink::finish(stages::Finish how) {
  (void)how;
  Database& database = state_->database;
  if (!database.is_open()) return {};
  Result<void> done;
  if (database.in_transaction()) {
    done = refresh_views();
    if (database.in_transaction()) {
      if (auto committed = database.run("COMMIT"); !committed) {
        done = committed;
        if (database.in_transaction()) (void)database.run("ROLLBACK").has_value();
      }
    }
  }
  // A reader may keep the log from being emptied; it is read all the same.
  (void)database.run("PRAGMA wal_checkpoint(TRUNCATE)").has_value();
  state_->upsert = Statement();
  database.close();
  return done;
}

}  // namespace riptide::sinks
