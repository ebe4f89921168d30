#include "riptide/sinks/ndjson_sink.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <system_error>
#include <utility>

#include "line_index.hpp"
#include "output_file.hpp"

namespace riptide::sinks {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

// The file behind a symbolic link, so that the link stays one when the result takes its name.
std::string behind_links(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return path;
  std::string target(resolved);
  std::free(resolved);
  return target;
}

}  // namespace

struct NdjsonSink::State {
  OutputFile file;
  std::string target;  // The name that a regular file takes at the end.
  bool as_it_comes = false;
  bool failed = false;
  std::uint32_t lines = 0;
  LineIndex index;
  std::vector<std::uint32_t> superseded;
  std::string scratch;
};

NdjsonSink::NdjsonSink(std::string path)
    : path_(std::move(path)), spec_("ndjson:" + path_), state_(std::make_unique<State>()) {}

NdjsonSink::~NdjsonSink() = default;

Result<void> NdjsonSink::open() {
  if (path_ == "-") {
    state_->file.use_stdout();
    state_->as_it_comes = true;
    return {};
  }
  struct stat info {};
  const bool exists = ::stat(path_.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) {
    return unexpected(ErrorKind::kConfig, fmt::format("{} is a directory: name a file", path_));
  }
  if (exists && !S_ISREG(info.st_mode)) {
    state_->as_it_comes = true;
    return state_->file.open_stream(path_);
  }
  state_->target = exists ? behind_links(path_) : path_;
  const std::string partial = state_->target + ".partial";
  if (auto created = state_->file.create(partial); !created) return created;
  partial_path_ = partial;
  return {};
}

Result<std::vector<stages::Outcome>> NdjsonSink::write(const stages::Batch& batch) {
  State& state = *state_;
  for (const stages::Entity& entity : batch.entities) {
    std::string_view json = batch.json(entity);
    // Two searches: each is a memchr, while find_first_of goes byte by byte.
    if (json.find('\n') != std::string_view::npos || json.find('\r') != std::string_view::npos) {
      // Never inside a string: white space that a value of the source was written with.
      state.scratch.assign(json);
      std::replace_if(
          state.scratch.begin(), state.scratch.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
      json = state.scratch;
    }
    auto appended = state.file.append(json);
    if (appended) appended = state.file.append("\n");
    if (!appended) {
      state.failed = true;
      return unexpected(std::move(appended).error());
    }
    if (state.as_it_comes) continue;
    if (state.lines == std::numeric_limits<std::uint32_t>::max()) {
      state.failed = true;
      return unexpected(ErrorKind::kLimit, fmt::format("{} has {} lines, and no more fit: split the run by kind",
                                                       partial_path_, state.lines));
    }
    if (const auto before = state.index.put(entity.identity, state.lines)) state.superseded.push_back(*before);
    ++state.lines;
  }
  if (state.as_it_comes) {
    if (auto flushed = state.file.flush(); !flushed) {
      state.failed = true;
      return unexpected(std::move(flushed).error());
    }
  }
  return std::vector<stages::Outcome>(batch.entities.size());
}

Result<void> NdjsonSink::finish(stages::Finish how) {
  State& state = *state_;
  if (!state.file.is_open()) return {};
  Result<void> done;
  if (!state.failed) done = state.file.flush();
  if (!state.as_it_comes) {
    std::sort(state.superseded.begin(), state.superseded.end());
    if (state.failed) {
      done = state.file.drop_torn_line();
    } else if (done) {
      done = state.file.remove_lines(state.superseded);
    }
    if (done) done = state.file.sync();
    if (done && how == stages::Finish::kComplete && !state.failed) {
      if (std::rename(partial_path_.c_str(), state.target.c_str()) == 0) {
        done = sync_directory_of(state.target);
      } else {
        done = unexpected(ErrorKind::kTransport, fmt::format("{} cannot be renamed to {}: {}", partial_path_,
                                                             state.target, std::generic_category().message(errno)));
      }
    }
  }
  state.file.close();
  return done;
}

}  // namespace riptide::sinks
