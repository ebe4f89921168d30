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
  JqBlock block;  // Kept: it is read again if a block before it was cut in the middle of a value.
  std::string out;
  std::string err;
  JqVerdict verdict;
  std::optional<std::size_t> unfinished;  // Where a value begins that the block ends in.
};

// One thread's evaluator and buffers.
class Worker {
 public:
  Worker(const JqOptions& options, const jq::Program& program, const JqSource& source)
      : options_(options), program_(program), source_(source), runner_(options, program, evaluator_) {}

  JqBlock block;

  Done run() {
    runner_.verdict = {};
    unfinished_.reset();
    if (options_.raw_input) {
      lines();
    } else {
      values();
    }
    return {std::move(block), std::move(runner_.out), std::move(runner_.err), runner_.verdict, unfinished_};
  }

  void take_back(Done&& done) {
    block = std::move(done.block);
    runner_.out = std::move(done.out);
    runner_.err = std::move(done.err);
    runner_.out.clear();
    runner_.err.clear();
  }

 private:
  void values() {
    const std::string_view text = block.text();
    std::size_t at = 0;
    evaluator_.prepare(text, program_);
    while (true) {
      const auto loaded = evaluator_.load_next(text, at, block.last, &program_);
      if (loaded && *loaded == jq::Evaluator::Loaded::kUnfinished && block.guessed) {
        unfinished_ = at;
        return;
      }
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
  std::optional<std::size_t> unfinished_;
};

}  // namespace

class JqParallel::Shared {
 public:
  Shared(const JqOptions& options, const jq::Program& program, JqSource& source, Where where)
      : options_(options), program_(program), source_(source), where_(where), window_(2 * where.threads + 2) {}

  JqVerdict run() {
    do {
      run_until_stopped();
    } while (read_again());
    if (std::string all = source_.complaints(); !all.empty()) write_fully(where_.err, "jq: error: " + all + "\n");
    return verdict_;
  }

  [[nodiscard]] bool write_failed() const { return write_failed_; }

 private:
  void run_until_stopped() {
    std::vector<std::thread> threads;
    try {
      Worker worker(options_, program_, source_);
      if (source_.next(worker.block)) {
        exhausted_ = worker.block.last;
        const unsigned threads_wanted = exhausted_ ? 1 : where_.threads;
        const std::uint64_t number = next_++;
        try {
          for (unsigned i = 1; i < threads_wanted; ++i) {
            threads.emplace_back([this] { work_guarded(); });
          }
        } catch (const std::system_error&) {  // those that there are do it all
        }
        finish(number, worker);
        work(worker);
      }
    } catch (...) {
      fail();
    }
    for (std::thread& thread : threads) thread.join();
  }

  // Gives back what was cut in the wrong places, if so.
  bool read_again() {
    if (!cut_wrong_) return false;
    std::vector<JqBlock> blocks;
    blocks.push_back(std::move(cut_wrong_->block));
    for (auto& [number, done] : waiting_) blocks.push_back(std::move(done.block));
    source_.give_back(blocks, *cut_wrong_->unfinished);
    cut_wrong_.reset();
    waiting_.clear();
    written_ = next_;
    stopped_ = exhausted_ = false;
    return true;
  }

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
    verdict_.add({.code = jq_exit::kError, .last_output = -1, .any = true, .stopped = true});
    cut_wrong_.reset();
    changed_.notify_all();
  }

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
        if (exhausted_ || !source_.next(worker.block)) {
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
      if (!stopped_ && next.unfinished) {
        stopped_ = true;
        cut_wrong_.emplace(std::move(next));
      } else if (!spare_) {
        spare_.emplace(std::move(next));
      }
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
  std::atomic<std::uint64_t> next_ = 0;
  std::uint64_t written_ = 0;
  std::map<std::uint64_t, Done> waiting_;
  std::optional<Done> spare_;      // Its memory is for who comes next.
  std::optional<Done> cut_wrong_;  // The first block whose end was guessed wrong.
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
