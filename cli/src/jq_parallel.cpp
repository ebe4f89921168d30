#include "riptide/cli/jq_parallel.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace riptide::cli {

namespace jq = transform::jq;

bool write_fully(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

namespace {

// What a block came to.
struct Done {
  std::string out;
  std::string err;
  JqVerdict verdict;
};

// One thread's evaluator and buffers.
class Worker {
 public:
  Worker(const JqOptions& options, const jq::Program& program, const JqSource& source)
      : options_(options), program_(program), source_(source), runner_(options, program, evaluator_) {}

  JqBlock block;

  Done run() {
    runner_.verdict = {};
    if (options_.raw_input) {
      lines();
    } else {
      values();
    }
    return {std::move(runner_.out), std::move(runner_.err), runner_.verdict};
  }

  void take_back(Done&& done) {
    runner_.out = std::move(done.out);
    runner_.err = std::move(done.err);
    runner_.out.clear();
    runner_.err.clear();
  }

 private:
  void values() {
    const std::string_view text = block.text();
    std::size_t at = 0;
    while (true) {
      const auto loaded = evaluator_.load_next(text, at, block.last, &program_);
      if (!loaded || *loaded == jq::Evaluator::Loaded::kUnfinished) {
        const JqBlock::Position here = block.position(at);
        runner_.refuse_input(with_position(loaded ? "Unfinished JSON term at line 1, column 0" : loaded.error().message,
                                           here.line, here.column));
        return;
      }
      if (*loaded == jq::Evaluator::Loaded::kEnd) return;
      run_one(at);
    }
  }

  void lines() {
    const std::string_view text = block.text();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      evaluator_.load_string(text.substr(at, end - at));
      at = std::min(end + 1, text.size());
      run_one(at);
    }
  }

  void run_one(std::size_t end) {
    runner_.run([this, end] {
      const JqBlock::Place place = block.place(end);
      return source_.name(place.file) + ":" + std::to_string(place.line);
    });
  }

  const JqOptions& options_;
  const jq::Program& program_;
  const JqSource& source_;
  jq::Evaluator evaluator_{kJqLimits};
  JqRunner runner_;
};

}  // namespace

class JqParallel::Shared {
 public:
  Shared(const JqOptions& options, const jq::Program& program, JqSource& source, Where where)
      : options_(options), program_(program), source_(source), where_(where), window_(2 * where.threads + 2) {}

  JqVerdict run() {
    std::vector<std::thread> threads;
    try {
      Worker worker(options_, program_, source_);
      if (read(worker.block)) {
        if (!worker.block.last) {
          for (unsigned i = 1; i < where_.threads; ++i) threads.emplace_back([this] { work_guarded(); });
        }
        finish(0, worker);
        work(worker);
      }
    } catch (const std::system_error&) {  // no thread is to be had: those that are there do it all
      work_guarded();
    } catch (...) {
      fail();
    }
    for (std::thread& thread : threads) thread.join();
    if (std::string all = source_.complaints(); !all.empty()) write_fully(where_.err, "jq: error: " + all + "\n");
    return verdict_;
  }

  [[nodiscard]] bool write_failed() const { return write_failed_; }

 private:
  void work_guarded() noexcept {
    try {
      Worker worker(options_, program_, source_);
      work(worker);
    } catch (...) {
      fail();
    }
  }

  // Out of memory, most likely: nothing of what follows is written.
  void fail() noexcept {
    const std::lock_guard lock(order_);
    stopped_ = true;
    write_fully(where_.err, "jq: error: out of memory\n");
    verdict_.add({.code = jq_exit::kError, .last_output = -1, .stopped = true});
    changed_.notify_all();
  }

  bool read(JqBlock& block) { return source_.next(block); }

  void work(Worker& worker) {
    while (true) {
      std::uint64_t number = 0;
      {
        const std::lock_guard reading(reading_);
        {
          std::unique_lock lock(order_);
          changed_.wait(lock, [this] { return stopped_ || next_ - written_ < window_; });
          if (stopped_) return;
        }
        if (exhausted_ || !read(worker.block)) {
          exhausted_ = true;
          return;
        }
        exhausted_ = worker.block.last;
        number = next_++;
      }
      finish(number, worker);
    }
  }

  void finish(std::uint64_t number, Worker& worker) {
    Done done = worker.run();
    std::unique_lock lock(order_);
    waiting_.emplace(number, std::move(done));
    if (writing_) return;  // whoever writes will come to it
    writing_ = true;
    while (!stopped_ && !waiting_.empty() && waiting_.begin()->first == written_) {
      Done next = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      lock.unlock();
      const bool good = write_fully(where_.out, next.out);
      write_fully(where_.err, next.err);
      lock.lock();
      ++written_;
      verdict_.add(next.verdict);
      if (!good) write_failed_ = true;
      stopped_ = stopped_ || next.verdict.stopped || !good;
      if (!spare_) spare_.emplace(std::move(next));
      changed_.notify_all();
    }
    writing_ = false;
    if (spare_) {
      worker.take_back(std::move(*spare_));
      spare_.reset();
    }
  }

  const JqOptions& options_;
  const jq::Program& program_;
  JqSource& source_;
  const Where where_;
  const std::uint64_t window_;

  std::mutex reading_;  // Whoever has it reads the source; taken before `order_`.
  bool exhausted_ = false;

  std::mutex order_;  // What is below, and `next_` with `reading_`.
  std::condition_variable changed_;
  std::atomic<std::uint64_t> next_ = 1;  // Block 0 is read before there are threads.
  std::uint64_t written_ = 0;
  std::map<std::uint64_t, Done> waiting_;
  std::optional<Done> spare_;
  bool writing_ = false;
  bool stopped_ = false;
  bool write_failed_ = false;
  JqVerdict verdict_;
};

JqParallel::JqParallel(const JqOptions& options, const jq::Program& program, JqSource& source, Where where)
    : shared_(std::make_unique<Shared>(options, program, source, where)) {}
JqParallel::~JqParallel() = default;
JqVerdict JqParallel::run() { return shared_->run(); }
bool JqParallel::write_failed() const { return shared_->write_failed(); }

}  // namespace riptide::cli
