#include "riptide/stages/resync.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "carrying_out.hpp"
#include "mapping_side.hpp"
#include "reading_side.hpp"
#include "reconciling.hpp"
#include "resumption.hpp"
#include "riptide/pipeline/check.hpp"
#include "riptide/pipeline/cores.hpp"
#include "riptide/pipeline/peak_memory.hpp"
#include "riptide/pipeline/run_id.hpp"
#include "run_counts.hpp"
#include "run_state.hpp"
#include "sink_lane.hpp"
#include "ticker.hpp"

namespace riptide::stages {
namespace {

using Clock = std::chrono::steady_clock;

/// How long a dead letter waits to be written.
constexpr milliseconds kLettersEvery{500};

/// A run that a guard stopped, or of which some records were refused, is a resync that came to its end.
SyncState how_it_ended(int exit_code) noexcept {
  if (exit_code >= 128) return SyncState::kAborted;
  return exit_code == 3 || exit_code == 4 ? SyncState::kFailed : SyncState::kCompleted;
}

}  // namespace

struct Resync::Impl {
  Impl(ResyncParts parts, ResyncOptions options)
      : state(parts, std::move(options)),
        reading(state),
        mapping(state, reading.book(), parts.sinks.size()),
        resumption(state, std::move(parts.journal)) {
    for (auto& sink : parts.sinks) {
      const auto number = static_cast<std::uint32_t>(lanes.size());
      lanes.push_back(std::make_unique<SinkLane>(state, number, std::move(sink), [this] { sink_failed(); }));
    }
  }

  /// Asks the source for its first requests: unknown kinds are found here.
  Result<void> check() {
    std::vector<SourceResource> wanted;
    const auto& resources = state.mapping->spec().resources;
    for (const std::uint32_t index : state.options.resources) {
      wanted.push_back({index, resources.at(index).kind, resources.at(index).selector_fields});
    }
    auto started = state.source->start(wanted);
    if (!started) return pipeline::unexpected(std::move(started).error());
    first_requests = std::move(*started);
    for (std::string& notice : state.source->notices(wanted)) state.note(std::move(notice));
    return {};
  }

  /// The whole graph: fetch -> paginate -> budget -> transform, and behind it batch -> upload -> settle for each sink.
  void build(pipeline::Stop& stop) {
    state.stop = &stop;
    graph = std::make_unique<pipeline::Graph>(pipeline::Graph::Options{
        .title = fmt::format("{} resync", state.source->type()),
        .threads = state.options.threads > 0 ? state.options.threads : pipeline::cores_allowed(),
        .stop = &stop});
    reading.build(*graph);
    mapping.build(*graph, reading.paginate(), [this] { flush(MappedBlock::Flush::kStarved); });
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      // Two sinks may have the same name: the graph's nodes may not.
      const std::string suffix =
          lanes.size() == 1 ? std::string() : fmt::format(" {} ({})", i + 1, lanes[i]->sink().spec());
      lanes[i]->build(*graph, mapping.transform(), suffix);
    }
    describe_surroundings();
  }

  /// What belongs to the picture beside the nodes and edges.
  void describe_surroundings() {
    const std::size_t frontier = graph->describe_phase(
        {.name = "frontier", .says = fmt::format("{} pages admitted at most, scopes in turn", state.pages.capacity())});
    graph->describe_edge(frontier, reading.fetch().index(), "request", false);
    graph->describe_edge(reading.paginate().index(), frontier, "new requests", true);
    graph->describe_edge(mapping.transform().index(), frontier, "page token", true);
    const std::size_t reconcile = graph->describe_phase({.name = "reconcile", .says = reconciling_says(state.options)});
    for (const auto& lane : lanes) {
      graph->describe_edge(lane->settle_node(), reconcile, "identities seen", false);
      graph->describe_edge(lane->settle_node(), mapping.budget().index(), "batch memory", true);
    }
  }

  Result<void> open() {
    for (const auto& lane : lanes) {
      auto opened = lane->open([this](std::uint32_t scope) { return reading.book().partition(scope); });
      if (!opened) return opened;
    }
    if (auto begun = resumption.begin(reading.book(), lanes); !begun) return begun;
    // Letters say where their page came from; what a plan holds back outlives its page.
    if (state.letters && !state.tickets && state.options.plan == nullptr)
      state.tickets = std::make_unique<PageTickets>(lanes.size(), nullptr);
    return reading.open();
  }

  void flush(MappedBlock::Flush how) {
    for (const auto& lane : lanes) lane->flush(how);
  }

  void sink_failed() {
    const bool any_left = std::any_of(lanes.begin(), lanes.end(), [](const auto& lane) { return !lane->has_failed(); });
    // With no sink left, reading on helps nobody.
    if (!any_left) state.stop->request(Error(ErrorKind::kStopped, "no sink takes anything any more"));
  }

  void stop_requested(pipeline::Stop::Urgency urgency) {
    reading.stop(urgency);
    if (urgency != pipeline::Stop::Urgency::kAbort) return;
    for (const auto& lane : lanes) lane->abort();
  }

  /// Reads everything and settles everything.
  void drive() {
    state.set_phase("reading");
    const milliseconds age = state.options.batch_age;
    const Ticker letters(kLettersEvery, [this] { state.flush_letters(); });
    const Ticker old_batches(age / 2 + milliseconds(1), [this] { flush(MappedBlock::Flush::kOlder); });
    reading.start(std::move(first_requests));
    graph->wait();
    while (!reading.book().idle()) {
      // Whatever is still listed could not be admitted with all credit at home: never by design.
      const auto before = reading.book().totals().pages_read;
      reading.admit();
      graph->wait();
      if (reading.book().totals().pages_read == before && !reading.book().idle()) {
        state.stop->request(Error(ErrorKind::kInternal, "the frontier does not empty though nothing is in flight"));
        break;
      }
    }
    state.set_phase("flushing");
    flush(MappedBlock::Flush::kAll);
    graph->wait();
    for (const auto& lane : lanes) lane->drain_waiting([this] { graph->wait(); });
    for (const auto& lane : lanes) lane->end_writes();
  }

  template <class Call>
  void for_each_life(Call call) {
    for (const auto& lane : lanes) {
      if (LifeReporter* const life = lane->life()) call(*life, *lane);
    }
  }

  /// Tells the targets that want to know how the run is going.
  void begin_life() {
    bool any = false;
    for_each_life([&](LifeReporter&, const SinkLane&) { any = true; });
    if (!any) return;
    state.log_tap = [this](LogLevel level, std::string_view text) {
      for_each_life([&](LifeReporter& life, const SinkLane&) { life.log(level, text); });
    };
    mapping.on_page([this](const ReadPage& page) {
      for_each_life([&](LifeReporter& life, const SinkLane&) { life.offer_examples(page); });
    });
    for_each_life([](LifeReporter& life, const SinkLane&) { life.started(); });
  }

  void kinds_finished() {
    for_each_life([&](LifeReporter& life, const SinkLane&) {
      life.kinds_finished(incomplete_resources(reading.book()));
      life.reconciling();
    });
  }

  [[nodiscard]] std::uint64_t deleted_at(const SinkLane& lane) const {
    std::uint64_t deleted = 0;
    for (const std::uint32_t resource : state.options.resources) deleted += lane.ledger().row(resource).tally.deleted;
    return deleted;
  }

  [[nodiscard]] SyncState how_it_reconciled(const SinkLane& lane) const {
    if (state.stop->requested()) return SyncState::kAborted;
    const bool whole = reading.book().complete() && !state.ledger.unreadable() && !lane.has_failed();
    return whole ? SyncState::kCompleted : SyncState::kFailed;
  }

  /// Ends the plan; carries it out, if that was asked for and everything was read.
  Result<void> plan_and_carry_out(pipeline::RunReport& report, const std::function<int()>& stop_signal) {
    SinkLane& lane = *lanes.front();
    finish_plan(state, reading.book(), lane, report);
    if (!state.options.carry_out) return {};
    count_sinks(state, lanes, report);
    const pipeline::RunFacts facts = facts_of(report, reading.book(), lanes, stop_signal());
    if (facts.stop_signal != 0 || facts.sink_failed || facts.source_incomplete || state.stop->requested()) {
      lane.give_up_held();
      return {};
    }
    auto with = state.options.carry_out(report);
    if (!with) return pipeline::unexpected(std::move(with).error());
    if (auto live = lane.go_live(std::move(with->sink), std::move(with->state)); !live) return live;
    begin_life();
    carry_out_plan(state, lane, *graph, report);
    kinds_finished();
    return {};
  }

  Result<pipeline::RunReport> run(pipeline::Stop& stop, const std::function<int()>& stop_signal) {
    const auto begin = Clock::now();
    build(stop);
    if (auto opened = open(); !opened) return pipeline::unexpected(std::move(opened).error());
    const auto listening = stop.on_request([this](pipeline::Stop::Urgency urgency) { stop_requested(urgency); });
    begin_life();
    const bool spares =
        std::any_of(lanes.begin(), lanes.end(), [](const auto& lane) { return lane->spares_related(); });
    if (state.options.delete_stale && spares) mapping.note_relations();
    drive();
    kinds_finished();

    pipeline::RunReport report;
    report.run_id = state.context.run_id;
    report.version = state.options.version;
    report.started_at = state.options.started_at;
    state.set_phase("reconciling");
    if (state.options.plan != nullptr) {
      if (auto planned = plan_and_carry_out(report, stop_signal); !planned) {
        for (const auto& lane : lanes) lane->finish(Finish::kPartial);
        reading.close();
        return pipeline::unexpected(std::move(planned).error());
      }
    } else {
      reconcile_lanes(state, reading.book(), lanes, report);
    }
    for_each_life(
        [&](LifeReporter& life, const SinkLane& lane) { life.reconciled(how_it_reconciled(lane), deleted_at(lane)); });
    state.set_phase("finishing");
    count_sinks(state, lanes, report);
    const int before = pipeline::exit_code(facts_of(report, reading.book(), lanes, stop_signal()));
    for (const auto& lane : lanes) lane->finish(before == 0 || before == 1 ? Finish::kComplete : Finish::kPartial);
    count_sinks(state, lanes, report);
    count_scopes(state, reading.book(), report);
    count_hosts(reading, lanes, report);
    report.stages = graph->stats();
    reading.close();
    report.exit_code = pipeline::exit_code(facts_of(report, reading.book(), lanes, stop_signal()));
    const bool complete = report.exit_code == 0 || report.exit_code == 1 || report.exit_code == 5;
    // What does not add up is nothing to go on from.
    const bool adds_up = check_conservation(state, report);
    resumption.finish(complete || !adds_up, report);
    report.status = pipeline::status_of(report.exit_code);
    for_each_life([&](LifeReporter& life, const SinkLane& lane) {
      life.ended(how_it_ended(report.exit_code), deleted_at(lane));
    });
    report.errors = state.errors.rows();
    report.errors_total = state.errors.total();
    report.notices = state.notices();
    report.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    report.peak_rss_bytes = pipeline::peak_rss_bytes();
    state.set_phase("done");
    return report;
  }

  // In this order: what holds credit or reaches into the graph dies before the state and the graph's parts.
  RunState state;
  ReadingSide reading;
  MappingSide mapping;
  Resumption resumption;
  SinkLanes lanes;
  std::vector<Request> first_requests;
  std::unique_ptr<pipeline::Graph> graph;
};

Resync::Resync(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Resync::~Resync() = default;

Result<std::unique_ptr<Resync>> Resync::create(ResyncParts parts, ResyncOptions options) {
  RIPTIDE_CHECK(parts.source != nullptr && parts.mapping != nullptr);
  if (parts.sinks.empty()) return pipeline::unexpected(ErrorKind::kConfig, "no sink was given");
  if (options.plan != nullptr && parts.sinks.size() != 1) {
    return pipeline::unexpected(ErrorKind::kConfig, "a plan is made for one sink");
  }
  if (parts.journal && (parts.state == nullptr || !std::all_of(parts.sinks.begin(), parts.sinks.end(),
                                                               [](const auto& sink) { return sink->can_resume(); }))) {
    return pipeline::unexpected(ErrorKind::kConfig, "a journal needs a state file, and sinks that keep what they took");
  }
  if (parts.context.run_id.empty()) parts.context.run_id = pipeline::new_run_id();
  if (parts.context.kinds.empty()) {
    for (const auto& resource : parts.mapping->spec().resources) parts.context.kinds.push_back(resource.kind);
  }
  auto impl = std::make_unique<Impl>(std::move(parts), std::move(options));
  if (auto checked = impl->check(); !checked) return pipeline::unexpected(std::move(checked).error());
  return std::unique_ptr<Resync>(new Resync(std::move(impl)));
}

pipeline::GraphDescription Resync::describe() const {
  pipeline::Stop unused;
  impl_->build(unused);
  auto description = impl_->graph->describe();
  impl_->graph.reset();
  return description;
}

Result<pipeline::RunReport> Resync::run(pipeline::Stop& stop, const std::function<int()>& stop_signal) {
  return impl_->run(stop, stop_signal);
}

bool Resync::can_be_resumed() const { return impl_->resumption.can_be_resumed(); }

Progress Resync::progress() const {
  const RunState& state = impl_->state;
  Progress progress;
  const ScopeBook::Totals totals = impl_->reading.book().totals();
  progress.pages_read = totals.pages_read;
  progress.pages_known = totals.pages_known;
  progress.scopes_closed = totals.scopes_closed;
  progress.scopes_known = totals.scopes_known;
  progress.records_read = state.ledger.records();
  progress.bytes_in = state.ledger.bytes();
  progress.entities_settled = impl_->lanes.front()->ledger().settled_total();
  progress.errors = state.errors.total();
  progress.memory_taken = state.body_bytes.taken() + state.batch_bytes.taken();
  progress.in_flight = state.pages.taken();
  progress.phase = state.phase();
  if (progress.phase == "starting") return progress;
  for (const HostStats& host : impl_->reading.host_stats()) progress.retries += host.retries;
  return progress;
}

}  // namespace riptide::stages
