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
#include "journal/page_tickets.hpp"
#include "riptide/stages/journal.hpp"

namespace riptide::stages {

/// Brings what settles into the journal, a few times a second, on a thread of its own: nobody else waits for the disk. A
/// journal that cannot be written is given up with a warning: the run goes on, and could not be resumed.
class JournalRecorder : public SettledPages {
 public:
  struct Options {
    std::chrono::milliseconds period{250};
    std::size_t most_pending_bytes = 16u << 20;  ///< With more to be written, pages go without: they would be read again.
    std::function<void(std::string)> warn;
  };

  /// `counts` is of the runs before, or all zero.
  JournalRecorder(std::unique_ptr<Journal> journal, SettledCounts counts, Options options);
  ~JournalRecorder() override;

  /// Goes on from these scopes, whose numbers in the book are `numbers`. Before anything settles.
  void restore(std::vector<ScopeEntry> scopes, const std::vector<std::uint32_t>& numbers);

  bool confirmed(const ReadPageFacts& page, const Result& result) override;
  void covered(const ReadPageFacts& page) override;

  /// How a run ends, for its journal.
  enum class End : std::uint8_t {
    kComplete,    ///< Nothing to go on from: the journal is removed.
    kUnfinished,  ///< What has settled is entered; it stays.
  };
  /// Ends the thread. Nothing may settle any more.
  void finish(End end);
  /// Whether the run could be gone on with from what is written.
  [[nodiscard]] bool good() const noexcept { return !given_up_.load(std::memory_order_acquire); }

 private:
  void run();
  void write();
  void give_up(const pipeline::Error& error);

  const std::unique_ptr<Journal> journal_;
  const Options options_;
  std::atomic<bool> given_up_{false};
  std::mutex mutex_;  ///< Guards all below but the thread.
  std::condition_variable wake_;
  Coverage coverage_;
  SettledCounts counts_;
  std::string seen_;
  bool changed_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace riptide::stages
