#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "journal/page_tickets.hpp"
#include "ledger.hpp"
#include "relate/relation_targets.hpp"
#include "riptide/pipeline/credits.hpp"
#include "riptide/pipeline/loan_pool.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "riptide/pipeline/seen_set.hpp"
#include "riptide/pipeline/stop.hpp"
#include "riptide/stages/http_client.hpp"
#include "riptide/stages/resync.hpp"

namespace riptide::stages {

/// What of the parts of a run all others have to do with.
struct RunParts {
  std::shared_ptr<const Source> source;  ///< May be null where nothing is read.
  SinkContext context;                   ///< With all kinds.
  std::shared_ptr<const state::StateFile> state;
  std::shared_ptr<DeadLetters> dead_letters;
  std::shared_ptr<RememberedPages> remembered_pages;
  bool journalled = false;
  /// The block of a mapping that each resource stands for; null where it is none.
  std::vector<const transform::ResourceSpec*> blocks;
  struct SinkSize {
    SinkLimits limits;
    bool remote = false;
  };
  std::vector<SinkSize> sinks;
};

/// What all parts of a resync share: its options, the budgets, what was read and seen, errors and notices. Outlives the
/// graph and everything in it. Any thread.
class RunState {
 public:
  RunState(RunParts parts, ResyncOptions resync_options);

  const std::shared_ptr<const Source> source;
  const std::vector<const transform::ResourceSpec*> blocks;  ///< By resource; see `RunParts`.
  const SinkContext context;
  const std::shared_ptr<const state::StateFile> state_file;  ///< May be null.
  const std::shared_ptr<DeadLetters> letters;                ///< May be null.
  const std::shared_ptr<RememberedPages> remembered_pages;   ///< May be null.
  const ResyncOptions options;                               ///< With all resource blocks named, if none were.
  pipeline::Stop* stop = nullptr;                            ///< Of the run; borrowed.

  pipeline::CreditPool pages;        ///< Pages between admission and mapping.
  pipeline::CreditPool body_bytes;   ///< Of those pages.
  pipeline::CreditPool batch_bytes;  ///< Of entities between mapping and settling.
  const std::size_t digest_bytes;    ///< Memory for what is remembered of a target.
  const std::string spill_to;        ///< Directory for files without a name.
  pipeline::SeenSet seen;
  /// What the entities relate to; filled where a target asks for that.
  RelationTargets related;
  const std::chrono::system_clock::time_point began = std::chrono::system_clock::now();
  ReadLedger ledger;
  pipeline::ErrorLog errors;
  pipeline::LoanPool<json::Document> documents;
  const bool journalled;                 ///< What settles goes into the journal, so that another run can go on from it.
  std::unique_ptr<PageTickets> tickets;  ///< Null: nobody asks which pages are settled. Set before the graph runs.

  [[nodiscard]] const std::string& kind_of(std::uint32_t resource) const { return context.kinds.at(resource); }
  /// Repeats are told within (resource, partition): two resources may make the same entity of one record.
  [[nodiscard]] std::uint32_t repeat_scope(std::uint32_t scope, std::uint32_t resource) const noexcept {
    return scope * static_cast<std::uint32_t>(context.kinds.size()) + resource;
  }
  [[nodiscard]] HttpClientOptions client_options(std::string name, std::size_t in_flight, const RetryPolicy& retry,
                                                 milliseconds timeout, bool verify_tls) const;

  /// Another set of what was seen, for a sink that not everything comes to.
  [[nodiscard]] std::unique_ptr<pipeline::SeenSet> new_seen_set() const;

  /// Hears every line of the log. Set before anything runs.
  std::function<void(LogLevel, std::string_view)> log_tap;

  /// Hears of each entity that a sink refused, by the scope that it was read in. Set before anything runs; any thread.
  std::function<void(std::uint32_t scope)> refused_tap;

  /// Writes the dead letters that wait; what goes wrong is said once. Any thread that may block.
  void flush_letters();

  /// Writes to the log.
  void say(LogLevel level, std::string_view text) const;
  /// Something the user should know when the run is over.
  void note(std::string text);
  [[nodiscard]] std::vector<std::string> notices() const;
  void set_phase(std::string name);
  [[nodiscard]] std::string phase() const;

 private:
  mutable std::mutex mutex_;  ///< Guards notices_ and phase_.
  std::vector<std::string> notices_;
  std::string phase_ = "starting";
  bool said_letters_ = false;
};

}  // namespace riptide::stages
