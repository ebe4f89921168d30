#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"
#include "riptide/state/database.hpp"

namespace riptide::state {

/// Whose memory a state file is.
struct StateOwner {
  std::string target;       ///< Address of the catalogue: "port:https://api.getport.io", "sqlite:/data/riptide.db".
  std::string integration;  ///< Identifier of the integration.
};

/// Returns the file for `owner` in the directory `state_home` (`$XDG_STATE_HOME`, else `~/.local/state`): its name says
/// target and integration as far as a file name can, and ends in a digest of both.
[[nodiscard]] std::string default_state_path(std::string_view state_home, const StateOwner& owner);

/// The tables of one concern (digests, dead letters, ...), as steps: the first makes them, each further one changes
/// what the earlier left. How many steps a file has seen is the version of the concern in it. Never edit a step that
/// was released.
struct Schema {
  std::string_view concern;
  std::span<const std::string_view> steps;  ///< SQL; may hold several statements.
};

/// The SQLite file that remembers between runs: one a target and integration, WAL, for its user's eyes only (0600).
/// Each concern is a class of its own, with a connection of its own and tables of its own behind `prepare`.
/// Transactions are short (at most about a second): others wait for them.
class StateFile {
 public:
  /// Opens the file, or makes it with its directory. Errors: kConfig (it is another target's, it was made by a later
  /// riptide, it is no state file or damaged), kTransport (its place cannot be written; disk full or failing).
  [[nodiscard]] static pipeline::Result<StateFile> open(std::string path, const StateOwner& owner);
  /// Opens a file that is there, whoever it belongs to, to look at it. Errors: as above; kNotFound.
  [[nodiscard]] static pipeline::Result<StateFile> open_existing(std::string path);

  /// A new connection, for one thread at a time. It may outlive this object.
  [[nodiscard]] pipeline::Result<std::unique_ptr<Database>> connect() const;
  /// Brings the tables of a concern to this version. Errors: kConfig (made by a later riptide), and those of
  /// `Database`.
  [[nodiscard]] pipeline::Result<void> prepare(Database& database, const Schema& schema) const;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The file that a writer locks, see `WriterLock`.
  [[nodiscard]] std::string lock_path() const { return lock_path_of(path_); }
  [[nodiscard]] const StateOwner& owner() const noexcept { return owner_; }

  [[nodiscard]] static std::string lock_path_of(const std::string& path) { return path + ".lock"; }
  /// Makes the directory of a state file, if it is not there. Errors: kTransport.
  [[nodiscard]] static pipeline::Result<void> make_directory(const std::string& path);
  /// Removes a state file and what SQLite keeps beside it; true if there was one. Only with the writer's lock held.
  /// Errors: kConfig.
  [[nodiscard]] static pipeline::Result<bool> remove(const std::string& path);

 private:
  StateFile(std::string path, StateOwner owner) : path_(std::move(path)), owner_(std::move(owner)) {}
  std::string path_;
  StateOwner owner_;
};

}  // namespace riptide::state
