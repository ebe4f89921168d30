#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "body.hpp"
#include "file_stream.hpp"
#include "riptide/json/cutter.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/file_request.hpp"

namespace riptide::stages {

/// Says how the records of a file lie, by its first bytes (`whole`: there are no more): an array, or an object that is
/// indented, are values over many lines; all else is a record a line.
[[nodiscard]] FileShape shape_of(std::string_view start, bool whole);

/// Finds where the part of a file that is growing can end.
class PartCutter {
 public:
  PartCutter(FileShape shape, bool within_array) : shape_(shape), within_(within_array) {}

  /// Looks at a text of which all but the end was looked at before.
  void scan(std::string_view text);
  /// Behind the last record; 0 if none has ended.
  [[nodiscard]] std::size_t cut() const noexcept { return cut_; }
  /// Nothing behind the cut will be looked at: the array ends there, or this is not JSON.
  [[nodiscard]] bool done() const noexcept { return done_; }

 private:
  void scan_lines(std::string_view text);
  void scan_values(std::string_view text);

  const FileShape shape_;
  bool within_;
  bool begun_ = false;
  bool done_ = false;
  std::size_t base_ = 0;  ///< Where `cutter_` begins.
  std::size_t seen_ = 0;
  std::size_t cut_ = 0;
  json::Cutter cutter_;
};

/// One file while it is read part by part. One thread at a time.
class FileLane {
 public:
  /// @param interruption  Borrowed.
  FileLane(std::string path, int standard_input, const Interruption& interruption)
      : path_(std::move(path)), standard_input_(standard_input), interruption_(interruption) {}

  /// Reads one part into `body`, and says what it is. When the body's credit does not grow, the same part can be asked
  /// for again.
  /// @param scratch  Working memory. @param limits  For the message.
  pipeline::Result<FilePart> read(const FileRequest& request, Body& body, std::span<char> scratch,
                                  const BodyLimits& limits);

  /// Whether it can be closed and opened again at any time.
  [[nodiscard]] bool may_close() const noexcept { return stream_ == nullptr || stream_->again(); }
  void close() noexcept;

 private:
  pipeline::Result<void> go_to(std::uint64_t at);
  pipeline::Result<FileShape> look_at_start(std::span<char> scratch);
  pipeline::Result<void> read_lines_at(const FileRequest& request, Body& body, std::span<char> scratch, FilePart& part);
  pipeline::Result<void> read_on(const FileRequest& request, Body& body, std::span<char> scratch, FilePart& part);
  [[nodiscard]] Error no_room(const Body& body, std::uint64_t at, const BodyLimits& limits) const;
  /// The number of line breaks before a place, if that is known, or easily found out.
  [[nodiscard]] std::optional<std::uint64_t> breaks_before(std::uint64_t at, std::span<char> scratch);
  void note_breaks(std::uint64_t at, std::uint64_t breaks);

  const std::string path_;
  const int standard_input_;
  const Interruption& interruption_;
  std::unique_ptr<FileStream> stream_;
  std::uint64_t position_ = 0;                                ///< Of the first byte of `carry_`.
  std::string carry_;                                         ///< Read, but behind the last cut.
  std::map<std::uint64_t, std::uint64_t> breaks_ = {{0, 0}};  ///< Line breaks before some places.
};

}  // namespace riptide::stages
