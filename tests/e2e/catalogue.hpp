#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "made_up_octopus.hpp"

struct sqlite3;

namespace riptide::e2e {

/// A SQLite file, opened for the test: throws std::runtime_error on any error.
class Database {
 public:
  explicit Database(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  using Row = std::vector<std::string>;
  /// Runs one statement; NULL is "NULL".
  [[nodiscard]] std::vector<Row> rows(const std::string& sql) const;
  /// The single value that a statement answers.
  [[nodiscard]] std::string value(const std::string& sql) const;
  void execute(const std::string& sql) const;

 private:
  sqlite3* database_ = nullptr;
};

/// The identities in a catalogue; none when there is no file or no table yet.
std::set<Identity> identities(const std::filesystem::path& file);

/// Everything in a catalogue that does not depend on when a run was made, with `url` replaced by "URL".
std::map<Identity, std::string> contents_of(const std::filesystem::path& file, std::string_view url = {});

/// What `PRAGMA integrity_check` says; "ok" when there is no file yet.
std::string integrity(const std::filesystem::path& file);

/// The lines of an ndjson file by identity, as canonical JSON. Throws when an identity is there twice.
std::map<Identity, std::string> lines_of(std::string_view ndjson);

/// The keys of a map.
template <typename Map>
std::set<typename Map::key_type> keys_of(const Map& map) {
  std::set<typename Map::key_type> keys;
  for (const auto& [key, value] : map) keys.insert(key);
  return keys;
}

}  // namespace riptide::e2e
