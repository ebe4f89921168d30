#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "riptide/pipeline/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace riptide::state {

class Statement;

/// One connection to a SQLite file, for one thread at a time. Errors of all calls name the file and say what to do:
/// kRejected (held by another process), kConfig (not a database, may not be written), kTransport (disk full or
/// failing), kInternal.
class Database {
 public:
  Database() = default;
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// What a file that is opened may be used for.
  enum class Use : std::uint8_t {
    kCreate,      ///< Made if it is not there.
    kWrite,       ///< Must be there.
    kRead,        ///< Must be there; nothing is written into it.
    kReadAtRest,  ///< The same, and nobody else writes: nothing is locked, and nothing appears beside it.
  };
  [[nodiscard]] pipeline::Result<void> open(const std::string& path, Use use = Use::kCreate);
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

/// Makes the statements between `begin` and `commit` one: all of them, or none when it dies before.
class Transaction {
 public:
  /// Takes the file's write lock; waits for it as long as the database's busy timeout. Errors as of `Database`.
  [[nodiscard]] static pipeline::Result<Transaction> begin(Database& database);
  ~Transaction();
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  [[nodiscard]] pipeline::Result<void> commit();

 private:
  explicit Transaction(Database& database) noexcept : database_(&database) {}
  Database* database_;
};

/// A compiled statement with its bindings. Texts and bytes are borrowed until the next `reset`.
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
  void bind_integer(int parameter, std::int64_t number) noexcept;
  /// Binds bytes as a BLOB.
  void bind_bytes(int parameter, std::string_view bytes) noexcept;
  /// Moves to the next row; false at the end.
  [[nodiscard]] pipeline::Result<bool> step();
  /// Runs a statement that returns no row, and resets it.
  [[nodiscard]] pipeline::Result<void> run();
  void reset() noexcept;
  /// Text of a column, from 0; valid until the next step.
  [[nodiscard]] std::string_view text(int column) const noexcept;
  /// Bytes of a BLOB column; valid until the next step.
  [[nodiscard]] std::string_view bytes(int column) const noexcept;
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] bool is_null(int column) const noexcept;

 private:
  Database* database_ = nullptr;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace riptide::state
