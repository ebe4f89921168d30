#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

namespace riptide::bench {

/// The least that the sink `port` talks to, on 127.0.0.1, as a process of its own: it gives out tokens, takes every
/// upsert, and lists what it took. It dies with its parent.
class LoopbackCatalogue {
 public:
  /// Call it while the process has one thread. Null if it cannot start.
  static std::unique_ptr<LoopbackCatalogue> start();
  ~LoopbackCatalogue();
  LoopbackCatalogue(const LoopbackCatalogue&) = delete;
  LoopbackCatalogue& operator=(const LoopbackCatalogue&) = delete;

  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  LoopbackCatalogue(pid_t pid, std::string url) : pid_(pid), url_(std::move(url)) {}
  pid_t pid_;
  std::string url_;
};

}  // namespace riptide::bench
