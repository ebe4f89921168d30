#include "riptide/state/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace riptide::state {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

namespace {

// A path as SQLite reads it in a URI: every byte that could mean something there is escaped.
std::string uri_of(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    // Of several slashes at the beginning, the second would begin the name of a host.
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                       c == '-' || c == '_' || (c == '/' && !uri.ends_with('/'));
    if (plain) {
      uri += c;
    } else {
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

}  // namespace

Database::~Database() { close(); }

void Database::close() noexcept {
  if (handle_ != nullptr) sqlite3_close_v2(handle_);
  handle_ = nullptr;
}

Result<void> Database::open(const std::string& path, Use use) {
  path_ = path;
  int flags = SQLITE_OPEN_NOMUTEX;
  switch (use) {
    case Use::kCreate:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
    case Use::kWrite:
      flags |= SQLITE_OPEN_READWRITE;
      break;
    case Use::kRead:
      flags |= SQLITE_OPEN_READONLY;
      break;
    case Use::kReadAtRest:
      flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
      break;
  }
  const std::string name = use == Use::kReadAtRest ? uri_of(path) + "?immutable=1" : path;
  const int code = sqlite3_open_v2(name.c_str(), &handle_, flags, nullptr);
  if (handle_ == nullptr) return unexpected(ErrorKind::kInternal, fmt::format("no memory to open {}", path));
  if (code != SQLITE_OK) {
    Error failure = error(code);
    close();
    return unexpected(std::move(failure));
  }
  sqlite3_extended_result_codes(handle_, 1);
  if ((use == Use::kCreate || use == Use::kWrite) && sqlite3_db_readonly(handle_, "main") == 1) {
    close();
    return unexpected(ErrorKind::kConfig, fmt::format("{} may not be written by this user: change its rights, or name "
                                                      "another file",
                                                      path));
  }
  return {};
}

void Database::set_busy_timeout(std::chrono::milliseconds timeout) noexcept {
  sqlite3_busy_timeout(handle_, static_cast<int>(timeout.count()));
}

Error Database::error(int code) const {
  const std::string said = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  const int system_error = handle_ != nullptr ? sqlite3_system_errno(handle_) : 0;
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(ErrorKind::kRejected,
                   fmt::format("{} is held by another process: wait until it is done, or name another file", path_));
    case SQLITE_NOTADB:
      return Error(ErrorKind::kConfig, fmt::format("{} is not a SQLite database: name another file", path_));
    case SQLITE_CORRUPT:
      return Error(ErrorKind::kConfig,
                   fmt::format("{} is damaged ({}): move it away, the next run makes it anew", path_, said));
    case SQLITE_CANTOPEN:
      return Error(ErrorKind::kConfig,
                   fmt::format("{} cannot be opened ({}): does its directory exist, and may this user write there?",
                               path_, system_error != 0 ? std::generic_category().message(system_error) : said));
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Error(ErrorKind::kConfig,
                   fmt::format("{} may not be written by this user: change its rights, or name another file", path_));
    case SQLITE_FULL:
      return Error(ErrorKind::kTransport, fmt::format("the disk of {} is full: free some space and run again", path_));
    case SQLITE_IOERR:
      if (system_error == ENOSPC || system_error == EDQUOT) {
        return Error(ErrorKind::kTransport,
                     fmt::format("the disk of {} is full: free some space and run again", path_));
      }
      return Error(ErrorKind::kTransport,
                   fmt::format("reading or writing {} failed: {}", path_,
                               system_error != 0 ? std::generic_category().message(system_error) : said));
    default:
      return Error(ErrorKind::kInternal, fmt::format("SQLite refused a statement: {}, file={}", said, path_));
  }
}

Result<void> Database::run(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return unexpected(error(code));
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &handle, nullptr);
  if (code != SQLITE_OK) return unexpected(error(code));
  return Statement(this, handle);
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return unexpected(std::move(statement).error());
  auto row = statement->step();
  if (!row) return unexpected(std::move(row).error());
  return *row ? statement->integer(0) : std::int64_t{0};
}

bool Database::in_transaction() const noexcept { return handle_ != nullptr && sqlite3_get_autocommit(handle_) == 0; }

std::size_t Database::changes() const noexcept { return static_cast<std::size_t>(sqlite3_changes(handle_)); }

std::int64_t Database::last_insert_rowid() const noexcept { return sqlite3_last_insert_rowid(handle_); }

void Database::set_last_insert_rowid(std::int64_t rowid) noexcept { sqlite3_set_last_insert_rowid(handle_, rowid); }

Result<Transaction> Transaction::begin(Database& database) {
  if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return unexpected(std::move(begun).error());
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ != nullptr && database_->in_transaction()) (void)database_->run("ROLLBACK").has_value();
}

Result<void> Transaction::commit() {
  auto done = database_->run("COMMIT");
  // A commit that failed leaves the transaction open: the destructor rolls it back.
  if (done) database_ = nullptr;
  return done;
}

Statement::~Statement() { sqlite3_finalize(handle_); }

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), handle_(std::exchange(other.handle_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(handle_);
    database_ = other.database_;
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

void Statement::bind(int parameter, std::string_view text) noexcept {
  // A null pointer would be bound as NULL.
  sqlite3_bind_text64(handle_, parameter, text.data() != nullptr ? text.data() : "", text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}

void Statement::bind(int parameter, std::optional<std::string_view> text) noexcept {
  if (text) {
    bind(parameter, *text);
  } else {
    sqlite3_bind_null(handle_, parameter);
  }
}

void Statement::bind_integer(int parameter, std::int64_t number) noexcept {
  sqlite3_bind_int64(handle_, parameter, number);
}

void Statement::bind_bytes(int parameter, std::string_view bytes) noexcept {
  sqlite3_bind_blob64(handle_, parameter, bytes.data() != nullptr ? bytes.data() : "", bytes.size(), SQLITE_STATIC);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error failure = database_->error(code);
  sqlite3_reset(handle_);
  return unexpected(std::move(failure));
}

Result<void> Statement::run() {
  const int code = sqlite3_step(handle_);
  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    Error failure = database_->error(code);
    sqlite3_reset(handle_);
    return unexpected(std::move(failure));
  }
  sqlite3_reset(handle_);
  return {};
}

void Statement::reset() noexcept { sqlite3_reset(handle_); }

std::string_view Statement::text(int column) const noexcept {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::string_view Statement::bytes(int column) const noexcept {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

bool Statement::is_null(int column) const noexcept { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }

std::int64_t Statement::integer(int column) const noexcept { return sqlite3_column_int64(handle_, column); }

}  // namespace riptide::state
