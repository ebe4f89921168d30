#include "riptide/state/writer_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <string_view>
#include <system_error>
#include <thread>

namespace riptide::state {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

constexpr std::chrono::milliseconds kBetweenTries{100};

bool try_lock(int descriptor, int how) noexcept {
  while (::flock(descriptor, how | LOCK_NB) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

// Three lines: pid, run id, since. What is not there yet reads as empty.
WriterLock::Holder read_holder(int descriptor) {
  std::array<char, 512> room{};
  const ssize_t length = ::pread(descriptor, room.data(), room.size(), 0);
  std::string_view text(room.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  const auto line = [&text] {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view read = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return read;
  };
  WriterLock::Holder holder;
  const std::string_view pid = line();
  std::from_chars(pid.data(), pid.data() + pid.size(), holder.pid);
  holder.run_id = line();
  holder.since = line();
  return holder;
}

// The lock is what counts: a name that could not be written costs a poorer message.
void write_holder(int descriptor, const WriterLock::Holder& me) noexcept {
  const std::string text = fmt::format("{}\n{}\n{}\n", me.pid, me.run_id, me.since);
  if (::ftruncate(descriptor, 0) != 0) return;
  const ssize_t written = ::pwrite(descriptor, text.data(), text.size(), 0);
  (void)written;
}

std::string described(const WriterLock::Holder& holder) {
  if (holder.pid == 0) return "another process";
  return fmt::format("another process (riptide, pid {}, run {}, since {})", holder.pid, holder.run_id, holder.since);
}

}  // namespace

Result<WriterLock> WriterLock::take(const std::string& path, const Holder& me, const KeepWaiting& keep_waiting) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return unexpected(ErrorKind::kTransport, fmt::format("the lock file {} cannot be opened: {}", path,
                                                         std::generic_category().message(errno)));
  }
  WriterLock lock(descriptor);
  while (!try_lock(descriptor, LOCK_EX)) {
    if (errno != EWOULDBLOCK) {
      return unexpected(ErrorKind::kTransport,
                        fmt::format("{} cannot be locked: {}", path, std::generic_category().message(errno)));
    }
    const Holder other = read_holder(descriptor);
    if (!keep_waiting) {
      return unexpected(ErrorKind::kRejected, fmt::format("{} is writing to this target: --wait waits for it, lock={}",
                                                          described(other), path));
    }
    if (!keep_waiting(other)) {
      return unexpected(ErrorKind::kStopped, fmt::format("stopped while {} held the target", described(other)));
    }
    std::this_thread::sleep_for(kBetweenTries);
  }
  write_holder(descriptor, me);
  return lock;
}

std::optional<WriterLock::Holder> WriterLock::holder_of(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  const WriterLock closer(descriptor);
  if (try_lock(descriptor, LOCK_SH)) return std::nullopt;
  return read_holder(descriptor);
}

WriterLock::~WriterLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace riptide::state
