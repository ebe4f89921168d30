#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "riptide/pipeline/result.hpp"

namespace riptide::cli {

/// The made-up Octopus as a process of its own: this program again, with a hidden verb. It dies with its parent, and is
/// in a process group of its own, so that the terminal's Ctrl-C reaches only the resync.
class OctopusProcess {
 public:
  /// Starts it with flags of the simulator and waits until it listens. Call it before any thread is started.
  /// Errors: kInternal, with what it wrote to stderr being seen already.
  static pipeline::Result<std::unique_ptr<OctopusProcess>> start(const std::vector<std::string>& flags);
  ~OctopusProcess();
  OctopusProcess(const OctopusProcess&) = delete;
  OctopusProcess& operator=(const OctopusProcess&) = delete;

  [[nodiscard]] const std::string& url() const noexcept { return url_; }
  /// CPU time of all its threads so far.
  [[nodiscard]] std::chrono::nanoseconds cpu() const;

 private:
  OctopusProcess(pid_t pid, std::string url) : pid_(pid), url_(std::move(url)) {}
  pid_t pid_;
  std::string url_;
};

/// What a measured piece of work cost: the child process alone.
struct ChildCost {
  double wall_seconds = 0;
  double cpu_seconds = 0;
  std::uint64_t peak_rss_bytes = 0;
};

/// Runs `work` in a forked child and returns the text that it gave, and what the child cost. Call it while the process
/// has one thread. Errors: kInternal (the child died).
pipeline::Result<std::string> run_in_child(const std::function<std::string()>& work, ChildCost& cost);

}  // namespace riptide::cli
