#include "blueprint_views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

namespace riptide::sinks {
namespace {

using pipeline::Result;
using pipeline::unexpected;

// SQLite allows 2,000 columns in a view.
constexpr std::size_t kMaxColumns = 1900;

constexpr std::array<std::string_view, 4> kFirstColumns = {"identifier", "title", "icon", "team"};
constexpr std::array<std::string_view, 6> kLastColumns = {"integration", "kind",       "scope",
                                                          "run_id",      "first_seen", "updated_at"};

// SQLite compares names without regard to the case of ASCII letters.
std::string folded(std::string_view name) {
  std::string text(name);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out += quote;
}

std::string as_name(std::string_view text) { return quoted(text, '"'); }
std::string as_text(std::string_view text) { return quoted(text, '\''); }

// Whether a name can stand in an SQL statement at all.
bool is_sayable(std::string_view name) noexcept { return name.find('\0') == std::string_view::npos; }

// Whether a name can stand in one of SQLite's JSON paths: they have no escapes, and are compared with the key as it is
// written, which may be escaped where it is not ASCII.
bool has_path(std::string_view name) noexcept {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '"' || c == '\\' || byte < 0x20 || byte >= 0x7f;
  });
}

std::string value_of(std::string_view column, std::string_view name) {
  if (has_path(name))
    return fmt::format("json_extract({}, {})", as_name(column), as_text(fmt::format("$.\"{}\"", name)));
  return fmt::format("(SELECT value FROM json_each({}) WHERE key = {})", as_name(column), as_text(name));
}

// Finds a free name: the wanted one, else with the prefix, else with a number behind that.
std::string free_name(std::string_view wanted, std::string_view prefix, std::set<std::string>& taken) {
  std::string name(wanted);
  if (!name.empty() && taken.insert(folded(name)).second) return name;
  name = fmt::format("{}{}", prefix, wanted);
  const std::string base = name;
  for (int number = 2; !taken.insert(folded(name)).second; ++number) name = fmt::format("{}_{}", base, number);
  return name;
}

std::string json_array(const std::vector<std::string>& names) {
  std::string text = "[";
  for (const std::string& name : names) {
    if (text.size() > 1) text += ',';
    json::append_quoted(name, text);
  }
  return text += ']';
}

// Names that a view was made with: rows of json_each over what `json_array` wrote.
Result<std::vector<std::string>> names_from(Database& database, std::string_view array) {
  auto statement = database.prepare("SELECT value FROM json_each(?1)");
  if (!statement) return unexpected(std::move(statement).error());
  statement->bind(1, array);
  std::vector<std::string> names;
  while (true) {
    auto row = statement->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return names;
    names.emplace_back(statement->text(0));
  }
}

// Whether a row of the blueprint has the member still.
Result<bool> is_present(Database& database, std::string_view column, std::string_view blueprint,
                        std::string_view name) {
  if (!has_path(name)) return true;  // Rare: kept unasked.
  auto statement = database.prepare(fmt::format(
      "SELECT 1 FROM entities WHERE blueprint = ?1 AND json_type({}, ?2) IS NOT NULL LIMIT 1", as_name(column)));
  if (!statement) return unexpected(std::move(statement).error());
  const std::string path = fmt::format("$.\"{}\"", name);
  statement->bind(1, blueprint);
  statement->bind(2, std::string_view(path));
  return statement->step();
}

// Adds the columns of an earlier run that still have values.
Result<void> add_earlier(Database& database, std::string_view column, std::string_view blueprint,
                         const std::vector<std::string>& earlier, MemberNames& names) {
  for (const std::string& name : earlier) {
    if (names.contains(name)) continue;
    auto present = is_present(database, column, blueprint, name);
    if (!present) return unexpected(std::move(present).error());
    if (*present) names.add(name);
  }
  return {};
}

}  // namespace

bool MemberNames::contains(std::string_view name) const noexcept {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

void MemberNames::add(std::string name) { names_.push_back(std::move(name)); }

void MemberNames::note(std::string_view raw_object, json::Document& document) {
  if (raw_object.size() <= 2 || raw_object.front() != '{') return;
  // The walk reads ahead, and what follows the entities' bytes is not ours.
  padded_.assign(raw_object);
  padded_.append(json::Document::kPadding, '\0');
  const auto root = document.index(std::string_view(padded_).substr(0, raw_object.size()));
  if (!root) return;
  json::Document::Members members(document, *root);
  // Entities of one mapping have the same members in the same order.
  for (std::size_t at = 0; members.next(); ++at) {
    const std::string_view raw = members.raw_key();
    if (at < raw_.size() && raw_[at] == raw) continue;
    if (std::find(raw_.begin(), raw_.end(), raw) != raw_.end()) continue;
    raw_.emplace_back(raw);
    auto name = json::decoded(fmt::format("\"{}\"", raw));
    if (name && !contains(*name)) names_.push_back(*std::move(name));
  }
}

std::string view_statement(std::string_view view, std::string_view blueprint, const ViewColumns& columns) {
  std::set<std::string> taken;
  for (const std::string_view column : kFirstColumns) taken.insert(std::string(column));
  for (const std::string_view column : kLastColumns) taken.insert(std::string(column));
  std::string sql = fmt::format("CREATE VIEW {} AS SELECT ", as_name(view));
  std::size_t count = 0;
  const auto fixed = [&sql, &count](std::string_view column) {
    if (count++ != 0) sql += ", ";
    sql += as_name(column);
  };
  const auto members = [&](const MemberNames& names, std::string_view column, std::string_view prefix) {
    for (const std::string& name : names.names()) {
      if (count >= kMaxColumns || !is_sayable(name)) continue;
      ++count;
      sql += fmt::format(", {} AS {}", value_of(column, name), as_name(free_name(name, prefix, taken)));
    }
  };
  for (const std::string_view column : kFirstColumns) fixed(column);
  members(columns.properties, "properties", "property_");
  members(columns.relations, "relations", "relation_");
  for (const std::string_view column : kLastColumns) fixed(column);
  sql += fmt::format(" FROM entities WHERE blueprint = {}", as_text(blueprint));
  return sql;
}

void BlueprintViews::note(std::string_view blueprint, std::string_view properties, std::string_view relations) {
  if (latest_ == seen_.end() || latest_->first != blueprint) {
    latest_ = seen_.find(blueprint);
    if (latest_ == seen_.end()) latest_ = seen_.emplace(std::string(blueprint), ViewColumns()).first;
  }
  latest_->second.properties.note(properties, document_);
  latest_->second.relations.note(relations, document_);
}

std::size_t BlueprintViews::known() const noexcept {
  std::size_t count = seen_.size();
  for (const auto& [blueprint, columns] : seen_) {
    count += columns.properties.names().size() + columns.relations.names().size();
  }
  return count;
}

Result<void> BlueprintViews::refresh(Database& database) {
  for (auto& [blueprint, columns] : seen_) {
    if (blueprint.empty() || !is_sayable(blueprint)) continue;
    if (auto refreshed = refresh_one(database, blueprint, columns); !refreshed) return refreshed;
  }
  return drop_orphans(database);
}

Result<void> BlueprintViews::refresh_one(Database& database, const std::string& blueprint, ViewColumns& seen) {
  // Our view of it, as we made it and as it is now.
  auto ours = database.prepare(
      "SELECT v.name, v.properties, v.relations, v.sql, s.sql FROM riptide_views v "
      "LEFT JOIN sqlite_schema s ON s.name = v.name WHERE v.blueprint = ?1");
  if (!ours) return unexpected(std::move(ours).error());
  ours->bind(1, std::string_view(blueprint));
  auto found = ours->step();
  if (!found) return unexpected(std::move(found).error());
  std::string view;
  std::string made_with;
  bool is_there = false;
  if (*found) {
    view = ours->text(0);
    made_with = ours->text(3);
    is_there = ours->text(4) == made_with;
    const bool is_changed = !is_there && !ours->text(4).empty();
    auto properties = names_from(database, ours->text(1));
    if (!properties) return unexpected(std::move(properties).error());
    auto relations = names_from(database, ours->text(2));
    if (!relations) return unexpected(std::move(relations).error());
    if (auto added = add_earlier(database, "properties", blueprint, *properties, seen.properties); !added) return added;
    if (auto added = add_earlier(database, "relations", blueprint, *relations, seen.relations); !added) return added;
    if (is_changed) view.clear();  // Somebody made it his own: it stays, ours goes elsewhere.
  }
  *ours = Statement();

  if (view.empty()) {
    std::set<std::string> taken;
    auto names =
        database.prepare("SELECT name FROM sqlite_schema UNION SELECT name FROM riptide_views WHERE blueprint <> ?1");
    if (!names) return unexpected(std::move(names).error());
    names->bind(1, std::string_view(blueprint));
    while (true) {
      auto row = names->step();
      if (!row) return unexpected(std::move(row).error());
      if (!*row) break;
      taken.insert(folded(names->text(0)));
    }
    // SQLite keeps names that begin like this to itself.
    const bool is_reserved = folded(blueprint).starts_with("sqlite_");
    view = free_name(is_reserved ? "blueprint_" + blueprint : blueprint, "blueprint_", taken);
  }
  const std::string sql = view_statement(view, blueprint, seen);
  if (is_there && sql == made_with) return {};
  if (is_there) {
    if (auto dropped = database.run("DROP VIEW " + as_name(view)); !dropped) return dropped;
  }
  if (auto made = database.run(sql); !made) return made;
  auto remember = database.prepare(
      "INSERT OR REPLACE INTO riptide_views(blueprint, name, properties, relations, sql) VALUES(?1, ?2, ?3, ?4, ?5)");
  if (!remember) return unexpected(std::move(remember).error());
  const std::string properties = json_array(seen.properties.names());
  const std::string relations = json_array(seen.relations.names());
  remember->bind(1, std::string_view(blueprint));
  remember->bind(2, std::string_view(view));
  remember->bind(3, std::string_view(properties));
  remember->bind(4, std::string_view(relations));
  remember->bind(5, std::string_view(sql));
  return remember->run();
}

Result<void> BlueprintViews::drop_orphans(Database& database) {
  // Steps from one integration to the next along the key, and looks up (integration, blueprint) in it: no scan.
  auto orphans = database.prepare(
      "WITH RECURSIVE i(name) AS (SELECT min(integration) FROM entities UNION ALL "
      "SELECT (SELECT min(integration) FROM entities WHERE integration > i.name) FROM i WHERE i.name IS NOT NULL) "
      "SELECT v.name, v.sql = s.sql FROM riptide_views v LEFT JOIN sqlite_schema s ON s.name = v.name WHERE NOT EXISTS "
      "(SELECT 1 FROM i, entities e WHERE i.name IS NOT NULL AND e.integration = i.name AND e.blueprint = "
      "v.blueprint)");
  if (!orphans) return unexpected(std::move(orphans).error());
  std::vector<std::pair<std::string, bool>> names;
  while (true) {
    auto row = orphans->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) break;
    names.emplace_back(orphans->text(0), orphans->integer(1) != 0);
  }
  *orphans = Statement();
  for (const auto& [name, is_ours] : names) {
    if (is_ours) {
      if (auto dropped = database.run("DROP VIEW " + as_name(name)); !dropped) return dropped;
    }
    if (auto forgotten = database.run("DELETE FROM riptide_views WHERE name = " + as_text(name)); !forgotten) {
      return forgotten;
    }
  }
  return {};
}

}  // namespace riptide::sinks
