#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "journal/coverage.hpp"
#include "journal/journal_tail.hpp"
#include "journal/page_tickets.hpp"
#include "riptide/stages/journal.hpp"

namespace riptide::stages {

/// Brings what settles into the journal, a few times a second, on a thread of its own: nobody else waits for the disk.
/// What was delivered in between is noted in the journal's tail, so that it is not sent again after a kill. A journal
/// that cannot be written is given up with a warning: what settles from then on would be done again by a run that goes
/// on from here.
class JournalRecorder : public SettledPages {
 public:
  struct Options {
    std::chrono::milliseconds period{250};
    std::size_t most_pending_bytes =
        16u << 20;  ///< With more to be written, pages go without: they would be read again.
    std::function<void(std::string)> warn;
    /// Called before what settled is written: what must not be missing when it is taken for settled. May be null.
    std::function<void()> before_write;
    std::string tail;  ///< Path of the journal's tail; "": none is kept.
    std::uint64_t nonce = 0;
  };

  /// `counts` is of the runs before, or all zero.
  JournalRecorder(std::unique_ptr<Journal> journal, SettledCounts counts, Options options);
  ~JournalRecorder() override;

  /// Goes on from these scopes, whose numbers in the book are `numbers`. Before anything settles.
  void restore(std::vector<ScopeEntry> scopes, const std::vector<std::uint32_t>& numbers);

  bool delivered(const ReadPageFacts& page, std::uint32_t resource, const std::vector<SeenEntry>& entries) override;
  bool confirmed(const ReadPageFacts& page, const Result& result) override;
  void covered(const ReadPageFacts& page) override;

  /// How a run ends, for its journal.
  enum class End : std::uint8_t {
    kComplete,    ///< Nothing to go on from: the journal is removed.
    kUnfinished,  ///< What has settled is entered; it stays, unless there is nothing.
  };
  /// Ends the thread. Nothing may settle any more.
  void finish(End end);
  /// Whether anything has settled, in this run or before. Any thread.
  [[nodiscard]] bool has_any() const noexcept { return any_.load(std::memory_order_acquire); }
  /// Whether all that settled could be written so far.
  [[nodiscard]] bool good() const noexcept { return !given_up_.load(std::memory_order_acquire); }

 private:
  void run();
  void write();
  void give_up(const pipeline::Error& error);

  const std::unique_ptr<Journal> journal_;
  const Options options_;
  std::atomic<bool> given_up_{false};
  std::atomic<bool> any_{false};
  std::mutex mutex_;  ///< Guards all below but the thread.
  std::condition_variable wake_;
  Coverage coverage_;
  SettledCounts counts_;
  std::string seen_;
  std::unique_ptr<JournalTail> tail_;
  std::string note_;
  bool changed_ = false;
  bool ending_ = false;
  bool hurry_ = false;  ///< The tail is full.
  std::thread thread_;
};

}  // namespace riptide::stages
