#include "riptide/stages/lookup_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/state/database.hpp"

namespace riptide::stages {
namespace {

using pipeline::ErrorKind;

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return text.ends_with(ending); });
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// A name in a SQL text.
std::string sql_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}
std::string sql_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

/// Records of a CSV file as RFC 4180 has them: quoted fields may hold commas, line breaks and doubled quotes.
class CsvReader {
 public:
  explicit CsvReader(std::istream& in) : in_(in) {
    if (in_.peek() == 0xEF) in_.ignore(3);  // a byte order mark
  }

  [[nodiscard]] int line() const noexcept { return line_; }

  /// The next record; nothing at the end. Errors: an open quote.
  Result<std::optional<std::vector<std::string>>> next() {
    line_ = next_line_;
    if (in_.peek() == std::char_traits<char>::eof()) return std::optional<std::vector<std::string>>();
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (int c = in_.get(); c != std::char_traits<char>::eof(); c = in_.get()) {
      if (c == '\n') ++next_line_;
      if (quoted) {
        if (c != '"') {
          fields.back() += static_cast<char>(c);
        } else if (in_.peek() == '"') {
          fields.back() += static_cast<char>(in_.get());
        } else {
          quoted = false;
        }
      } else if (c == '"' && fields.back().empty()) {
        quoted = true;
      } else if (c == ',') {
        fields.emplace_back();
      } else if (c == '\n') {
        return std::optional(std::move(fields));
      } else if (c != '\r' || in_.peek() != '\n') {
        fields.back() += static_cast<char>(c);
      }
    }
    if (quoted) return pipeline::unexpected(ErrorKind::kConfig, "a quote is not closed");
    return std::optional(std::move(fields));
  }

 private:
  std::istream& in_;
  int line_ = 1;
  int next_line_ = 1;
};

}  // namespace

class LookupTable::Loader {
 public:
  explicit Loader(const Options& options) : options_(options), table_(std::make_shared<LookupTable>()) {}

  Result<std::shared_ptr<const LookupTable>> load() {
    auto loaded = ends_with_any(options_.file, {".db", ".sqlite", ".sqlite3"}) ? sqlite()
                  : ends_with_any(options_.file, {".ndjson", ".jsonl"})        ? lines()
                  : options_.file.ends_with(".csv")
                      ? csv()
                      : pipeline::unexpected(ErrorKind::kConfig,
                                             "is no table: its name must end with .csv, .ndjson, "
                                             ".jsonl, .db, .sqlite or .sqlite3");
    if (!loaded) return pipeline::unexpected(std::move(loaded).error().within(options_.file));
    return std::shared_ptr<const LookupTable>(std::move(table_));
  }

 private:
  Result<void> add(std::string key, std::string row) {
    bytes_ += key.size() + row.size() + 128;
    if (bytes_ > options_.max_bytes) {
      return pipeline::unexpected(ErrorKind::kLimit,
                                  fmt::format("takes more memory than {} MiB", options_.max_bytes >> 20));
    }
    table_->rows_.insert_or_assign(std::move(key), std::move(row));
    return {};
  }

  Result<void> no_column(const std::string& name, const std::vector<std::string>& columns) const {
    return pipeline::unexpected(ErrorKind::kConfig, fmt::format("has no column '{}', only {}", name, listed(columns)));
  }

  Result<void> csv() {
    std::ifstream in(options_.file, std::ios::binary);
    if (!in) return pipeline::unexpected(ErrorKind::kConfig, std::strerror(errno));
    CsvReader reader(in);
    auto header = reader.next();
    if (!header) return pipeline::unexpected(std::move(header).error());
    if (!*header) return pipeline::unexpected(ErrorKind::kConfig, "is empty: the first line names the columns");
    const std::vector<std::string>& columns = **header;
    const auto index_of = [&](const std::string& name) {
      return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), name) - columns.begin());
    };
    const std::size_t key = index_of(options_.column);
    const std::size_t select = options_.select.empty() ? 0 : index_of(options_.select);
    if (key == columns.size()) return no_column(options_.column, columns);
    if (select == columns.size()) return no_column(options_.select, columns);
    while (true) {
      auto record = reader.next();
      if (!record) return pipeline::unexpected(std::move(record).error().within(fmt::format("line {}", reader.line())));
      if (!*record) return {};
      std::vector<std::string>& fields = **record;
      if (fields.size() == 1 && fields[0].empty()) continue;
      if (fields.size() != columns.size()) {
        return pipeline::unexpected(ErrorKind::kConfig, fmt::format("line {}: has {} fields where the header has {}",
                                                                    reader.line(), fields.size(), columns.size()));
      }
      std::string row;
      if (!options_.select.empty()) {
        row = json::quoted(fields[select]);
      } else {
        for (std::size_t i = 0; i < columns.size(); ++i) {
          row += (row.empty() ? "{" : ",") + json::quoted(columns[i]) + ":" + json::quoted(fields[i]);
        }
        row += "}";
      }
      if (auto added = add(std::move(fields[key]), std::move(row)); !added) return added;
    }
  }

  Result<void> lines() {
    std::ifstream in(options_.file, std::ios::binary);
    if (!in) return pipeline::unexpected(ErrorKind::kConfig, std::strerror(errno));
    json::Document document;
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      if (auto read = object(document, line); !read) {
        return pipeline::unexpected(std::move(read).error().within(fmt::format("line {}", number)));
      }
    }
    return {};
  }

  Result<void> object(json::Document& document, std::string& line) {
    const std::size_t size = line.size();
    line.append(json::Document::kPadding, '\0');
    const auto root = document.index(std::string_view(line).substr(0, size));
    if (!root) return pipeline::unexpected(ErrorKind::kConfig, root.error().message);
    if (auto checked = document.check(); !checked) {
      return pipeline::unexpected(ErrorKind::kConfig, checked.error().message);
    }
    if (root->type != json::Type::kObject) return pipeline::unexpected(ErrorKind::kConfig, "is no JSON object");
    const auto raw_of = [&](const std::string& name) -> Result<std::optional<std::string>> {
      const auto found = document.find(*root, name);
      if (!found) return pipeline::unexpected(found.error());
      if (!*found) return std::optional<std::string>();
      const auto raw = document.raw(**found);
      if (!raw) return pipeline::unexpected(raw.error());
      return std::optional(std::string(*raw));
    };
    auto key = raw_of(options_.column);
    if (!key) return pipeline::unexpected(std::move(key).error());
    if (!*key) return pipeline::unexpected(ErrorKind::kConfig, fmt::format("has no '{}'", options_.column));
    std::string row;
    if (options_.select.empty()) {
      const auto raw = document.raw(*root);
      if (!raw) return pipeline::unexpected(raw.error());
      row = *raw;
    } else {
      auto selected = raw_of(options_.select);
      if (!selected) return pipeline::unexpected(std::move(selected).error());
      row = selected->value_or("null");
    }
    return add(json::text_of(**key), std::move(row));
  }

  Result<void> sqlite() {
    state::Database database;
    if (auto opened = database.open(options_.file, state::Database::Use::kRead); !opened) return opened;
    auto table = table_name(database);
    if (!table) return pipeline::unexpected(std::move(table).error());
    std::vector<std::string> columns;
    {
      auto statement = database.prepare(fmt::format("SELECT name FROM pragma_table_info({})", sql_text(*table)));
      if (!statement) return pipeline::unexpected(std::move(statement).error());
      while (true) {
        auto row = statement->step();
        if (!row) return pipeline::unexpected(std::move(row).error());
        if (!*row) break;
        columns.emplace_back(statement->text(0));
      }
    }
    if (columns.empty()) return pipeline::unexpected(ErrorKind::kConfig, fmt::format("has no table '{}'", *table));
    for (const std::string& name : {options_.column, options_.select}) {
      if (!name.empty() && std::find(columns.begin(), columns.end(), name) == columns.end()) {
        return no_column(name, columns);
      }
    }
    std::string row;
    if (options_.select.empty()) {
      for (const std::string& name : columns) {
        row += (row.empty() ? "json_object(" : ",") + sql_text(name) + "," + sql_name(name);
      }
      row += ")";
    } else {
      row = fmt::format("json_quote({})", sql_name(options_.select));
    }
    auto statement = database.prepare(fmt::format("SELECT {0}, {1} FROM {2} WHERE {0} IS NOT NULL",
                                                  sql_name(options_.column), row, sql_name(*table)));
    if (!statement) return pipeline::unexpected(std::move(statement).error());
    while (true) {
      auto stepped = statement->step();
      if (!stepped) return pipeline::unexpected(std::move(stepped).error());
      if (!*stepped) return {};
      if (auto added = add(std::string(statement->text(0)), std::string(statement->text(1))); !added) return added;
    }
  }

  Result<std::string> table_name(state::Database& database) const {
    if (!options_.table.empty()) return options_.table;
    auto statement = database.prepare(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name");
    if (!statement) return pipeline::unexpected(std::move(statement).error());
    std::vector<std::string> names;
    while (true) {
      auto row = statement->step();
      if (!row) return pipeline::unexpected(std::move(row).error());
      if (!*row) break;
      names.emplace_back(statement->text(0));
    }
    if (names.size() == 1) return names.front();
    return pipeline::unexpected(ErrorKind::kConfig, names.empty()
                                                        ? std::string("has no table")
                                                        : "has several tables, so name one: " + listed(names));
  }

  const Options& options_;
  std::shared_ptr<LookupTable> table_;
  std::size_t bytes_ = 0;
};

Result<std::shared_ptr<const LookupTable>> LookupTable::load(const Options& options) { return Loader(options).load(); }

std::string_view LookupTable::find(std::string_view key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace riptide::stages
