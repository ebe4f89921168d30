#include "catalogue.hpp"

#include <sqlite3.h>

#include <stdexcept>

#include "json_value.hpp"

namespace riptide::e2e {
namespace {

[[noreturn]] void fail(sqlite3* database, const std::string& what) {
  throw std::runtime_error(what + ": " + sqlite3_errmsg(database));
}

bool has_table(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return false;
  return Database(file).value("select count(*) from sqlite_master where name = 'entities'") == "1";
}

}  // namespace

Database::Database(const std::filesystem::path& file) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(file.c_str(), &database_, flags, nullptr) != SQLITE_OK) fail(database_, file.string());
  sqlite3_busy_timeout(database_, 5000);
}

Database::~Database() { sqlite3_close(database_); }

std::vector<Database::Row> Database::rows(const std::string& sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) fail(database_, sql);
  std::vector<Row> rows;
  int step = 0;
  while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
    Row& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
      row.emplace_back(text == nullptr ? "NULL" : text);
    }
  }
  sqlite3_finalize(statement);
  if (step != SQLITE_DONE) fail(database_, sql);
  return rows;
}

std::string Database::value(const std::string& sql) const {
  const auto all = rows(sql);
  if (all.size() != 1 || all[0].size() != 1) throw std::runtime_error("not one value: " + sql);
  return all[0][0];
}

void Database::execute(const std::string& sql) const { (void)rows(sql); }

std::set<Identity> identities(const std::filesystem::path& file) {
  std::set<Identity> all;
  if (!has_table(file)) return all;
  for (const auto& row : Database(file).rows("select blueprint, identifier from entities")) all.emplace(row[0], row[1]);
  return all;
}

std::map<Identity, std::string> contents_of(const std::filesystem::path& file, std::string_view url) {
  std::map<Identity, std::string> all;
  const Database database(file);
  for (const auto& row :
       database.rows("select blueprint, identifier, integration, kind, scope, title, icon, team, properties, relations "
                     "from entities")) {
    std::string text;
    for (std::size_t i = 2; i < row.size(); ++i) text += row[i] + "|";
    for (std::size_t at = 0; !url.empty() && (at = text.find(url, at)) != std::string::npos;) {
      text.replace(at, url.size(), "URL");
    }
    all.emplace(Identity{row[0], row[1]}, std::move(text));
  }
  return all;
}

std::string integrity(const std::filesystem::path& file) {
  return std::filesystem::exists(file) ? Database(file).value("pragma integrity_check") : "ok";
}

std::map<Identity, std::string> lines_of(std::string_view ndjson) {
  std::map<Identity, std::string> all;
  if (!ndjson.empty() && ndjson.back() != '\n') throw std::runtime_error("the last line is not whole");
  while (!ndjson.empty()) {
    const std::size_t end = ndjson.find('\n');
    const Json entity = Json::parse(ndjson.substr(0, end));
    const Identity identity{entity["blueprint"].text(), entity["identifier"].text()};
    if (!all.emplace(identity, entity.canonical()).second) {
      throw std::runtime_error("twice: " + identity.first + " " + identity.second);
    }
    ndjson.remove_prefix(end + 1);
  }
  return all;
}

}  // namespace riptide::e2e
