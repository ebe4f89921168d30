#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "riptide/pipeline/result.hpp"

namespace riptide::state {

/// The right to be the one run that writes to a target. The kernel gives it up when the process dies, however it dies.
/// Move-only; any thread.
class WriterLock {
 public:
  /// Who holds the lock, for the message of those who do not get it.
  struct Holder {
    std::int64_t pid = 0;
    std::string run_id;
    std::string since;  ///< ISO 8601.
  };

  /// Asked several times a second while another process holds the lock; false gives up.
  using KeepWaiting = std::function<bool(const Holder& other)>;

  /// Takes the lock of `path`, a file made for nothing else (made if it is not there, never removed: a lock on a file
  /// that has lost its name would lock nobody out). Without `keep_waiting` it does not wait. Errors: kRejected (held by
  /// another process, which the message names), kStopped (waiting was given up), kTransport (the file cannot be
  /// opened).
  [[nodiscard]] static pipeline::Result<WriterLock> take(const std::string& path, const Holder& me,
                                                         const KeepWaiting& keep_waiting = nullptr);
  /// Returns who holds the lock of `path` now, or nothing.
  [[nodiscard]] static std::optional<Holder> holder_of(const std::string& path);

  WriterLock(WriterLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  WriterLock& operator=(WriterLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;
  ~WriterLock();

 private:
  explicit WriterLock(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace riptide::state
