#include "spill_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "riptide/pipeline/temporary_file.hpp"

namespace riptide::pipeline {
namespace {

/// Where space is given back: whole pages of the file.
constexpr std::uint64_t kPage = 4096;

}  // namespace

std::optional<SpillFile> SpillFile::make(const std::string& directory) {
  const int descriptor = open_unnamed_file(directory);
  if (descriptor < 0) return std::nullopt;
  return SpillFile(descriptor);
}

SpillFile::SpillFile(SpillFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), end_(other.end_.load()) {}

SpillFile::~SpillFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<std::uint64_t> SpillFile::append(const void* bytes, std::size_t length) noexcept {
  const std::uint64_t at = end_.fetch_add((length + kPage - 1) / kPage * kPage, std::memory_order_relaxed);
  std::size_t written = 0;
  while (written < length) {
    const ssize_t some = ::pwrite(descriptor_, static_cast<const char*>(bytes) + written, length - written,
                                  static_cast<off_t>(at + written));
    if (some < 0 && errno == EINTR) continue;
    if (some <= 0) return std::nullopt;
    written += static_cast<std::size_t>(some);
  }
  return at;
}

bool SpillFile::read(std::uint64_t at, void* bytes, std::size_t length) const noexcept {
  std::size_t read = 0;
  while (read < length) {
    const ssize_t some =
        ::pread(descriptor_, static_cast<char*>(bytes) + read, length - read, static_cast<off_t>(at + read));
    if (some < 0 && errno == EINTR) continue;
    if (some <= 0) return false;
    read += static_cast<std::size_t>(some);
  }
  return true;
}

void SpillFile::release(std::uint64_t at, std::size_t length) noexcept {
  // Where that is not known, the file is larger until the end.
  const auto pages = static_cast<off_t>((length + kPage - 1) / kPage * kPage);
  const int done = ::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at), pages);
  (void)done;
}

}  // namespace riptide::pipeline
