#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/item.hpp"
#include "riptide/live.hpp"
#include "riptide/local_source.hpp"
#include "riptide/mapping.hpp"
#include "riptide/node_options.hpp"
#include "riptide/pipeline/graph.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "riptide/pipeline/stop.hpp"
#include "riptide/stages/resync.hpp"
#include "riptide/stages/sink.hpp"
#include "riptide/stages/source.hpp"
#include "riptide/stream.hpp"

namespace riptide {

using pipeline::GraphDescription;
using pipeline::RunReport;
using pipeline::Stop;

inline namespace literals {
constexpr std::size_t operator""_KiB(unsigned long long amount) noexcept {
  return static_cast<std::size_t>(amount) << 10;
}
constexpr std::size_t operator""_MiB(unsigned long long amount) noexcept {
  return static_cast<std::size_t>(amount) << 20;
}
}  // namespace literals

/// What a graph may use, and what it works with.
struct GraphOptions {
  std::string title = "riptide graph";    ///< Of the picture.
  std::size_t memory_bytes = 128u << 20;  ///< Budget for all that is on its way: pages, items, batches.
  int threads = 0;                        ///< Workers; 0 takes the cores that the process may use.
  std::size_t in_flight = 32;             ///< Most requests at once towards a host of a source.
  /// What sinks are told: the integration that owns the entities, how they are upserted. Its `kinds` are filled in.
  stages::SinkContext context;
  std::function<void(stages::LogLevel, std::string_view)> log;  ///< Any thread; may be null.
  std::string version;                                          ///< For the report and the user agent.
  std::string started_at;                                       ///< ISO 8601, UTC; for the report.

  /// What is remembered of remote targets between runs; null: nothing. The caller holds the writer's lock.
  std::shared_ptr<const state::StateFile> state;
  /// Where goes what is given up; null: nowhere but into the report.
  std::shared_ptr<stages::DeadLetters> dead_letters;
  /// Pages of earlier runs, of which sources behind HTTP are asked whether they still hold; null: none.
  std::shared_ptr<stages::RememberedPages> remembered_pages;
  /// Keeps a journal, so that a run that went down can be gone on with. For graphs whose sinks all stand right behind
  /// their mappings.
  std::optional<stages::JournalPlan> journal;
  /// Where what the run would do is recorded, if it is to write nothing. For graphs of that shape with one sink, which
  /// plans.
  std::shared_ptr<stages::Plan> plan;
  /// With `plan`: see `stages::ResyncOptions::carry_out`.
  std::function<Result<stages::ResyncOptions::CarryOut>(const RunReport& planned)> carry_out;
};

/// A graph of sources, stages and sinks: built once, run once.
///
///   riptide::Graph graph({.memory_bytes = 64_MiB});
///   auto entities = graph.source("octopus", source).transform("mapping", mapping);
///   entities.filter("production", [](const riptide::Entity& e) { return e.text("/properties/env") == "prod"; })
///       .sink("catalogue", std::make_unique<riptide::sinks::SqliteSink>(...));
///   auto report = graph.run(stop);
///
/// It holds at most its budget of pages, items and batches: a slow sink makes its sources wait, on every way that leads
/// to it. Every item has one end, which the report counts, and the run checks: for each stage, in + made == out +
/// filtered + failed; for each sink, what arrived is created, updated, unchanged, rejected, duplicate or abandoned.
/// A stop ends it cleanly: nothing more is asked for, what is on its way is settled, nothing is deleted.
///
/// Build on one thread. `HttpRuntime` must live where anything is fetched or sent over HTTP.
class Graph {
 public:
  explicit Graph(GraphOptions options = {});
  ~Graph();
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;

  /// Adds a system behind HTTP.
  Stream<Record> source(std::string name, std::shared_ptr<const stages::Source> source, SourceOptions options = {});
  /// Adds a source of one's own that reads by itself.
  Stream<Record> source(std::string name, std::shared_ptr<LocalSource> source, SourceOptions options = {});

  /// Checks the graph, and asks the sources for their first requests; contacts nothing. Errors: kConfig, with every
  /// problem in the text (a name that is there twice, a stream that nothing takes, a kind that a source does not know,
  /// a sink that cannot take what comes, a deletion behind a stage that leaves things out).
  Result<void> check();

  /// The graph as data: what is drawn. Errors: as of `check`.
  Result<GraphDescription> describe();

  /// Runs to the end, or to the stop. Blocks the calling thread, which works as one of the workers.
  /// @param stop  Ends the run early when it is requested; asked for by the run itself when it cannot go on. Borrowed.
  /// @param stop_signal  Asked at the end which signal stopped it (0 if none); may be null.
  /// Errors: as of `check`; kConfig and kInternal (a sink that cannot be opened), before anything was read; what
  /// `carry_out` returned.
  Result<RunReport> run(Stop& stop, const std::function<int()>& stop_signal = {});

  /// Where the run stands. Any thread, while `run` runs; before it all is zero.
  [[nodiscard]] stages::Progress progress() const;
  /// What flows, edge by edge. Any thread, while `run` runs.
  [[nodiscard]] LiveGraph live() const;
  /// Calls `hear` with the next `count` items that leave a node (or arrive at a sink), on worker threads, one at a
  /// time; it must be quick. Any thread, before and while `run` runs. Errors: kNotFound (no such node; the message
  /// lists them).
  Result<void> tap(std::string_view node, std::size_t count, std::function<void(const TappedItem&)> hear);
  /// Whether a run that ended before its end can be gone on with.
  [[nodiscard]] bool can_be_resumed() const;

 private:
  std::shared_ptr<detail::Builder> builder_;
};

/// Writes the report as the contract's JSON object, with a final newline.
using stages::to_json;

}  // namespace riptide
