#include "journal/journal_recorder.hpp"

#include <pthread.h>

#include <utility>

namespace riptide::stages {
namespace {

/// The thread rests this many times as long as writing took: a large journal on a slow disk stays cheap.
constexpr int kRest = 40;

}  // namespace

JournalRecorder::JournalRecorder(std::unique_ptr<Journal> journal, SettledCounts counts, Options options)
    : journal_(std::move(journal)), options_(std::move(options)), counts_(std::move(counts)) {
  if (!options_.tail.empty()) {
    // Without one, a run that goes on from here repeats a little more.
    if (auto tail = JournalTail::create(options_.tail, options_.nonce)) tail_ = std::move(*tail);
  }
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "riptide-journal");
}

JournalRecorder::~JournalRecorder() {
  if (thread_.joinable()) finish(End::kUnfinished);
}

void JournalRecorder::restore(std::vector<ScopeEntry> scopes, const std::vector<std::uint32_t>& numbers) {
  const std::lock_guard lock(mutex_);
  if (!scopes.empty()) any_.store(true, std::memory_order_release);
  coverage_.restore(std::move(scopes), numbers);
  changed_ = true;
}

bool JournalRecorder::delivered(const ReadPageFacts& page, std::uint32_t resource,
                                const std::vector<SeenEntry>& entries) {
  if (!good()) return false;
  const std::lock_guard lock(mutex_);
  if (seen_.size() > options_.most_pending_bytes) return false;
  const std::uint32_t scope = coverage_.id_of(page);
  if (tail_) {
    note_.clear();
    Packer(note_).text(coverage_.begun(scope));
    pack_seen(0, resource, entries, note_);
    if (!tail_->note(note_) && !hurry_) {
      hurry_ = true;
      wake_.notify_one();
    }
  }
  pack_seen(scope, resource, entries, seen_);
  changed_ = true;
  any_.store(true, std::memory_order_release);
  return true;
}

bool JournalRecorder::confirmed(const ReadPageFacts& page, const Result& result) {
  if (!good()) return false;
  const std::lock_guard lock(mutex_);
  if (seen_.size() > options_.most_pending_bytes) return false;
  const std::uint32_t scope = coverage_.id_of(page);
  for (const Seen& seen : result.seen) {
    if (!seen.entries.empty()) pack_seen(scope, seen.resource, seen.entries, seen_);
  }
  for (const std::uint32_t resource : page.request.scope->resources) {
    SettledCounts::Read& read = counts_.read.at(resource);
    ++read.pages;
    read.records += page.records;
    read.bytes += page.bytes;
  }
  for (const Read& read : result.read) counts_.read.at(read.resource).tally += read.tally;
  for (const Sunk& sunk : result.sunk) {
    SettledCounts::Sunk& row = counts_.sunk.at(sunk.sink).at(sunk.resource);
    row.tally += sunk.tally;
    row.bytes_out += sunk.bytes_out;
  }
  changed_ = true;
  any_.store(true, std::memory_order_release);
  return true;
}

void JournalRecorder::covered(const ReadPageFacts& page) {
  if (!good()) return;
  const std::lock_guard lock(mutex_);
  coverage_.settled(page);
  changed_ = true;
}

void JournalRecorder::run() {
  std::chrono::milliseconds rest = options_.period;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait_for(lock, rest, [this] { return ending_ || hurry_; });
    if (ending_) return;
    hurry_ = false;
    if (!changed_) continue;
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    write();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    rest = std::max(options_.period, took * kRest);
    lock.lock();
  }
}

void JournalRecorder::write() {
  if (!good()) return;
  Journal::Progress progress;
  bool turned = false;
  {
    const std::lock_guard lock(mutex_);
    turned = tail_ && tail_->turn();
    progress.scopes = coverage_.changed();
    progress.counts = packed(counts_);
    progress.seen.swap(seen_);
    changed_ = false;
  }
  if (options_.before_write) options_.before_write();
  if (auto entered = journal_->enter(progress); !entered) return give_up(entered.error());
  const std::lock_guard lock(mutex_);
  if (turned) tail_->swept();
}

void JournalRecorder::give_up(const pipeline::Error& error) {
  given_up_.store(true, std::memory_order_release);
  // What is in it is true all the same: it says less than it could.
  if (options_.warn) {
    options_.warn("the journal is not written any more, so that --resume would do more than it had to: " +
                  error.message);
  }
}

void JournalRecorder::finish(End end) {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (end == End::kUnfinished && has_any()) return write();
  if (auto removed = journal_->remove(); !removed) give_up(removed.error());
  if (!options_.tail.empty()) JournalTail::remove(options_.tail);
}

}  // namespace riptide::stages
