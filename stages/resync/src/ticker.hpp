#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace riptide::stages {

/// Calls back at regular times, on a thread of its own: nothing in the graph knows the time.
class Ticker {
 public:
  Ticker(std::chrono::milliseconds period, std::function<void()> call)
      : thread_([this, period, call = std::move(call)] {
          std::unique_lock lock(mutex_);
          while (!wake_.wait_for(lock, period, [this] { return ending_; })) call();
        }) {}
  ~Ticker() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  std::mutex mutex_;  ///< Guards ending_.
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace riptide::stages
