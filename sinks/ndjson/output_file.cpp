#include "output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace riptide::sinks {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

std::string reason(int error) { return std::generic_category().message(error); }

std::string advice(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "; free some space, or write to another disk";
    case EFBIG:
      return "; the file is as large as the system allows: raise the limit (ulimit -f)";
    case EPIPE:
      return "; the reader went away";
    case ENOENT:
      return "; make the directory first";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; choose a place where this user may write";
    default:
      return {};
  }
}

}  // namespace

OutputFile::~OutputFile() { close(); }

pipeline::Unexpected OutputFile::failed(std::string_view doing, int error) const {
  return unexpected(ErrorKind::kTransport,
                    fmt::format("{} {} failed: {}{}", doing, name_, reason(error), advice(error)));
}

Result<void> OutputFile::create(const std::string& path) {
  name_ = path;
  // Not truncated before the lock is held: it may be another's.
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
  if (fd_ < 0) {
    const int error = errno;
    return unexpected(ErrorKind::kConfig, fmt::format("cannot create {}: {}{}", path, reason(error), advice(error)));
  }
  owned_ = true;
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close();
    if (error == EWOULDBLOCK) {
      return unexpected(
          ErrorKind::kRejected,
          fmt::format("{} is being written by another process: wait for it, or choose another file", path));
    }
    return unexpected(ErrorKind::kConfig, fmt::format("cannot lock {}: {}", path, reason(error)));
  }
  if (::ftruncate(fd_, 0) != 0) {
    const int error = errno;
    close();
    return unexpected(ErrorKind::kConfig, fmt::format("cannot empty {}: {}", path, reason(error)));
  }
  buffer_.reserve(kBufferBytes);
  return {};
}

Result<void> OutputFile::open_stream(const std::string& path) {
  name_ = path;
  fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd_ < 0) {
    const int error = errno;
    return unexpected(ErrorKind::kConfig, fmt::format("cannot open {}: {}{}", path, reason(error), advice(error)));
  }
  owned_ = true;
  return {};
}

void OutputFile::use_stdout() {
  name_ = "stdout";
  fd_ = STDOUT_FILENO;
  owned_ = false;
}

Result<void> OutputFile::append(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) {
    if (auto flushed = flush(); !flushed) return flushed;
    if (bytes.size() >= kBufferBytes) return write_all(bytes);
  }
  buffer_ += bytes;
  return {};
}

Result<void> OutputFile::flush() {
  Result<void> written = write_all(buffer_);
  buffer_.clear();  // After a failure too: half of a line was written, there is no going on.
  return written;
}

Result<void> OutputFile::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return failed("writing", errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> OutputFile::write_all_at(std::string_view bytes, std::int64_t at) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd_, bytes.data(), bytes.size(), at);
    if (count < 0) {
      if (errno == EINTR) continue;
      return failed("writing", errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
    at += count;
  }
  return {};
}

Result<void> OutputFile::sync() {
  if (::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) return failed("syncing", errno);
  return {};
}

Result<void> OutputFile::remove_lines(const std::vector<std::uint32_t>& lines) {
  if (lines.empty()) return {};
  std::string block(kBufferBytes, '\0');
  std::string kept;
  kept.reserve(kBufferBytes);
  std::int64_t read_at = 0;
  std::int64_t write_at = -1;  // Nothing has moved yet.
  std::uint32_t line = 0;
  auto next_removed = lines.begin();
  while (true) {
    const ssize_t count = ::pread(fd_, block.data(), block.size(), read_at);
    if (count < 0) {
      if (errno == EINTR) continue;
      return failed("reading", errno);
    }
    if (count == 0) break;
    std::string_view rest(block.data(), static_cast<std::size_t>(count));
    std::int64_t at = read_at;
    read_at += count;
    while (!rest.empty()) {
      const std::size_t newline = rest.find('\n');
      const std::size_t length = newline == std::string_view::npos ? rest.size() : newline + 1;
      const bool removed = next_removed != lines.end() && *next_removed == line;
      if (removed && write_at < 0) write_at = at;
      if (!removed && write_at >= 0) kept += rest.substr(0, length);
      if (newline != std::string_view::npos) {
        ++line;
        if (removed) ++next_removed;
      }
      rest.remove_prefix(length);
      at += static_cast<std::int64_t>(length);
    }
    if (!kept.empty()) {
      if (auto written = write_all_at(kept, write_at); !written) return written;
      write_at += static_cast<std::int64_t>(kept.size());
      kept.clear();
    }
  }
  if (write_at >= 0 && ::ftruncate(fd_, write_at) != 0) return failed("shortening", errno);
  return {};
}

Result<void> OutputFile::drop_torn_line() {
  std::int64_t end = ::lseek(fd_, 0, SEEK_END);
  if (end < 0) return failed("reading", errno);
  std::string block(kBufferBytes, '\0');
  while (end > 0) {
    const std::int64_t begin = std::max<std::int64_t>(0, end - static_cast<std::int64_t>(block.size()));
    const ssize_t count = ::pread(fd_, block.data(), static_cast<std::size_t>(end - begin), begin);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return failed("reading", errno);
    const std::size_t newline = std::string_view(block.data(), static_cast<std::size_t>(count)).rfind('\n');
    if (newline != std::string_view::npos) {
      end = begin + static_cast<std::int64_t>(newline) + 1;
      break;
    }
    end = begin;
  }
  if (::ftruncate(fd_, end) != 0) return failed("shortening", errno);
  return {};
}

void OutputFile::close() noexcept {
  if (fd_ >= 0 && owned_) ::close(fd_);
  fd_ = -1;
}

Result<void> sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return {};  // A directory that may be written but not read: nothing more can be done.
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (result != 0 && error != EINVAL && error != EROFS) {
    return unexpected(ErrorKind::kTransport,
                      fmt::format("syncing the directory {} failed: {}", directory, reason(error)));
  }
  return {};
}

}  // namespace riptide::sinks
