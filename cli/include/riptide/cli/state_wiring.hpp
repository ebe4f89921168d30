#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "riptide/cli/config.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/stop.hpp"
#include "riptide/sinks/sink_spec.hpp"
#include "riptide/state/state_file.hpp"
#include "riptide/state/writer_lock.hpp"

namespace riptide::cli {

class Logger;

/// The address of the catalogue of a sink, the same however it was spelled: "port:https://api.getport.io",
/// "sqlite:/data/riptide.db"; "" for what does not last.
std::string target_of(const sinks::SinkSpec& spec, const Config& config);

/// Where a run's state file is, and whose it is.
struct StatePlace {
  std::string path;
  state::StateOwner owner;
  bool chosen = false;  ///< By `--state`.
};

/// `$XDG_STATE_HOME`, else `~/.local/state`; nothing where neither is known.
std::optional<std::string> state_home_of_user();

/// The place for a run into these sinks: one file a target and integration; of several sinks Port counts, else the
/// first. Nothing where there is nothing to remember: no sink that lasts (`null`, stdout), or no place known.
std::optional<StatePlace> place_of_state(const std::string& flag, const std::optional<std::string>& state_home,
                                         const std::vector<sinks::SinkSpec>& specs, const Config& config);

/// Where the pages of earlier runs are, beside their state file.
std::string remembered_pages_path(const std::string& state_path);

/// What a run holds of its state while it goes on. Both empty: nothing is remembered.
struct OpenState {
  std::optional<state::WriterLock> lock;
  std::shared_ptr<const state::StateFile> file;
};

/// A copy of a state file, for a run that must leave the file as it is; gone when this dies.
class StateCopy {
 public:
  /// Copies the file of that place as it is now, into a directory below $TMPDIR, else /var/tmp. Null if there is none.
  /// Errors: kConfig (see `StateFile::open`), kTransport (the disk is full).
  static pipeline::Result<std::unique_ptr<StateCopy>> make(const StatePlace& place);
  ~StateCopy();
  StateCopy(const StateCopy&) = delete;
  StateCopy& operator=(const StateCopy&) = delete;

  [[nodiscard]] const std::shared_ptr<const state::StateFile>& file() const noexcept { return file_; }

 private:
  explicit StateCopy(std::string directory) : directory_(std::move(directory)) {}
  const std::string directory_;
  std::shared_ptr<const state::StateFile> file_;
};

/// Becomes the one writer and opens the file. With `wait` it waits for another run until `stop` is requested. Errors:
/// kRejected (another run writes), kStopped, kTransport (the place cannot be written), kConfig (see `StateFile::open`).
pipeline::Result<OpenState> open_state(const StatePlace& place, const state::WriterLock::Holder& me, bool wait,
                                       const pipeline::Stop& stop, Logger& logger);

/// The same for a run that writes: where the usual place cannot be written it goes on without, and says so. Both
/// members are empty then.
pipeline::Result<OpenState> open_state_of_run(const StatePlace& place, const state::WriterLock::Holder& me, bool wait,
                                              const pipeline::Stop& stop, Logger& logger);

}  // namespace riptide::cli
