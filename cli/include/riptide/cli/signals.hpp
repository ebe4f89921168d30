#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "riptide/pipeline/stop.hpp"

namespace riptide::cli {

/// Turns SIGINT and SIGTERM into a `Stop`. Create it before any other thread: it blocks both signals on the calling
/// thread, all threads after it inherit that, and one thread of its own waits for them. SIGPIPE is ignored from then
/// on.
///
/// The first signal asks for a drain, the second for an abort; after it the process has `kGrace` to end in order, then
/// `last_words` is called and it exits with 128 + signal.
class SignalThread {
 public:
  static constexpr std::chrono::milliseconds kGrace{1500};

  SignalThread(pipeline::Stop& stop, std::function<void(int)> on_first, std::function<void()> last_words);
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

  /// The run is over: a first signal is not announced any more.
  void run_is_over() noexcept { over_.store(true, std::memory_order_release); }

  /// The signal that asked first; 0 if none did.
  [[nodiscard]] int first() const noexcept { return first_.load(std::memory_order_acquire); }

 private:
  void wait_for_signals();

  pipeline::Stop& stop_;
  std::function<void(int)> on_first_;
  std::function<void()> last_words_;
  std::atomic<int> first_{0};
  std::atomic<bool> closing_{false};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace riptide::cli
