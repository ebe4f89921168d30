#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/result.hpp"

namespace riptide::sinks {

/// A file descriptor that is written through one large buffer, with every error surfaced. Closes what it opened.
class OutputFile {
 public:
  OutputFile() = default;
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Opens `path` anew, locked against other processes. Errors: kConfig, kRejected (another process writes it).
  [[nodiscard]] pipeline::Result<void> create(const std::string& path);
  /// Opens a pipe or device that is there. Errors: kConfig.
  [[nodiscard]] pipeline::Result<void> open_stream(const std::string& path);
  /// Writes to stdout, which stays open.
  void use_stdout();

  /// Appends bytes. Errors: kTransport, as for all that follow.
  [[nodiscard]] pipeline::Result<void> append(std::string_view bytes);
  /// Hands everything to the system.
  [[nodiscard]] pipeline::Result<void> flush();
  /// Waits until the bytes are on the disk.
  [[nodiscard]] pipeline::Result<void> sync();
  /// Removes lines, in place: the file only shrinks, so it needs no room. `lines` counts from 0, ascending.
  [[nodiscard]] pipeline::Result<void> remove_lines(const std::vector<std::uint32_t>& lines);
  /// Cuts off what a failed write left of its last line.
  [[nodiscard]] pipeline::Result<void> drop_torn_line();
  void close() noexcept;

  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

 private:
  [[nodiscard]] pipeline::Result<void> write_all(std::string_view bytes);
  [[nodiscard]] pipeline::Result<void> write_all_at(std::string_view bytes, std::int64_t at);
  [[nodiscard]] pipeline::Unexpected failed(std::string_view doing, int error) const;

  int fd_ = -1;
  bool owned_ = false;
  std::string name_;
  std::string buffer_;
};

/// Makes a rename in the directory of `path` durable.
[[nodiscard]] pipeline::Result<void> sync_directory_of(const std::string& path);

}  // namespace riptide::sinks
