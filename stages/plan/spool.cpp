#include "plan/spool.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "riptide/pipeline/temporary_file.hpp"

namespace riptide::stages {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

constexpr std::size_t kWriteBytes = 256u << 10;
constexpr std::size_t kReadBytes = 1u << 20;

}  // namespace

Spool::Spool(std::string directory)
    : directory_(directory.empty() ? pipeline::temporary_directory() : std::move(directory)) {}

Spool::~Spool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (file_ >= 0) ::close(file_);
}

void Spool::append(std::string record, pipeline::Credit credit) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return;  // `flush` says so; the credit goes home.
    queue_.push_back({std::move(record), std::move(credit)});
    ++records_;
    if (!thread_.joinable()) {
      thread_ = std::thread([this] { run(); });
      pthread_setname_np(thread_.native_handle(), "riptide-spool");
    }
  }
  wake_.notify_one();
}

Result<void> Spool::flush() {
  std::unique_lock lock(mutex_);
  written_.wait(lock, [this] { return queue_.empty() && !writing_; });
  if (failure_) return unexpected(*failure_);
  return {};
}

std::uint64_t Spool::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

void Spool::run() {
  std::string bytes;
  std::deque<Entry> entries;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    entries.swap(queue_);
    writing_ = true;
    const bool failed = failure_.has_value();
    lock.unlock();
    Result<void> done = failed || file_ >= 0 ? Result<void>() : open();
    for (Entry& entry : entries) {
      if (failed || !done) break;
      const auto length = static_cast<std::uint32_t>(entry.record.size());
      bytes.append(reinterpret_cast<const char*>(&length), sizeof length);
      bytes += entry.record;
      entry.credit.release();
      if (bytes.size() < kWriteBytes) continue;
      done = write(bytes);
      bytes.clear();
    }
    if (done && !bytes.empty()) done = write(bytes);
    bytes.clear();
    entries.clear();
    lock.lock();
    if (!done && !failure_) failure_ = std::move(done).error();
    writing_ = false;
    if (queue_.empty()) written_.notify_all();
  }
}

Error Spool::error(std::string_view what, int number) const {
  return {ErrorKind::kTransport,
          fmt::format("a temporary file in {} cannot be {}: {} (set TMPDIR to a directory with room)", directory_, what,
                      std::generic_category().message(number))};
}

Result<void> Spool::open() {
  file_ = pipeline::open_unnamed_file(directory_);
  if (file_ < 0) return unexpected(error("made", errno));
  return {};
}

Result<void> Spool::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unexpected(error("written", errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> Spool::each(const std::function<bool(std::string_view record)>& visit) const {
  if (file_ < 0) return {};
  std::string buffer;
  std::size_t begin = 0;
  off_t offset = 0;
  while (true) {
    const std::string_view left = std::string_view(buffer).substr(begin);
    std::uint32_t length = 0;
    std::size_t wanted = sizeof length;
    if (left.size() >= sizeof length) {
      std::memcpy(&length, left.data(), sizeof length);
      wanted += length;
    }
    if (left.size() >= wanted && left.size() >= sizeof length) {
      if (!visit(left.substr(sizeof length, length))) return {};
      begin += wanted;
      continue;
    }
    buffer.erase(0, begin);
    begin = 0;
    const std::size_t had = buffer.size();
    buffer.resize(std::max(wanted, had + kReadBytes));
    ssize_t count = 0;
    do {
      count = ::pread(file_, buffer.data() + had, buffer.size() - had, offset);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return unexpected(error("read", errno));
    buffer.resize(had + static_cast<std::size_t>(count));
    offset += count;
    if (count > 0) continue;
    if (had == 0) return {};
    return unexpected(ErrorKind::kInternal, "a temporary file ends in the middle of a record");
  }
}

}  // namespace riptide::stages
