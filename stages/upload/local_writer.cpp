#include "upload/local_writer.hpp"

#include <pthread.h>

#include <exception>
#include <string>
#include <utility>

namespace riptide::stages {

LocalWriter::LocalWriter(LocalSink& sink, std::chrono::milliseconds keep_every) : sink_(sink), keep_every_(keep_every) {
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
    const auto something = [this] { return ending_ || !queue_.empty(); };
    const bool to_keep = keep_every_.count() != 0 && kept() != written() && !failure_;
    if (!to_keep) {
      wake_.wait(lock, something);
    } else if (!wake_.wait_until(lock, kept_at_ + keep_every_, something)) {
      lock.unlock();
      keep();
      lock.lock();
      continue;
    }
    if (queue_.empty()) return;
    Write next = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    next.done(write_now(*next.batch));
    if (keep_every_.count() != 0 && kept() != written() && !failure_ &&
        std::chrono::steady_clock::now() >= kept_at_ + keep_every_) {
      keep();
    }
    next = {};  // Credits go home outside the lock.
    lock.lock();
  }
}

void LocalWriter::note_kept() {
  const std::uint64_t written = written_.load(std::memory_order_relaxed) + 1;
  const bool is_kept = sink_.is_kept();
  if (is_kept) {
    kept_at_ = std::chrono::steady_clock::now();
    kept_.store(written, std::memory_order_release);
  }
  written_.store(written, std::memory_order_release);
}

void LocalWriter::keep() {
  kept_at_ = std::chrono::steady_clock::now();
  if (auto done = sink_.keep(); !done) {
    failure_ = std::move(done).error();
    return;
  }
  kept_.store(written(), std::memory_order_release);
}

pipeline::Result<std::vector<Outcome>> LocalWriter::write_now(const Batch& batch) {
  if (failure_) return pipeline::unexpected(*failure_);
  try {
    auto outcomes = sink_.write(batch);
    if (outcomes) note_kept();
    return outcomes;
  } catch (const std::exception& thrown) {
    return pipeline::unexpected(ErrorKind::kInternal, "sink " + std::string(sink_.spec()) + " threw: " + thrown.what());
  }
}

}  // namespace riptide::stages
