#include "upload/local_writer.hpp"

#include <pthread.h>

#include <exception>
#include <string>
#include <utility>

namespace riptide::stages {

LocalWriter::LocalWriter(LocalSink& sink) : sink_(sink) {
  if (sink_.inline_writes()) return;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "riptide-writer");
}

LocalWriter::~LocalWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LocalWriter::write(std::shared_ptr<const Batch> batch, Done done) {
  if (!thread_.joinable()) {
    auto result = [&] {
      const std::lock_guard lock(mutex_);
      return write_now(*batch);
    }();
    done(std::move(result));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({std::move(batch), std::move(done)});
  }
  wake_.notify_one();
}

void LocalWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Write next = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    next.done(write_now(*next.batch));
    next = {};  // Credits go home outside the lock.
    lock.lock();
  }
}

pipeline::Result<std::vector<Outcome>> LocalWriter::write_now(const Batch& batch) {
  try {
    return sink_.write(batch);
  } catch (const std::exception& thrown) {
    return pipeline::unexpected(ErrorKind::kInternal, "sink " + std::string(sink_.spec()) + " threw: " + thrown.what());
  }
}

}  // namespace riptide::stages
