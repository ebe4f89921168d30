#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace riptide::sinks {

class Statement;

/// One connection to a SQLite file. Errors of all calls name the file and say what to do: kRejected (held by another
/// process), kConfig (not a database, may not be written), kTransport (disk full or failing), kInternal.
class Database {
 public:
  Database() = default;
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] pipeline::Result<void> open(const std::string& path);
  void close() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return handle_ != nullptr; }

  void set_busy_timeout(std::chrono::milliseconds timeout) noexcept;
  /// Runs statements that return nothing.
  [[nodiscard]] pipeline::Result<void> run(const std::string& sql);
  /// Compiles one statement. It must die before the database closes.
  [[nodiscard]] pipeline::Result<Statement> prepare(std::string_view sql);
  /// Returns the first column of the first row as an integer; 0 if there is no row.
  [[nodiscard]] pipeline::Result<std::int64_t> integer(std::string_view sql);

  [[nodiscard]] bool in_transaction() const noexcept;
  /// Rows that the last statement inserted, changed or deleted.
  [[nodiscard]] std::size_t changes() const noexcept;
  [[nodiscard]] std::int64_t last_insert_rowid() const noexcept;
  void set_last_insert_rowid(std::int64_t rowid) noexcept;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Describes the error that the connection met last.
  [[nodiscard]] pipeline::Error error(int code) const;

 private:
  sqlite3* handle_ = nullptr;
  std::string path_;
};

/// A compiled statement with its bindings. Texts are borrowed until the next `reset`.
class Statement {
 public:
  Statement() = default;
  Statement(Database* database, sqlite3_stmt* handle) noexcept : database_(database), handle_(handle) {}
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Binds a text to a parameter, from 1.
  void bind(int parameter, std::string_view text) noexcept;
  /// Binds a text, or NULL for nothing.
  void bind(int parameter, std::optional<std::string_view> text) noexcept;
  /// Moves to the next row; false at the end.
  [[nodiscard]] pipeline::Result<bool> step();
  /// Runs a statement that returns no row, and resets it.
  [[nodiscard]] pipeline::Result<void> run();
  void reset() noexcept;
  /// Text of a column, from 0; valid until the next step.
  [[nodiscard]] std::string_view text(int column) const noexcept;
  [[nodiscard]] std::int64_t integer(int column) const noexcept;

 private:
  Database* database_ = nullptr;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace riptide::sinks
