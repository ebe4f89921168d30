#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "riptide/pipeline/credits.hpp"
#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

/// Records on disk, in the order in which they came: as many as there are, in little memory. The file has no name, is
/// its user's alone, and is gone with the process. A thread of its own writes, so that nobody who appends waits for the
/// disk; it starts with the first record. Free of TBB.
class Spool {
 public:
  /// The file is made in this directory. "" stands for $TMPDIR, else /var/tmp: /tmp is often memory.
  explicit Spool(std::string directory = {});
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Appends a record. Any thread. What is queued is bounded by `credit`, which goes home once it is written.
  void append(std::string record, pipeline::Credit credit = {});
  /// Waits until everything is written. Errors: kTransport (disk full or failing), naming the directory; what was not
  /// written is lost then.
  [[nodiscard]] pipeline::Result<void> flush();

  /// Calls `visit` with each record, in order; false ends it. After `flush`, and not while others append.
  [[nodiscard]] pipeline::Result<void> each(const std::function<bool(std::string_view record)>& visit) const;

  [[nodiscard]] std::uint64_t records() const;

 private:
  struct Entry {
    std::string record;
    pipeline::Credit credit;
  };
  void run();
  [[nodiscard]] pipeline::Result<void> open();
  [[nodiscard]] pipeline::Result<void> write(std::string_view bytes);
  [[nodiscard]] pipeline::Error error(std::string_view what, int number) const;

  const std::string directory_;
  int file_ = -1;
  mutable std::mutex mutex_;  ///< Guards everything below.
  std::condition_variable wake_;
  std::condition_variable written_;
  std::deque<Entry> queue_;
  bool writing_ = false;
  bool ending_ = false;
  std::uint64_t records_ = 0;
  std::optional<pipeline::Error> failure_;
  std::thread thread_;
};

}  // namespace riptide::stages
