#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/graph.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "riptide/pipeline/stop.hpp"
#include "riptide/stages/dead_letters.hpp"
#include "riptide/stages/deletion_rules.hpp"
#include "riptide/stages/http_client.hpp"
#include "riptide/stages/journal.hpp"
#include "riptide/stages/plan.hpp"
#include "riptide/stages/remembered_pages.hpp"
#include "riptide/stages/sink.hpp"
#include "riptide/stages/source.hpp"
#include "riptide/state/state_file.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::stages {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

/// How a resync runs: budget, limits, what may be deleted.
struct ResyncOptions {
  std::string version;
  std::string started_at;                 ///< ISO 8601, UTC; goes into the report.
  std::size_t memory_bytes = 128u << 20;  ///< Budget for pages, batches and queues.
  std::size_t in_flight = 32;             ///< Most requests at once towards a host of the source.
  std::size_t least_in_flight = 1;        ///< Least of them, whatever the host's distress.
  int threads = 0;                        ///< Workers; 0 takes the cores that the process may use.
  bool delete_stale = true;               ///< False with --no-delete.
  std::string no_delete_reason;           ///< Said in the report when `delete_stale` is false.
  DeleteScope delete_scope = DeleteScope::kAll;
  std::optional<MaxDelete> max_delete;
  std::vector<std::uint32_t> resources;  ///< Resource blocks to read; all of the mapping's when empty.
  /// Where what the run would do is recorded, if it is to write nothing. Its one sink plans then.
  std::shared_ptr<Plan> plan;
  /// With `plan`: called when that is made, if everything was read, with the report so far. Returns what carries it
  /// out, or an Error that says why it is not: what `run` returns then.
  struct CarryOut {
    std::unique_ptr<Sink> sink;
    std::shared_ptr<const state::StateFile> state;  ///< Null: nothing is remembered.
  };
  std::function<Result<CarryOut>(const pipeline::RunReport& planned)> carry_out;
  RetryPolicy source_retry;
  RetryPolicy sink_retry{.base = milliseconds{300}, .cap = milliseconds{300'000}};
  milliseconds source_timeout{60'000};
  milliseconds sink_timeout{60'000};
  milliseconds batch_age{10'000};  ///< A batch that is not full leaves after this long.
  bool verify_source_tls = true;
  bool allow_private_source = true;  ///< See `HttpClientOptions::allow_private_addresses`.
  bool source_http2 = false;
  std::shared_ptr<Wire> source_wire;  ///< Watches or answers the source's side; null: the network does.
  bool verify_sink_tls = true;
  std::function<void(LogLevel, std::string_view)> log;  ///< Any thread; may be null.
};

/// The journal of a run, in its state file. For sinks that can all be resumed.
struct JournalPlan {
  JournalTerms terms;
  std::int64_t begun = 0;  ///< Now, in seconds since 1970.
  bool resume = false;     ///< Goes on from the run that the journal is of; its terms were checked.
};

/// What a resync is made of. Everything is owned by the resync from then on.
struct ResyncParts {
  std::shared_ptr<const Source> source;
  std::shared_ptr<const transform::Mapping> mapping;
  std::vector<std::unique_ptr<Sink>> sinks;  ///< `RemoteSink`s or `LocalSink`s, in the order of the flags.
  SinkContext context;
  /// What is remembered between runs; null: nothing. The caller holds the writer's lock.
  std::shared_ptr<const state::StateFile> state;
  /// How the run's journal is kept; nothing: it is not, and the run cannot be gone on with.
  std::optional<JournalPlan> journal;
  /// Pages of earlier runs, of which the source is asked whether they still hold; null: none.
  std::shared_ptr<RememberedPages> remembered_pages;
  /// Where goes what is given up; null: nowhere but into the report.
  std::shared_ptr<DeadLetters> dead_letters;
};

/// Where a run stands, for a progress display.
struct Progress {
  std::uint64_t pages_read = 0;
  std::uint64_t pages_known = 0;  ///< So far; grows while scopes are discovered.
  std::uint64_t scopes_closed = 0;
  std::uint64_t scopes_known = 0;
  std::uint64_t records_read = 0;  ///< Records, not mapping evaluations.
  std::uint64_t bytes_in = 0;
  std::uint64_t entities_settled = 0;  ///< At the first sink.
  std::uint64_t errors = 0;
  std::uint64_t retries = 0;
  std::size_t memory_taken = 0;  ///< Of the budget.
  std::size_t in_flight = 0;     ///< Pages admitted and not yet mapped.
  std::string phase;             ///< "reading", "flushing", "reconciling", "finishing", "done".
};

/// One resync: the graph fetch -> paginate -> transform -> batch -> upload -> settle, then reconcile. Runs once.
class Resync {
 public:
  /// Checks the parts and builds the graph; touches nothing outside. Errors: kConfig (a kind that the source does not
  /// know).
  static Result<std::unique_ptr<Resync>> create(ResyncParts parts, ResyncOptions options);
  ~Resync();
  Resync(const Resync&) = delete;
  Resync& operator=(const Resync&) = delete;

  /// The graph that `run` runs, as data.
  [[nodiscard]] pipeline::GraphDescription describe() const;

  /// Runs to the end, or to the stop. Blocks the calling thread, which works as one of the workers. `stop_signal()` is
  /// asked at the end which signal stopped it (0 if none). Errors: kConfig (a sink that cannot be opened) and
  /// kInternal, both before anything was contacted; what `carry_out` returned, before anything was written.
  Result<pipeline::RunReport> run(pipeline::Stop& stop, const std::function<int()>& stop_signal);

  /// Any thread, while `run` runs.
  [[nodiscard]] Progress progress() const;

  /// Whether a run that ended before its end can be gone on with. Any thread, while `run` runs and after.
  [[nodiscard]] bool can_be_resumed() const;

 private:
  struct Impl;
  explicit Resync(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Writes the report as the contract's JSON object, with a final newline.
std::string to_json(const pipeline::RunReport& report);

}  // namespace riptide::stages
