#include "riptide/stages/remembered_pages.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "page_archive.hpp"

namespace riptide::stages {
namespace {

using pipeline::Digest;
using pipeline::unexpected;

constexpr std::size_t kMostOfAValidator = 512;
constexpr std::size_t kPagesACommit = 64;

struct KeyHash {
  std::size_t operator()(const Digest& digest) const noexcept { return static_cast<std::size_t>(digest.low); }
};

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Whether one of a list of directives (`private, no-store`) is there, in any header of that name.
bool says(const std::vector<Header>& headers, std::string_view name, std::string_view directive) {
  for (const Header& header : headers) {
    if (!same_header_name(header.name, name)) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
      while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
      if (same_header_name(one, directive)) return true;
    }
  }
  return false;
}

/// A session's cookie is none of the page's; the rest says how the bytes went over the wire.
bool is_kept(const Header& header) {
  static constexpr std::array<std::string_view, 7> kNotKept = {
      "set-cookie",        "set-cookie2", "content-length", "content-encoding",
      "transfer-encoding", "connection",  "keep-alive"};
  return std::none_of(kNotKept.begin(), kNotKept.end(),
                      [&](std::string_view name) { return same_header_name(header.name, name); });
}

std::optional<Validator> validator_of(const HttpResponse& response) {
  Validator validator;
  auto text = response.header("etag");
  if (!text || text->empty()) {
    text = response.header("last-modified");
    validator.by_date = true;
  }
  if (!text || text->empty() || text->size() > kMostOfAValidator || text->find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  validator.text = *text;
  return validator;
}

/// The remembered headers with those of the 304 in their places (RFC 9111 section 3.2).
std::vector<Header> updated(std::vector<Header> remembered, std::vector<Header> fresh) {
  std::erase_if(remembered, [&](const Header& header) { return has_header(fresh, header.name); });
  std::erase_if(fresh, [](const Header& header) { return !is_kept(header); });
  remembered.insert(remembered.end(), std::make_move_iterator(fresh.begin()), std::make_move_iterator(fresh.end()));
  return remembered;
}

/// A page and what pays for its memory.
struct PaidPage {
  std::shared_ptr<pipeline::PageBuffer> page;
  Page paid_by;
};

}  // namespace

/// The file, its thread, and what is known of the file without asking it.
class RememberedPages::Keeper {
 public:
  Keeper(Options options, std::unique_ptr<PageArchive> archive, std::vector<PageArchive::Row> rows)
      : options_(std::move(options)), archive_(std::move(archive)) {
    for (PageArchive::Row& row : rows) {
      known_.insert_or_assign(row.key, Entry{std::move(row.validator), row.body_bytes});
    }
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "riptide-pages");
  }
  ~Keeper() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  [[nodiscard]] std::optional<Known> find(const Digest& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    if (found == known_.end() || archive_ == nullptr) return std::nullopt;
    const auto& [validator, body_bytes] = found->second;
    return Known{key, {validator.by_date ? "If-Modified-Since" : "If-None-Match", validator.text}, body_bytes};
  }

  void remember(const Digest& key, const HttpResponse& response) {
    if (!response.body || response.body->size() == 0 || response.body->size() > options_.most_bytes) return;
    if (says(response.headers, "cache-control", "no-store") || says(response.headers, "vary", "*")) return;
    auto validator = validator_of(response);
    if (!validator) return;
    Work work;
    work.row = {key, *std::move(validator), response.body->size()};
    std::copy_if(response.headers.begin(), response.headers.end(), std::back_inserter(work.headers), is_kept);
    {
      const std::lock_guard lock(mutex_);
      if (archive_ == nullptr || waiting_bytes_ + work.row.body_bytes > options_.most_waiting_bytes) return;
      waiting_bytes_ += work.row.body_bytes;
      ++unfinished_;
    }
    // A copy: the page's memory is the run's, which must not wait for the disk to get it back.
    work.body = response.body->view();
    {
      const std::lock_guard lock(mutex_);
      work_.push_back(std::move(work));
    }
    wake_.notify_one();
  }

  void recall(const Known& known, HttpResponse not_modified, pipeline::PagePool* buffers,
              std::function<void(std::optional<HttpResponse>)> recalled) {
    Work work;
    work.row = {known.key, {known.condition.value, known.condition.name == "If-Modified-Since"}, known.body_bytes};
    work.not_modified = std::move(not_modified);
    work.buffers = buffers;
    work.recalled = std::move(recalled);
    {
      const std::lock_guard lock(mutex_);
      ++unfinished_;
      // Somebody waits for these; for pages to be remembered nobody does.
      work_.push_front(std::move(work));
    }
    wake_.notify_one();
  }

  void finish_work() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return unfinished_ == 0; });
  }

 private:
  struct Entry {
    Validator validator;
    std::size_t body_bytes = 0;
  };
  /// A page to be stored, or one to be recalled.
  struct Work {
    PageArchive::Row row;
    std::vector<Header> headers;
    std::string body;
    HttpResponse not_modified;
    pipeline::PagePool* buffers = nullptr;
    std::function<void(std::optional<HttpResponse>)> recalled;
  };

  void run() {
    std::size_t uncommitted = 0;
    std::unique_lock lock(mutex_);
    while (true) {
      if (work_.empty() && uncommitted != 0) {
        lock.unlock();
        commit();
        uncommitted = 0;
        lock.lock();
      }
      wake_.wait(lock, [this] { return ending_ || !work_.empty(); });
      if (work_.empty()) return;
      Work work = std::move(work_.front());
      work_.pop_front();
      const bool is_recall = work.recalled != nullptr;
      lock.unlock();
      if (is_recall) {
        auto page = recalled_page(work);
        work.recalled(std::move(page));
      } else {
        store(work);
      }
      if (++uncommitted >= kPagesACommit) {
        commit();
        uncommitted = 0;
      }
      lock.lock();
      if (!is_recall) waiting_bytes_ -= work.row.body_bytes;
      if (--unfinished_ == 0) done_.notify_all();
    }
  }

  void store(const Work& work) {
    if (archive_ == nullptr) return;
    std::vector<Digest> gone;
    const auto stored = guarded([&] { return archive_->put(work.row, work.headers, work.body, gone); });
    const std::lock_guard lock(mutex_);
    for (const Digest& key : gone) known_.erase(key);
    if (stored && *stored) {
      known_.insert_or_assign(work.row.key, Entry{work.row.validator, work.row.body_bytes});
    } else {
      known_.erase(work.row.key);
    }
  }

  std::optional<HttpResponse> recalled_page(Work& work) {
    std::optional<PageArchive::Stored> stored;
    if (archive_ != nullptr) {
      auto taken = guarded([&] {
        return archive_->take(
            work.row, work.buffers != nullptr ? work.buffers->take() : std::make_shared<pipeline::PageBuffer>());
      });
      if (taken) stored = std::move(*taken);
    }
    if (!stored) {
      work.not_modified = {};  // Its credit is home before anybody hears of it.
      const std::lock_guard lock(mutex_);
      known_.erase(work.row.key);
      return std::nullopt;
    }
    HttpResponse page = std::move(work.not_modified);
    page.status = 200;
    page.remembered = true;
    page.headers = updated(std::move(stored->headers), std::move(page.headers));
    const auto paid = std::make_shared<PaidPage>(PaidPage{std::move(stored->body), std::move(page.body)});
    page.body = Page(paid, paid->page.get());
    return page;
  }

  /// Calls the archive; one that fails is given up.
  template <class Call>
  auto guarded(Call call) -> std::optional<typename decltype(call())::value_type> {
    try {
      auto result = call();
      if (result) return std::move(*result);
      give_up(result.error().message);
    } catch (const std::exception& failure) {
      give_up(failure.what());
    }
    return std::nullopt;
  }

  void commit() {
    if (archive_ == nullptr) return;
    if (auto done = archive_->commit(); !done) give_up(done.error().message);
  }

  void give_up(const std::string& why) {
    {
      const std::lock_guard lock(mutex_);
      archive_.reset();
      known_.clear();
    }
    if (options_.warn) options_.warn("pages are not remembered any more: " + why);
  }

  const Options options_;
  /// Used by the thread alone; null once it is given up, which others see under the lock.
  std::unique_ptr<PageArchive> archive_;
  mutable std::mutex mutex_;  ///< Guards everything below but the thread.
  std::condition_variable wake_;
  std::condition_variable done_;
  std::unordered_map<Digest, Entry, KeyHash> known_;
  std::deque<Work> work_;
  std::size_t waiting_bytes_ = 0;
  std::size_t unfinished_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

RememberedPages::RememberedPages(std::unique_ptr<Keeper> keeper) : keeper_(std::move(keeper)) {}
RememberedPages::~RememberedPages() = default;

Result<std::unique_ptr<RememberedPages>> RememberedPages::open(Options options) {
  std::vector<PageArchive::Row> rows;
  const PageArchive::Limits limits{options.most_bytes, options.most_pages};
  auto archive = PageArchive::open(options.path, options.owner, limits, rows);
  if (!archive && archive.error().kind == ErrorKind::kConfig) {
    // Damaged, another target's, or of a later riptide: what is in it can be had again.
    if (auto removed = remove(options.path); !removed) return unexpected(std::move(removed).error());
    rows.clear();
    archive = PageArchive::open(options.path, options.owner, limits, rows);
  }
  if (!archive) return unexpected(std::move(archive).error());
  auto keeper = std::make_unique<Keeper>(std::move(options), std::move(*archive), std::move(rows));
  return std::unique_ptr<RememberedPages>(new RememberedPages(std::move(keeper)));
}

Result<void> RememberedPages::remove(const std::string& path) {
  auto removed = state::StateFile::remove(path);
  if (!removed) return unexpected(std::move(removed).error());
  return {};
}

std::optional<Digest> RememberedPages::key_of(const HttpRequest& request) {
  if (request.method != Method::kGet || !request.body.empty()) return std::nullopt;
  std::string text = request.url;
  for (const Header& header : request.headers) {
    for (const std::string_view own :
         {"if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range"}) {
      if (same_header_name(header.name, own)) return std::nullopt;
    }
    text += '\n';
    std::transform(header.name.begin(), header.name.end(), std::back_inserter(text), lower);
    text.append(":").append(header.value);
  }
  if (says(request.headers, "cache-control", "no-store")) return std::nullopt;
  return pipeline::digest_of(text);
}

std::optional<RememberedPages::Known> RememberedPages::find(const Digest& key) const { return keeper_->find(key); }

void RememberedPages::remember(const Digest& key, const HttpResponse& response) { keeper_->remember(key, response); }

void RememberedPages::recall(const Known& known, HttpResponse not_modified, pipeline::PagePool* buffers,
                             std::function<void(std::optional<HttpResponse>)> recalled) {
  keeper_->recall(known, std::move(not_modified), buffers, std::move(recalled));
}

void RememberedPages::finish_work() { keeper_->finish_work(); }

}  // namespace riptide::stages
