#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::stages {

/// The one thread that works on a local sink: writes batches in the order they came. Its queue is bounded by the
/// credits of the batches in it. Free of TBB.
class LocalWriter {
 public:
  /// Called on the writer thread with the result of one batch. Must not throw.
  using Done = std::function<void(pipeline::Result<std::vector<Outcome>>)>;

  /// `sink` is borrowed and already open. What was written is kept (see `LocalSink::keep`) about every `keep_every`;
  /// 0 leaves that to the sink.
  explicit LocalWriter(LocalSink& sink, std::chrono::milliseconds keep_every = std::chrono::milliseconds{0});
  ~LocalWriter();
  LocalWriter(const LocalWriter&) = delete;
  LocalWriter& operator=(const LocalWriter&) = delete;

  /// Queues a batch. Any thread. With a sink that writes inline, `done` is called before this returns.
  void write(std::shared_ptr<const Batch> batch, Done done);

  /// How many writes were made: in `done`, on the writer's thread, that one included. Any thread.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_.load(std::memory_order_acquire); }
  /// How many of these, in their order, survive the death of this process. Any thread.
  [[nodiscard]] std::uint64_t kept() const noexcept { return kept_.load(std::memory_order_acquire); }

 private:
  struct Write {
    std::shared_ptr<const Batch> batch;
    Done done;
  };
  void run();
  pipeline::Result<std::vector<Outcome>> write_now(const Batch& batch);
  void keep();
  void note_kept();

  LocalSink& sink_;
  const std::chrono::milliseconds keep_every_;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> kept_{0};
  std::chrono::steady_clock::time_point kept_at_ = std::chrono::steady_clock::now();
  std::optional<Error> failure_;  ///< Of keeping: what the next write ends with.
  std::mutex mutex_;              ///< Guards queue_ and ending_; serialises an inline sink.
  std::condition_variable wake_;
  std::deque<Write> queue_;
  bool ending_ = false;
  std::thread thread_;  ///< Not started for an inline sink.
};

}  // namespace riptide::stages
