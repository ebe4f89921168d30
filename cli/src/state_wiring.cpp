#include "riptide/cli/state_wiring.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "riptide/cli/logging.hpp"
#include "riptide/pipeline/temporary_file.hpp"

namespace riptide::cli {
namespace {

using sinks::SinkSpec;

// Two names of one file are one target.
std::string absolute(const std::string& path) {
  std::error_code failure;
  // What is not there yet stays relative in a canonical path, unless it was absolute before.
  const auto whole = std::filesystem::weakly_canonical(std::filesystem::absolute(path, failure), failure);
  return failure ? path : whole.string();
}

}  // namespace

std::string target_of(const SinkSpec& spec, const Config& config) {
  switch (spec.kind) {
    case SinkSpec::Kind::kPort:
      return "port:" + config.text("port.base_url");
    case SinkSpec::Kind::kSqlite:
      return "sqlite:" + absolute(spec.path);
    case SinkSpec::Kind::kNdjson:
      return spec.path == "-" ? "" : "ndjson:" + absolute(spec.path);
    case SinkSpec::Kind::kNull:
      return "";
  }
  return "";
}

namespace {

std::string target_of(const std::vector<SinkSpec>& specs, const Config& config) {
  for (const SinkSpec& spec : specs) {
    if (spec.kind == SinkSpec::Kind::kPort) return target_of(spec, config);
  }
  for (const SinkSpec& spec : specs) {
    if (std::string target = target_of(spec, config); !target.empty()) return target;
  }
  return "";
}

}  // namespace

std::optional<std::string> state_home_of_user() {
  // A path that is not absolute is to be ignored: XDG Base Directory Specification.
  if (const char* const given = std::getenv("XDG_STATE_HOME"); given != nullptr && *given == '/') return given;
  if (const char* const home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return std::string(home) + "/.local/state";
  }
  return std::nullopt;
}

std::optional<StatePlace> place_of_state(const std::string& flag, const std::optional<std::string>& state_home,
                                         const std::vector<SinkSpec>& specs, const Config& config) {
  state::StateOwner owner{target_of(specs, config), config.identifier()};
  if (!flag.empty()) {
    if (owner.target.empty()) owner.target = specs.empty() ? "none" : specs.front().text;
    return StatePlace{flag, std::move(owner), true};
  }
  if (owner.target.empty() || !state_home) return std::nullopt;
  std::string path = state::default_state_path(*state_home, owner);
  return StatePlace{std::move(path), std::move(owner), false};
}

std::string remembered_pages_path(const std::string& state_path) { return state_path + ".pages"; }

pipeline::Result<OpenState> open_state(const StatePlace& place, const state::WriterLock::Holder& me, bool wait,
                                       const pipeline::Stop& stop, Logger& logger) {
  if (auto made = state::StateFile::make_directory(place.path); !made) {
    return pipeline::unexpected(std::move(made).error());
  }
  bool said = false;
  const state::WriterLock::KeepWaiting keep_waiting = [&](const state::WriterLock::Holder& other) {
    if (!said) {
      logger.info("waiting for run " + other.run_id + " (pid " + std::to_string(other.pid) + ", since " + other.since +
                  "), which writes to " + place.owner.target);
    }
    said = true;
    return !stop.requested();
  };
  auto lock = state::WriterLock::take(state::StateFile::lock_path_of(place.path), me, wait ? keep_waiting : nullptr);
  if (!lock) return pipeline::unexpected(std::move(lock).error());
  auto file = state::StateFile::open(place.path, place.owner);
  if (!file) return pipeline::unexpected(std::move(file).error());
  OpenState open;
  open.lock = std::move(*lock);
  open.file = std::make_shared<const state::StateFile>(std::move(*file));
  return open;
}

pipeline::Result<OpenState> open_state_of_run(const StatePlace& place, const state::WriterLock::Holder& me, bool wait,
                                              const pipeline::Stop& stop, Logger& logger) {
  auto opened = open_state(place, me, wait, stop, logger);
  if (opened || opened.error().kind != pipeline::ErrorKind::kTransport || place.chosen) return opened;
  logger.warning(opened.error().message + ": this run remembers nothing, and nothing keeps other runs from the target");
  return OpenState();
}

pipeline::Result<std::unique_ptr<StateCopy>> StateCopy::make(const StatePlace& place) {
  std::error_code none;
  if (!std::filesystem::exists(place.path, none)) return std::unique_ptr<StateCopy>();
  std::string directory = pipeline::temporary_directory() + "/riptide-XXXXXX";  // A pattern, which mkdtemp fills in.
  if (::mkdtemp(directory.data()) == nullptr) {
    return pipeline::unexpected(pipeline::ErrorKind::kTransport, "no directory can be made in " +
                                                                     directory.substr(0, directory.rfind('/')) + ": " +
                                                                     std::generic_category().message(errno) +
                                                                     " (set TMPDIR to one that can be written)");
  }
  std::unique_ptr<StateCopy> copy(new StateCopy(std::move(directory)));
  const std::string path = copy->directory_ + "/state.db";
  {
    // A file at rest is read as one that nobody changes, so that nothing appears beside it.
    const bool at_rest = !std::filesystem::exists(place.path + "-wal", none);
    state::Database original;
    if (auto opened =
            original.open(place.path, at_rest ? state::Database::Use::kReadAtRest : state::Database::Use::kRead);
        !opened) {
      return pipeline::unexpected(std::move(opened).error());
    }
    std::string quoted;
    for (const char c : path) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    if (auto copied = original.run("VACUUM INTO '" + quoted + "'"); !copied) {
      return pipeline::unexpected(std::move(copied).error());
    }
  }
  auto file = state::StateFile::open(path, place.owner);
  if (!file) return pipeline::unexpected(std::move(file).error());
  copy->file_ = std::make_shared<const state::StateFile>(std::move(*file));
  return copy;
}

StateCopy::~StateCopy() {
  file_.reset();
  std::error_code none;
  std::filesystem::remove_all(directory_, none);
}

}  // namespace riptide::cli
