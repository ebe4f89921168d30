#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger.hpp"
#include "messages.hpp"
#include "riptide/stages/http_client.hpp"
#include "riptide/stages/run_life.hpp"
#include "run_state.hpp"
#include "ticker.hpp"

namespace riptide::stages {

/// Tells one target how the run is going: sends what its `RunLife` describes, one after another, on the client of its
/// lane. Whatever fails is a notice at the end; nothing here fails or delays a run by more than `kLastWait`. Any
/// thread.
class LifeReporter {
 public:
  static constexpr std::chrono::seconds kLastWait{10};
  /// When everything was broken off: a second signal leaves a process little more.
  static constexpr std::chrono::milliseconds kLastWordWait{1000};

  LifeReporter(RunState& state, const RunLife& life, const SinkLedger& ledger, HttpClient& client);
  ~LifeReporter();
  LifeReporter(const LifeReporter&) = delete;
  LifeReporter& operator=(const LifeReporter&) = delete;

  void started();
  /// Offers the records of a page as examples of the kinds that it is read for.
  void offer_examples(const ReadPage& page);
  void log(LogLevel level, std::string_view message);
  /// All has been read and settled; `incomplete` are the resources that were not read to their end.
  void kinds_finished(const std::vector<std::uint32_t>& incomplete);
  void reconciling();
  void reconciled(SyncState how, std::uint64_t deleted);
  /// Ends the heartbeat. Called before the client dies.
  void silence() { ticker_.reset(); }
  /// Sends the last signs and waits for them.
  void ended(SyncState how, std::uint64_t deleted);

 private:
  struct Failure {
    std::uint64_t count = 0;
    std::string first;
  };

  void tick();
  void push(RunLife::LifeSigns signs);
  void send_next();
  void answered(std::string_view what, const Result<HttpResponse>& answer);
  void flush_log(bool all);
  void note_failures();
  void last_word(SyncState how, std::uint64_t deleted);
  [[nodiscard]] KindLife life_of(std::uint32_t resource) const;
  [[nodiscard]] std::string description_of(std::uint32_t resource) const;
  [[nodiscard]] double seconds() const;

  RunState& state_;
  const RunLife& life_;
  const SinkLedger& ledger_;
  HttpClient& client_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();

  std::mutex mutex_;  ///< Guards all below.
  std::condition_variable idle_;
  std::deque<LifeSign> queue_;
  bool sending_ = false;
  std::map<std::string_view, Failure> failures_;
  std::map<std::string, std::size_t, std::less<>> examples_left_;  ///< By kind.
  std::vector<bool> begun_kinds_;                                  ///< By resource: their beginning was told.
  std::vector<LifeLogRecord> log_;
  std::chrono::steady_clock::time_point last_flush_ = begun_;
  std::chrono::steady_clock::time_point last_beat_ = begun_;

  std::unique_ptr<Ticker> ticker_;  // Dies first: it reaches into the rest.
};

/// One record as JSON, with what its source put over it; nothing if it is not an object, not JSON, or over `most`
/// bytes.
[[nodiscard]] std::optional<std::string> example_of(const pipeline::RecordView& record, std::size_t most,
                                                    json::Document& document);

}  // namespace riptide::stages
