#include "riptide/stages/cassette_recorder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "entry.hpp"
#include "gzip_members.hpp"
#include "scrubber.hpp"

namespace riptide::stages {
namespace {

using pipeline::unexpected;
using std::chrono::microseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMaxQueuedBytes = 32u << 20;

}  // namespace

/// Takes attempts as they end, and writes them on a thread of its own. Copies bodies: a page's credit goes home when
/// the page is mapped, whether it is written or not. What waits is bounded: past that the client waits for the disk.
class CassetteRecorder::Writer {
 public:
  Writer(int descriptor, Options options)
      : descriptor_(descriptor), options_(std::move(options)), scrubber_(options_.secrets, options_.fields) {}

  ~Writer() {
    (void)finish();
    ::close(descriptor_);
  }

  Result<void> start() {
    for (auto& [key, value] : options_.header.settings) value = scrubber_.url(value);
    options_.header.mapping = scrubber_.text(std::move(options_.header.mapping));
    if (auto begun = write_line(to_json(options_.header)); !begun) return begun;
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& failure) {
      return unexpected(ErrorKind::kInternal, std::string("no thread for the cassette: ") + failure.what());
    }
    return {};
  }

  void add(const Attempt& attempt, const AttemptEnding& ending) {
    Waiting waiting;
    const auto now = std::chrono::duration_cast<microseconds>(SteadyClock::now() - began_);
    waiting.entry.begun_us = std::max<std::int64_t>((now - ending.elapsed).count(), 0);
    waiting.entry.attempt = attempt.number;
    waiting.entry.ending = ending;
    if (ending.body) waiting.entry.ending.body = pipeline::make_page(ending.body->view());
    waiting.request = attempt.request;
    waiting.for_credentials = attempt.for_credentials;
    post(std::move(waiting));
  }

  /// Nothing that these credentials sign may be written before they are known: a server may send them back.
  void learn(const Credentials& credentials) {
    if (learned_ && same(*learned_, credentials)) return;
    learned_ = credentials;
    Waiting waiting;
    waiting.learn = credentials;
    post(std::move(waiting));
  }

  Result<std::uint64_t> finish() {
    if (thread_.joinable()) {
      {
        const std::lock_guard lock(mutex_);
        closing_ = true;
      }
      wake_.notify_one();
      thread_.join();
      if (!failure_) {
        if (auto ended = write_line(to_json(TapeEnd{written_})); !ended) failure_ = ended.error();
      }
    }
    if (failure_) return unexpected(*failure_);
    return written_;
  }

 private:
  struct Waiting {
    Entry entry;
    HttpRequest request;
    bool for_credentials = false;
    std::optional<Credentials> learn;  ///< Instead of an entry.
  };

  static bool same(const Credentials& a, const Credentials& b) {
    const auto same_header = [](const Header& x, const Header& y) { return x.name == y.name && x.value == y.value; };
    return a.body == b.body && a.query == b.query &&
           std::equal(a.headers.begin(), a.headers.end(), b.headers.begin(), b.headers.end(), same_header);
  }

  static std::size_t bytes_of(const Waiting& waiting) {
    const Page& body = waiting.entry.ending.body;
    return waiting.request.body.size() + (body ? body->size() : 0);
  }

  void post(Waiting waiting) {
    const std::size_t bytes = bytes_of(waiting);
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [&] { return queued_bytes_ == 0 || queued_bytes_ + bytes <= kMaxQueuedBytes; });
      queued_bytes_ += bytes;
      queue_.push_back(std::move(waiting));
    }
    wake_.notify_one();
  }

  void run() noexcept {
    while (true) {
      std::deque<Waiting> taken;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
        if (queue_.empty()) return;
        taken.swap(queue_);
      }
      for (Waiting& one : taken) {
        const std::size_t bytes = bytes_of(one);
        if (one.learn) {
          scrubber_.learn(*one.learn);
        } else if (!failure_) {
          write(one);
        }
        one = {};
        {
          const std::lock_guard lock(mutex_);
          queued_bytes_ -= bytes;
        }
        room_.notify_one();
      }
    }
  }

  void write(Waiting& waiting) {
    Entry& entry = waiting.entry;
    scrubber_.learn_user_info(waiting.request.url);
    const Attempt attempt{waiting.request, entry.attempt, waiting.for_credentials, nullptr};
    entry.key = key_of(attempt, scrubber_);
    AttemptEnding& ending = entry.ending;
    const std::string_view body = ending.body ? ending.body->view() : std::string_view();
    if (waiting.for_credentials) {
      entry.request_headers = Scrubber::blanked(waiting.request.headers);
      ending.headers = Scrubber::blanked(ending.headers);
      ending.body = pipeline::make_page(Scrubber::blanked(body));
    } else {
      entry.request_headers = scrubber_.headers(waiting.request.headers);
      ending.headers = scrubber_.headers(ending.headers);
      ending.body = pipeline::make_page(scrubber_.body(body));
    }
    if (ending.failure) ending.failure->message = scrubber_.text(std::move(ending.failure->message));
    if (auto written = write_line(to_json(entry)); !written) {
      failure_ = written.error();
      return;
    }
    ++written_;
  }

  Result<void> write_line(const std::string& line) {
    auto member = gzip_member(line);
    if (!member) return unexpected(std::move(member).error());
    for (std::string_view rest = *member; !rest.empty();) {
      const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        return unexpected(ErrorKind::kTransport, "the cassette cannot be written: " + options_.path + ": " +
                                                     std::generic_category().message(errno));
      }
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }

  const int descriptor_;
  Options options_;
  const SteadyClock::time_point began_ = SteadyClock::now();
  std::thread thread_;
  std::optional<Credentials> learned_;  ///< Last; of the client's thread.

  std::mutex mutex_;  ///< Guards the three below. A leaf lock.
  std::deque<Waiting> queue_;
  std::size_t queued_bytes_ = 0;
  bool closing_ = false;
  std::condition_variable wake_;
  std::condition_variable room_;

  // Of the writer's thread, and of `finish` after it.
  Scrubber scrubber_;
  std::uint64_t written_ = 0;
  std::optional<Error> failure_;
};

Result<std::unique_ptr<CassetteRecorder>> CassetteRecorder::create(Options options) {
  const int descriptor = ::open(options.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) {
    const std::string why = errno == EEXIST ? "it is there already; remove it, or choose another name"
                                            : std::generic_category().message(errno);
    return unexpected(ErrorKind::kConfig, "the cassette cannot be made: " + options.path + ": " + why);
  }
  auto writer = std::make_unique<Writer>(descriptor, std::move(options));
  if (auto started = writer->start(); !started) return unexpected(std::move(started).error());
  return std::unique_ptr<CassetteRecorder>(new CassetteRecorder(std::move(writer)));
}

CassetteRecorder::CassetteRecorder(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {}
CassetteRecorder::~CassetteRecorder() = default;

std::optional<AttemptEnding> CassetteRecorder::answer(const Attempt& attempt) {
  if (attempt.signed_with != nullptr) writer_->learn(*attempt.signed_with);
  return std::nullopt;
}

void CassetteRecorder::ended(const Attempt& attempt, const AttemptEnding& ending) { writer_->add(attempt, ending); }
Result<std::uint64_t> CassetteRecorder::finish() { return writer_->finish(); }

}  // namespace riptide::stages
