#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
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

  /// `sink` is borrowed and already open.
  explicit LocalWriter(LocalSink& sink);
  ~LocalWriter();
  LocalWriter(const LocalWriter&) = delete;
  LocalWriter& operator=(const LocalWriter&) = delete;

  /// Queues a batch. Any thread. With a sink that writes inline, `done` is called before this returns.
  void write(std::shared_ptr<const Batch> batch, Done done);

 private:
  struct Write {
    std::shared_ptr<const Batch> batch;
    Done done;
  };
  void run();
  pipeline::Result<std::vector<Outcome>> write_now(const Batch& batch);

  LocalSink& sink_;
  std::mutex mutex_;  ///< Guards queue_ and ending_; serialises an inline sink.
  std::condition_variable wake_;
  std::deque<Write> queue_;
  bool ending_ = false;
  std::thread thread_;  ///< Not started for an inline sink.
};

}  // namespace riptide::stages
