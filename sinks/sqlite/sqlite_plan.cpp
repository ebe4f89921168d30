#include "riptide/sinks/sqlite_plan.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "entity_rows.hpp"
#include "riptide/json/document.hpp"
#include "riptide/stages/entity_changes.hpp"

namespace riptide::sinks {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;
using stages::Outcome;
using state::Database;
using state::Statement;

constexpr std::string_view kSelect = R"sql(
SELECT kind, scope, title, icon, team, properties, relations FROM entities
WHERE integration = ?1 AND blueprint = ?2 AND identifier = ?3
)sql";

// Columns of kSelect.
enum Column { kKind, kScope, kTitle, kIcon, kTeam, kProperties, kRelations };

bool is_there(const std::string& path) noexcept {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0;
}

}  // namespace

struct SqlitePlan::State {
  Database database;
  Statement select;
  bool at_rest = false;
  struct stat before {};
  stages::EntityChanges changes;
  std::uint32_t scope = 0;
  std::string scope_name;
  std::string blueprint, identifier, text;  // Decoded texts while a row is compared.

  [[nodiscard]] std::optional<std::string_view> column(int number) const noexcept {
    if (select.is_null(number)) return std::nullopt;
    return select.text(number);
  }
  // A column that holds text, whatever JSON it was: shown as it was mapped where both sides can be.
  void compare_text(std::string_view name, int number, std::string_view raw) {
    const auto held = column(number);
    const auto wanted = as_nullable_text(raw, text);
    if (held == wanted) return;
    changes.field(name, held ? json::quoted(*held) : "null", wanted ? raw : "null");
  }
  void compare_json(std::string_view name, int number, std::string_view raw) {
    const auto held = column(number);
    const auto wanted = as_json(raw);
    if (held == wanted) return;
    changes.members(name, held.value_or(""), wanted.value_or(""));
  }
};

SqlitePlan::SqlitePlan(std::string path, stages::SinkContext context)
    : path_(std::move(path)),
      context_(std::move(context)),
      spec_("sqlite:" + path_),
      state_(std::make_unique<State>()) {}

SqlitePlan::~SqlitePlan() = default;

bool SqlitePlan::is_empty() const noexcept { return !state_->database.is_open(); }

Result<void> SqlitePlan::open() {
  State& state = *state_;
  if (::stat(path_.c_str(), &state.before) != 0 && errno == ENOENT) return {};
  state.at_rest = !is_there(path_ + "-wal") && !is_there(path_ + "-journal");
  Database& database = state.database;
  if (auto opened = database.open(path_, state.at_rest ? Database::Use::kReadAtRest : Database::Use::kRead); !opened) {
    return opened;
  }
  const auto prepare = [&]() -> Result<void> {
    // One view of the file from here to the end.
    if (auto begun = database.run("PRAGMA cache_size = -16384; BEGIN"); !begun) return begun;
    auto version = database.integer("PRAGMA user_version");
    if (!version) return unexpected(std::move(version).error());
    auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
    if (!tables) return unexpected(std::move(tables).error());
    if (*tables != 0 && *version > kSchemaVersion) return unexpected(made_later(path_, *version));
    auto ours = database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'entities'");
    if (!ours) return unexpected(std::move(ours).error());
    if (*ours == 0) {
      database.close();  // Nothing of ours in it: an empty catalogue.
      return {};
    }
    auto select = database.prepare(kSelect);
    if (!select) return unexpected(not_ours(path_, select.error()));
    state.select = *std::move(select);
    state.select.bind(1, std::string_view(context_.integration));
    return {};
  };
  auto ready = prepare();
  if (!ready) database.close();
  return ready;
}

Result<std::vector<Outcome>> SqlitePlan::write(const stages::Batch& batch) {
  std::vector<Outcome> outcomes(batch.entities.size(), Outcome{Outcome::Kind::kCreated, {}, {}});
  if (is_empty()) return outcomes;
  State& state = *state_;
  for (std::size_t i = 0; i < batch.entities.size(); ++i) {
    const stages::Entity& entity = batch.entities[i];
    if (entity.scope != state.scope || state.scope_name.empty()) {
      state.scope = entity.scope;
      state.scope_name = scope_names_ ? scope_names_(entity.scope) : "*";
    }
    state.select.reset();
    state.select.bind(2, as_text(batch.part(entity, entity.blueprint), state.blueprint));
    state.select.bind(3, as_text(batch.part(entity, entity.identifier), state.identifier));
    auto found = state.select.step();
    if (!found) return unexpected(std::move(found).error());
    if (!*found) continue;
    const std::string_view kind = entity.resource < context_.kinds.size()
                                      ? std::string_view(context_.kinds[entity.resource])
                                      : std::string_view();
    if (state.select.text(kKind) != kind)
      state.changes.field("kind", json::quoted(state.select.text(kKind)), json::quoted(kind));
    if (state.select.text(kScope) != state.scope_name) {
      state.changes.field("scope", json::quoted(state.select.text(kScope)), json::quoted(state.scope_name));
    }
    state.compare_text("title", kTitle, batch.part(entity, entity.title));
    state.compare_text("icon", kIcon, batch.part(entity, entity.icon));
    state.compare_text("team", kTeam, batch.part(entity, entity.team));
    state.compare_json("properties", kProperties, batch.part(entity, entity.properties));
    state.compare_json("relations", kRelations, batch.part(entity, entity.relations));
    if (state.changes.empty()) {
      outcomes[i].kind = Outcome::Kind::kUnchanged;
    } else {
      outcomes[i].kind = Outcome::Kind::kUpdated;
      outcomes[i].changes = state.changes.take();
    }
  }
  state.select.reset();
  return outcomes;
}

Result<void> SqlitePlan::owned(std::span<const std::uint32_t> resources,
                               const std::function<bool(const stages::OwnedEntity&)>& visit) {
  if (is_empty()) return {};
  return visit_owned(state_->database, context_, resources, visit);
}

Result<void> SqlitePlan::finish(stages::Finish) {
  State& state = *state_;
  if (is_empty()) return {};
  state.select = Statement();
  state.database.close();
  if (!state.at_rest) return {};
  struct stat now {};
  const bool untouched = ::stat(path_.c_str(), &now) == 0 && now.st_ino == state.before.st_ino &&
                         now.st_size == state.before.st_size && now.st_mtim.tv_sec == state.before.st_mtim.tv_sec &&
                         now.st_mtim.tv_nsec == state.before.st_mtim.tv_nsec && !is_there(path_ + "-wal");
  if (untouched) return {};
  return unexpected(ErrorKind::kRejected,
                    fmt::format("{} was written by another process while it was compared: run again", path_));
}

}  // namespace riptide::sinks
