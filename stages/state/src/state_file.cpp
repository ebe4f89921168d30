#include "riptide/state/state_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace riptide::state {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

/// Version of the file as a whole: of the tables `riptide_state` and `riptide_concerns`.
constexpr std::int64_t kVersion = 1;
/// "rtds": tells a state file from any other database.
constexpr std::int64_t kApplicationId = 0x72746473;
constexpr std::chrono::milliseconds kBusyTimeout{60'000};
constexpr std::size_t kMostOfAName = 48;

constexpr const char* kTables = R"sql(
CREATE TABLE riptide_state(
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE riptide_concerns(
  concern TEXT PRIMARY KEY,
  version INTEGER NOT NULL
) WITHOUT ROWID;
)sql";

// What a file name can say of a text: letters, digits, dots; one dash for anything else.
std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    if (fits) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
    if (out.size() >= kMostOfAName) break;
  }
  while (!out.empty() && (out.back() == '-' || out.back() == '.')) out.pop_back();
  return out;
}

std::string system_message() { return std::generic_category().message(errno); }

// SQLite would make the file with the umask's rights; what it makes beside the file takes the file's.
Result<void> make_private(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return unexpected(
        ErrorKind::kTransport,
        fmt::format("the state file {} cannot be opened: {}: name another with --state", path, system_message()));
  }
  struct stat facts {};
  if (::fstat(descriptor, &facts) == 0 && (facts.st_mode & 077) != 0) {
    // It may be another user's: then their rights stand.
    const int changed = ::fchmod(descriptor, 0600);
    (void)changed;
  }
  ::close(descriptor);
  return {};
}

Result<std::string> value_of(Database& database, std::string_view name) {
  auto statement = database.prepare("SELECT value FROM riptide_state WHERE name = ?1");
  if (!statement) return unexpected(std::move(statement).error());
  statement->bind(1, name);
  auto row = statement->step();
  if (!row) return unexpected(std::move(row).error());
  return *row ? std::string(statement->text(0)) : std::string();
}

Result<void> set_value(Database& database, std::string_view name, std::string_view value) {
  auto statement = database.prepare("INSERT INTO riptide_state(name, value) VALUES(?1, ?2)");
  if (!statement) return unexpected(std::move(statement).error());
  statement->bind(1, name);
  statement->bind(2, value);
  return statement->run();
}

Result<void> make_tables(Database& database, const StateOwner& owner) {
  auto transaction = Transaction::begin(database);
  if (!transaction) return unexpected(std::move(transaction).error());
  // Another process may have been quicker.
  auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return unexpected(std::move(tables).error());
  if (*tables != 0) return transaction->commit();
  if (auto done = database.run(
          fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};{}", kApplicationId, kVersion, kTables));
      !done) {
    return done;
  }
  if (auto done = set_value(database, "target", owner.target); !done) return done;
  if (auto done = set_value(database, "integration", owner.integration); !done) return done;
  return transaction->commit();
}

Result<void> check_kind(Database& database) {
  auto id = database.integer("PRAGMA application_id");
  if (!id) return unexpected(std::move(id).error());
  auto version = database.integer("PRAGMA user_version");
  if (!version) return unexpected(std::move(version).error());
  if (*id != kApplicationId) {
    return unexpected(
        ErrorKind::kConfig,
        fmt::format("{} is a database, but not a state file: name another with --state", database.path()));
  }
  if (*version > kVersion) {
    return unexpected(ErrorKind::kConfig,
                      fmt::format("the state file {} was made by a later riptide (its version is {}, ours is {}): use "
                                  "that one, name another file with --state, or forget it with `riptide state reset`",
                                  database.path(), *version, kVersion));
  }
  return {};
}

Result<StateOwner> read_owner(Database& database) {
  auto target = value_of(database, "target");
  if (!target) return unexpected(std::move(target).error());
  auto integration = value_of(database, "integration");
  if (!integration) return unexpected(std::move(integration).error());
  return StateOwner{std::move(*target), std::move(*integration)};
}

Result<void> set_up(Database& database) {
  database.set_busy_timeout(kBusyTimeout);
  // A commit costs no flush: being killed loses nothing, a power cut at most the last commits.
  return database.run(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; "
      "PRAGMA cache_size = -4096; PRAGMA journal_size_limit = 67108864");
}

}  // namespace

std::string default_state_path(std::string_view state_home, const StateOwner& owner) {
  std::string both = owner.target;
  both += '\n';
  both += owner.integration;
  const auto digest = XXH3_64bits(both.data(), both.size());
  return fmt::format("{}/riptide/{}-{}-{:016x}.db", state_home, slug(owner.target), slug(owner.integration), digest);
}

Result<void> StateFile::make_directory(const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path directory = fs::path(path).parent_path();
  std::error_code failure;
  if (directory.empty() || fs::is_directory(directory, failure)) return {};
  // The last directory holds state only, so it is private; those above are made with the umask's rights.
  if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), failure);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return unexpected(ErrorKind::kTransport, fmt::format("the directory {} of the state file cannot be made: {}",
                                                         directory.string(), system_message()));
  }
  return {};
}

Result<StateFile> StateFile::open(std::string path, const StateOwner& owner) {
  if (auto made = make_directory(path); !made) return unexpected(std::move(made).error());
  if (auto made = make_private(path); !made) return unexpected(std::move(made).error());
  Database database;
  if (auto opened = database.open(path); !opened) return unexpected(std::move(opened).error());
  if (auto done = set_up(database); !done) return unexpected(std::move(done).error());
  auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return unexpected(std::move(tables).error());
  if (*tables == 0) {
    if (auto made = make_tables(database, owner); !made) return unexpected(std::move(made).error());
  }
  if (auto checked = check_kind(database); !checked) return unexpected(std::move(checked).error());
  auto found = read_owner(database);
  if (!found) return unexpected(std::move(found).error());
  if (found->target != owner.target || found->integration != owner.integration) {
    return unexpected(ErrorKind::kConfig,
                      fmt::format("the state file {} belongs to {} in {}, not to {} in {}: name another with --state",
                                  path, found->integration, found->target, owner.integration, owner.target));
  }
  return StateFile(std::move(path), owner);
}

Result<StateFile> StateFile::open_existing(std::string path) {
  std::error_code none;
  if (!std::filesystem::exists(path, none)) {
    return unexpected(ErrorKind::kNotFound, fmt::format("there is no state file {}", path));
  }
  Database database;
  if (auto opened = database.open(path, Database::Use::kWrite); !opened) return unexpected(std::move(opened).error());
  database.set_busy_timeout(kBusyTimeout);
  if (auto checked = check_kind(database); !checked) return unexpected(std::move(checked).error());
  auto owner = read_owner(database);
  if (!owner) return unexpected(std::move(owner).error());
  return StateFile(std::move(path), std::move(*owner));
}

Result<std::unique_ptr<Database>> StateFile::connect() const {
  auto database = std::make_unique<Database>();
  if (auto opened = database->open(path_, Database::Use::kWrite); !opened) return unexpected(std::move(opened).error());
  if (auto done = set_up(*database); !done) return unexpected(std::move(done).error());
  return database;
}

Result<void> StateFile::prepare(Database& database, const Schema& schema) const {
  const auto version_in_file = [&]() -> Result<std::size_t> {
    auto statement = database.prepare("SELECT version FROM riptide_concerns WHERE concern = ?1");
    if (!statement) return unexpected(std::move(statement).error());
    statement->bind(1, schema.concern);
    auto row = statement->step();
    if (!row) return unexpected(std::move(row).error());
    return *row ? static_cast<std::size_t>(statement->integer(0)) : std::size_t{0};
  };
  auto version = version_in_file();
  if (!version) return unexpected(std::move(version).error());
  if (*version == schema.steps.size()) return {};
  auto transaction = Transaction::begin(database);
  if (!transaction) return unexpected(std::move(transaction).error());
  version = version_in_file();  // Another process may have been quicker.
  if (!version) return unexpected(std::move(version).error());
  if (*version > schema.steps.size()) {
    return unexpected(
        ErrorKind::kConfig,
        fmt::format(
            "the state file {} was made by a later riptide ({} have version {}, ours is {}): use that one, name "
            "another file with --state, or forget it with `riptide state reset`",
            path_, schema.concern, *version, schema.steps.size()));
  }
  for (std::size_t step = *version; step < schema.steps.size(); ++step) {
    if (auto done = database.run(std::string(schema.steps[step])); !done) return done;
  }
  const auto note_version = [&]() -> Result<void> {
    auto statement = database.prepare("INSERT OR REPLACE INTO riptide_concerns(concern, version) VALUES(?1, ?2)");
    if (!statement) return unexpected(std::move(statement).error());
    statement->bind(1, schema.concern);
    statement->bind_integer(2, static_cast<std::int64_t>(schema.steps.size()));
    return statement->run();
  };
  if (auto noted = note_version(); !noted) return noted;
  return transaction->commit();
}

Result<bool> StateFile::remove(const std::string& path) {
  // The file last: what is left of a reset that was broken off is still found by the next.
  for (const char* const suffix : {"-wal", "-shm", ""}) {
    const std::string file = path + suffix;
    if (::unlink(file.c_str()) == 0) {
      if (*suffix == '\0') return true;
      continue;
    }
    if (errno != ENOENT) {
      return unexpected(ErrorKind::kConfig, fmt::format("{} cannot be removed: {}", file, system_message()));
    }
  }
  return false;
}

}  // namespace riptide::state
