#include "digest_journal.hpp"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

#include "digest_blocks.hpp"

namespace riptide::state {
namespace {

using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

/// So many entries are written without waiting for more.
constexpr std::size_t kEnough = 8192;
/// Entries in one row: one page of the file.
constexpr std::size_t kEntriesPerRow = DigestBlocks::kEntriesPerBlock;

std::string_view bytes_of(const Digest& digest) { return {reinterpret_cast<const char*>(&digest), sizeof(digest)}; }

}  // namespace

DigestJournal::DigestJournal(Database& database, std::chrono::milliseconds linger)
    : database_(database), linger_(linger), thread_([this] { loop(); }) {
  pthread_setname_np(thread_.native_handle(), "riptide-state");
}

DigestJournal::~DigestJournal() { (void)stop().has_value(); }

void DigestJournal::write(const DigestEntry& entry) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    work_.entries.push_back(entry);
    wake = work_.entries.size() == 1 || work_.entries.size() == kEnough;
  }
  if (wake) wake_.notify_one();
}

void DigestJournal::write(FoundName name) {
  {
    const std::lock_guard lock(mutex_);
    work_.names.push_back(std::move(name));
  }
  wake_.notify_one();
}

void DigestJournal::write(ScopeName name) {
  {
    const std::lock_guard lock(mutex_);
    work_.scopes.push_back(std::move(name));
  }
  wake_.notify_one();
}

void DigestJournal::write(ShapeName name) {
  {
    const std::lock_guard lock(mutex_);
    work_.shapes.push_back(std::move(name));
  }
  wake_.notify_one();
}

/// Goes with the entry that follows it: nobody is woken.
void DigestJournal::write_sent(const DigestEntry& entry, std::uint32_t shape, const SentFields& fields) {
  const std::lock_guard lock(mutex_);
  work_.sent.add(entry, shape, fields);
}

void DigestJournal::when_written(Done done) {
  {
    const std::lock_guard lock(mutex_);
    work_.waiting.push_back(std::move(done));
  }
  wake_.notify_one();
}

void DigestJournal::run(Task task) {
  {
    const std::lock_guard lock(mutex_);
    work_.tasks.push_back(std::move(task));
  }
  wake_.notify_one();
}

Result<void> DigestJournal::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  return failure_;
}

void DigestJournal::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !work_.empty(); });
    wake_.wait_for(lock, linger_, [this] { return ending_ || work_.urgent() || work_.entries.size() >= kEnough; });
    if (work_.empty()) {
      if (ending_) return;
      continue;
    }
    Work work = std::exchange(work_, {});
    lock.unlock();
    try {
      if (failure_) failure_ = store(work);
      for (const Task& task : work.tasks) {
        if (failure_) failure_ = task();
      }
    } catch (const std::exception& thrown) {
      failure_ = unexpected(ErrorKind::kInternal, std::string("the state's thread threw: ") + thrown.what());
    }
    for (const Done& done : work.waiting) done(failure_);
    work = {};
    lock.lock();
  }
}

Result<void> DigestJournal::store(const Work& work) {
  if (work.entries.empty() && work.names.empty() && work.scopes.empty() && work.shapes.empty() && work.sent.empty()) {
    return {};
  }
  auto transaction = Transaction::begin(database_);
  if (!transaction) return unexpected(std::move(transaction).error());
  if (!work.scopes.empty()) {
    auto insert = database_.prepare("INSERT OR IGNORE INTO digest_scopes(number, kind, partition) VALUES(?1, ?2, ?3)");
    if (!insert) return unexpected(std::move(insert).error());
    for (const ScopeName& name : work.scopes) {
      insert->bind_integer(1, name.number);
      insert->bind(2, std::string_view(name.kind));
      insert->bind(3, std::string_view(name.partition));
      if (auto done = insert->run(); !done) return done;
    }
  }
  if (!work.names.empty()) {
    auto insert =
        database_.prepare("INSERT OR REPLACE INTO digest_found(identity, blueprint, identifier) VALUES(?1, ?2, ?3)");
    if (!insert) return unexpected(std::move(insert).error());
    for (const FoundName& name : work.names) {
      insert->bind_bytes(1, bytes_of(name.identity));
      insert->bind(2, std::string_view(name.blueprint));
      insert->bind(3, std::string_view(name.identifier));
      if (auto done = insert->run(); !done) return done;
    }
  }
  if (!work.shapes.empty()) {
    auto insert = database_.prepare("INSERT OR IGNORE INTO digest_shapes(number, names) VALUES(?1, ?2)");
    if (!insert) return unexpected(std::move(insert).error());
    for (const ShapeName& shape : work.shapes) {
      insert->bind_integer(1, shape.number);
      insert->bind_bytes(2, shape.names);
      if (auto done = insert->run(); !done) return done;
    }
  }
  if (!work.sent.empty()) {
    if (auto done = work.sent.write(database_); !done) return done;
  }
  if (auto done = append(database_, work.entries); !done) return done;
  return transaction->commit();
}

Result<void> DigestJournal::append(Database& database, const std::vector<DigestEntry>& entries) {
  auto insert = database.prepare("INSERT INTO digest_journal(entries) VALUES(?1)");
  if (!insert) return unexpected(std::move(insert).error());
  for (std::size_t begin = 0; begin < entries.size(); begin += kEntriesPerRow) {
    const auto some = std::span(entries).subspan(begin, std::min(kEntriesPerRow, entries.size() - begin));
    insert->bind_bytes(1, {reinterpret_cast<const char*>(some.data()), some.size_bytes()});
    if (auto done = insert->run(); !done) return done;
  }
  return {};
}

Result<void> DigestJournal::each(Database& database, const std::function<void(const DigestEntry&)>& visit) {
  auto rows = database.prepare("SELECT entries FROM digest_journal ORDER BY id");
  if (!rows) return unexpected(std::move(rows).error());
  std::vector<DigestEntry> entries;
  while (true) {
    auto row = rows->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return {};
    if (auto done = DigestBlocks::read(rows->bytes(0), entries); !done) return done;
    for (const DigestEntry& entry : entries) visit(entry);
  }
}

}  // namespace riptide::state
