#include "riptide/stages/file_reader.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "body.hpp"
#include "file_lane.hpp"
#include "file_listing.hpp"
#include "latency_histogram.hpp"
#include "riptide/json/document.hpp"
#include "riptide/stages/file_request.hpp"

namespace riptide::stages {
namespace {

using pipeline::unexpected;
using Clock = std::chrono::steady_clock;

/// Working memory of a thread: what is read at once; fits into the cache beside what it is copied to.
constexpr std::size_t kScratchBytes = 128u << 10;
/// Files that stay open though nobody asks for them.
constexpr std::size_t kMostIdle = 32;

}  // namespace

class FileReader::Pool {
 public:
  explicit Pool(FileReaderOptions options)
      : options_(std::move(options)), limits_{options_.max_body_bytes, options_.body_credits, options_.pages} {}

  ~Pool() {
    drain();
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  Result<void> start() {
    if (interruption_.file() < 0) return unexpected(ErrorKind::kInternal, "no event to wake the reader of files with");
    // Signals belong to the program's signal thread.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    Result<void> started;
    try {
      while (threads_.size() < std::max<std::size_t>(1, options_.threads)) {
        threads_.emplace_back([this] { run(); });
        pthread_setname_np(threads_.back().native_handle(), ("files " + options_.name).substr(0, 15).c_str());
      }
    } catch (const std::system_error& failure) {
      started = unexpected(ErrorKind::kInternal, std::string("no thread for files: ") + failure.what());
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
  }

  void send(Send send) {
    auto request = file_request(send.request.url);
    std::string key;
    if (request) key = (request->ask == FileRequest::Ask::kList ? "list " : "read ") + request->path;
    {
      const std::lock_guard lock(mutex_);
      Lane& lane = lanes_[key];
      if (lane.file == nullptr && request) {
        lane.file = std::make_unique<FileLane>(request->path, options_.standard_input, interruption_);
      }
      lane.waiting.push_back({std::move(send), std::move(request)});
      ++waiting_;
      most_waiting_ = std::max(most_waiting_, waiting_);
      if (lane.busy || lane.waiting.size() > 1) return;
      if (lane.idle) idle_.erase(*std::exchange(lane.idle, std::nullopt));
      ready_.push_back(std::move(key));
    }
    wake_.notify_one();
  }

  void drain() { interruption_.raise(); }

  [[nodiscard]] HostStats stats() const {
    const std::lock_guard lock(mutex_);
    HostStats stats;
    stats.host = "file";
    stats.requests = requests_;
    stats.max_in_flight = most_waiting_;
    stats.p50_ms = latencies_.quantile_ms(0.5);
    stats.p99_ms = latencies_.quantile_ms(0.99);
    return stats;
  }

 private:
  struct Asked {
    Send send;
    Result<FileRequest> request;
  };
  struct Lane {
    std::unique_ptr<FileLane> file;
    std::deque<Asked> waiting;
    bool busy = false;
    std::optional<std::list<std::string>::iterator> idle;
  };

  void run() {
    std::string scratch(kScratchBytes, '\0');
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return ending_ || !ready_.empty(); });
      if (ready_.empty()) return;
      work(lock, scratch);
    }
  }

  /// Answers the first request of the first lane. The lock is held before and after.
  void work(std::unique_lock<std::mutex>& lock, std::string& scratch) {
    const std::string key = std::move(ready_.front());
    ready_.pop_front();
    Lane& lane = lanes_[key];
    Asked asked = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    lane.busy = true;
    ++requests_;
    lock.unlock();
    const auto begin = Clock::now();
    auto answered = answer(asked, lane.file.get(), scratch);
    const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
    if (answered) answered->elapsed = elapsed;
    lock.lock();
    latencies_.add(elapsed);
    --waiting_;
    rest(key, lane);
    lock.unlock();
    asked.send.done(std::move(answered));
    lock.lock();
  }

  /// What becomes of a lane when one of its requests was answered.
  void rest(const std::string& key, Lane& lane) {
    lane.busy = false;
    if (!lane.waiting.empty()) {
      ready_.push_back(key);
      wake_.notify_one();
      return;
    }
    // A stream is never opened again: what was read of it would be missing.
    if (lane.file != nullptr && !lane.file->may_close()) return;
    idle_.push_back(key);
    lane.idle = std::prev(idle_.end());
    if (idle_.size() <= kMostIdle) return;
    lanes_.erase(idle_.front());
    idle_.pop_front();
  }

  Result<HttpResponse> answer(Asked& asked, FileLane* file, std::string& scratch) noexcept {
    try {
      if (interruption_.raised()) return unexpected(ErrorKind::kStopped, "stopped before the file was read");
      if (!asked.request) return unexpected(asked.request.error());
      Body body(limits_, std::move(asked.send.credit));
      HttpResponse response;
      response.status = 200;
      response.safe_url = safe_url(asked.send.request.url);
      const FileRequest& request = *asked.request;
      if (request.ask == FileRequest::Ask::kList) {
        auto files = list_files(request.path);
        if (!files) return unexpected(std::move(files).error());
        std::string text = "[";
        for (const std::string& one : *files) {
          if (text.size() > 1) text += ",\n";
          json::append_quoted(encoded_path(one), text);
        }
        text += "]";
        if (!body.append(text)) return unexpected(*body.failure());
      } else {
        auto part = file->read(request, body, scratch, limits_);
        if (!part) return unexpected(std::move(part).error());
        part->write_to(response);
      }
      response.body = body.finish();
      return response;
    } catch (const std::bad_alloc&) {
      return unexpected(ErrorKind::kInternal, "out of memory for a file");
    } catch (const std::exception& failure) {
      return unexpected(ErrorKind::kInternal, failure.what());
    }
  }

  const FileReaderOptions options_;
  const BodyLimits limits_;
  Interruption interruption_;

  mutable std::mutex mutex_;  ///< Guards everything below; a lane's file belongs to whoever made it busy.
  std::condition_variable wake_;
  std::unordered_map<std::string, Lane> lanes_;  ///< By what is asked and of which path.
  std::deque<std::string> ready_;                ///< Lanes with something to answer that nobody is busy with.
  std::list<std::string> idle_;                  ///< Lanes that may be closed, the longest idle first.
  std::uint64_t requests_ = 0;
  std::size_t waiting_ = 0;
  std::size_t most_waiting_ = 0;
  LatencyHistogram latencies_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

Result<std::unique_ptr<FileReader>> FileReader::start(FileReaderOptions options) {
  auto pool = std::make_unique<Pool>(std::move(options));
  if (auto started = pool->start(); !started) return unexpected(std::move(started).error());
  return std::unique_ptr<FileReader>(new FileReader(std::move(pool)));
}

FileReader::FileReader(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
FileReader::~FileReader() = default;

void FileReader::send(Send send) { pool_->send(std::move(send)); }
void FileReader::drain() { pool_->drain(); }
void FileReader::abort() { pool_->drain(); }
std::vector<HostStats> FileReader::stats() const {
  std::vector<HostStats> all;
  all.push_back(pool_->stats());
  return all;
}

}  // namespace riptide::stages
