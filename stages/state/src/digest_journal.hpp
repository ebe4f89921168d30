#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "digest_entry.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/state/database.hpp"
#include "riptide/state/sent_fields.hpp"
#include "sent_log.hpp"

namespace riptide::state {

/// What changed since the blocks were written, in order, on disk a moment after it happened. A thread of its own writes
/// whatever has come together; it is the only one that uses the connection while it runs.
class DigestJournal {
 public:
  /// Called on the journal's thread. Must not throw.
  using Done = std::function<void(const pipeline::Result<void>&)>;
  using Task = std::function<pipeline::Result<void>()>;

  /// What a search identifier found.
  struct FoundName {
    Digest identity;
    std::string blueprint;
    std::string identifier;
  };
  struct ScopeName {
    std::uint32_t number = 0;
    std::string kind;
    std::string partition;
  };

  /// Records wait for others for at most `linger`. `database` is borrowed.
  DigestJournal(Database& database, std::chrono::milliseconds linger);
  ~DigestJournal();
  DigestJournal(const DigestJournal&) = delete;
  DigestJournal& operator=(const DigestJournal&) = delete;

  struct ShapeName {
    std::uint32_t number = 0;
    std::string names;
  };

  // Any thread; quick.
  void write(const DigestEntry& entry);
  void write(FoundName name);
  void write(ScopeName name);
  void write(ShapeName name);
  void write_sent(const DigestEntry& entry, std::uint32_t shape, const SentFields& fields);
  /// Calls back when all that was written before is on disk, or cannot be.
  void when_written(Done done);
  /// Runs a task behind all that was written before.
  void run(Task task);

  /// Writes the rest and ends the thread. Afterwards the connection is the caller's. Returns the first error.
  pipeline::Result<void> stop();

  [[nodiscard]] static pipeline::Result<void> append(Database& database, const std::vector<DigestEntry>& entries);
  /// Calls `visit` with all entries on disk in the order in which they were written.
  [[nodiscard]] static pipeline::Result<void> each(Database& database,
                                                   const std::function<void(const DigestEntry&)>& visit);

 private:
  struct Work {
    std::vector<DigestEntry> entries;
    std::vector<FoundName> names;
    std::vector<ScopeName> scopes;
    std::vector<ShapeName> shapes;
    SentRows sent;
    std::vector<Done> waiting;
    std::vector<Task> tasks;
    [[nodiscard]] bool empty() const noexcept {
      return entries.empty() && names.empty() && scopes.empty() && shapes.empty() && sent.empty() && waiting.empty() &&
             tasks.empty();
    }
    [[nodiscard]] bool urgent() const noexcept { return !waiting.empty() || !tasks.empty(); }
  };
  void loop();
  [[nodiscard]] pipeline::Result<void> store(const Work& work);

  Database& database_;
  const std::chrono::milliseconds linger_;
  std::mutex mutex_;  ///< Guards work_ and ending_.
  std::condition_variable wake_;
  Work work_;
  bool ending_ = false;
  pipeline::Result<void> failure_;  ///< The thread's, until it has ended.
  std::thread thread_;
};

}  // namespace riptide::state
