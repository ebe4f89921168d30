#include "flow_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include "carrying_out.hpp"
#include "compose/src/joined_sources.hpp"
#include "compose/src/local_reading.hpp"
#include "flow_nodes.hpp"
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

/// Sources of a graph as they are read.
std::vector<ReadingSource> reading_sources(const GraphSpec& graph) {
  std::vector<ReadingSource> sources;
  for (const NodeSpec& node : graph) {
    if (!node.is_source()) continue;
    std::shared_ptr<const Source> source = node.source;
    if (source == nullptr) source = std::make_shared<const LocalReading>(node.local_source);
    sources.push_back({node.name, std::move(source), node.local_source, node.source_options});
  }
  return sources;
}

/// Null where there is one source only.
std::shared_ptr<const JoinedSources> joined(const GraphSpec& graph, const std::vector<ReadingSource>& sources,
                                            const ResourceTable& resources) {
  if (sources.size() < 2) return nullptr;
  std::vector<JoinedSources::Part> parts;
  for (std::size_t node = 0; node < graph.size(); ++node) {
    if (!graph[node].is_source()) continue;
    JoinedSources::Part& part = parts.emplace_back();
    part.name = graph[node].name;
    part.source = sources[parts.size() - 1].source;
    for (const SourceResource& resource : resources.wanted_of(node)) part.resources.push_back(resource.index);
  }
  return std::make_shared<const JoinedSources>(std::move(parts));
}

RunParts run_parts(FlowParts& parts, const GraphSpec& graph, const ResourceTable& resources,
                   std::shared_ptr<const Source> source) {
  RunParts out;
  out.source = std::move(source);
  out.context = std::move(parts.context);
  if (out.context.run_id.empty()) out.context.run_id = pipeline::new_run_id();
  out.context.kinds.clear();
  for (const ResourceTable::Resource& resource : resources.all()) {
    out.context.kinds.push_back(resource.kind);
    out.blocks.push_back(resource.spec);
  }
  out.state = std::move(parts.state);
  out.dead_letters = std::move(parts.dead_letters);
  out.remembered_pages = std::move(parts.remembered_pages);
  out.journalled = parts.journal.has_value();
  for (const NodeSpec& node : graph) {
    if (!node.is_sink()) continue;
    out.sinks.push_back(
        {limits_of(*node.sink, node.sink_options), dynamic_cast<const LocalSink*>(node.sink.get()) == nullptr});
  }
  return out;
}

LaneOptions lane_options(const GraphSpec& graph, const Ways& ways, const ResourceTable& resources, std::size_t node) {
  LaneOptions lane;
  lane.sink = graph[node].sink_options;
  lane.resources = resources.reaching(node, graph, ways);
  lane.direct = std::all_of(graph[node].inputs.begin(), graph[node].inputs.end(),
                            [&](const detail::Output& from) { return graph[from.node].is_mapping(); });
  lane.own_seen = lane.sink.reconcile != Reconcile::kNever && !ways.plain();
  return lane;
}

int workers(const ResyncOptions& options) { return options.threads > 0 ? options.threads : pipeline::cores_allowed(); }

}  // namespace

struct FlowRun::Impl {
  Impl(FlowParts parts, ResyncOptions options, ResourceTable table)
      : title(std::move(parts.title)),
        graph_spec(std::move(parts.graph)),
        ways(graph_spec),
        resources(std::move(table)),
        sources(reading_sources(graph_spec)),
        joined_source(joined(graph_spec, sources, resources)),
        state(
            run_parts(parts, graph_spec, resources,
                      joined_source != nullptr ? std::shared_ptr<const Source>(joined_source) : sources.front().source),
            std::move(options)),
        counts(graph_spec, ways, resources.size()),
        reading(state, sources, joined_source.get()),
        context{state,
                graph_spec,
                ways,
                counts,
                resources,
                {[this](std::uint32_t resource) -> const std::string& { return state.kind_of(resource); },
                 [this](std::uint32_t scope) { return partition_of(scope); }, &state.documents}},
        resumption(state, std::move(parts.journal)) {
    state.batch_bytes.on_release([this] {
      if (budget) budget->credit_came_home();
      if (nodes) nodes->credit_came_home();
    });
    for (std::size_t node = 0; node < graph_spec.size(); ++node) {
      if (!graph_spec[node].is_sink()) continue;
      const auto number = static_cast<std::uint32_t>(lanes.size());
      lanes.push_back(std::make_unique<SinkLane>(state, number, std::move(graph_spec[node].sink),
                                                 lane_options(graph_spec, ways, resources, node),
                                                 [this] { sink_failed(); }));
    }
  }

  [[nodiscard]] std::string partition_of(std::uint32_t scope) const {
    // What a stage made before anything came is of no scope.
    return scope < reading.book().totals().scopes_known ? reading.book().partition(scope) : "*";
  }

  /// Asks the sources for their first requests: unknown kinds are found here.
  Result<void> check() {
    std::vector<SourceResource> wanted;
    for (const std::uint32_t index : state.options.resources) {
      const ResourceTable::Resource& resource = resources.at(index);
      wanted.push_back({index, resource.kind, resource.selector});
    }
    auto started = state.source->start(wanted);
    if (!started) return pipeline::unexpected(std::move(started).error());
    first_requests = std::move(*started);
    for (std::string& notice : state.source->notices(wanted)) state.note(std::move(notice));
    return {};
  }

  /// The whole graph: fetch -> paginate -> budget, what the user put behind it, and for each sink batch -> upload ->
  /// settle.
  void build(pipeline::Stop& stop) {
    state.stop = &stop;
    graph = std::make_unique<pipeline::Graph>(
        pipeline::Graph::Options{.title = title, .threads = workers(state.options), .stop = &stop});
    reading.build(*graph);
    const auto starved = [this] { flush(MappedBlock::Flush::kStarved); };
    budget.emplace(state, sources.size());
    budget->build(*graph, reading.paginate(), starved);
    nodes.emplace(context, reading.book(), *budget, lanes, static_cast<std::size_t>(workers(state.options)), starved);
    nodes->build(*graph);
    describe_surroundings();
  }

  /// What belongs to the picture beside the nodes and edges.
  void describe_surroundings() {
    const std::size_t frontier = graph->describe_phase(
        {.name = "frontier", .says = fmt::format("{} pages admitted at most, scopes in turn", state.pages.capacity())});
    graph->describe_edge(frontier, reading.fetch().index(), "request", false);
    graph->describe_edge(reading.paginate().index(), frontier, "new requests", true);
    for (MappingSide& mapping : nodes->mappings()) {
      graph->describe_edge(mapping.transform().index(), frontier, "page token", true);
    }
    const std::size_t reconcile = graph->describe_phase({.name = "reconcile", .says = reconciling_says(lanes)});
    for (const auto& lane : lanes) {
      graph->describe_edge(lane->settle_node(), reconcile, "identities seen", false);
      graph->describe_edge(lane->settle_node(), budget->node().index(), "batch memory", true);
    }
    if (ways.plain() && sources.size() == 1) return;
    for (const ReadingSource& source : sources) {
      const std::size_t phase =
          graph->describe_phase({.name = source.name, .says = fmt::format("source: {}", source.source->type())});
      graph->describe_edge(phase, frontier, "requests", false);
    }
  }

  Result<void> open() {
    for (const auto& lane : lanes) {
      auto opened = lane->open([this](std::uint32_t scope) { return partition_of(scope); });
      if (!opened) return opened;
    }
    if (auto begun = resumption.begin(reading.book(), lanes); !begun) return begun;
    // Letters say where their page came from; what a plan holds back outlives its page.
    if (state.letters && !state.tickets && state.options.plan == nullptr && ways.plain())
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
    milliseconds age = lanes.front()->options().sink.batch_age;
    for (const auto& lane : lanes) age = std::min(age, lane->options().sink.batch_age);
    const Ticker letters(kLettersEvery, [this] { state.flush_letters(); });
    const Ticker old_batches(age / 2 + milliseconds(1), [this] { flush(MappedBlock::Flush::kOlder); });
    auto clocks = nodes->start_clocks();
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
    clocks.clear();
    nodes->finish_stages([this] { graph->wait(); });
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
    for (MappingSide& mapping : nodes->mappings()) {
      mapping.on_page([this](const ReadPage& page) {
        for_each_life([&](LifeReporter& life, const SinkLane&) { life.offer_examples(page); });
      });
    }
    for_each_life([](LifeReporter& life, const SinkLane&) { life.started(); });
  }

  /// Of an item that failed on the way to a sink nobody knows what it would have been there.
  void spare_behind_failures() {
    std::size_t sink = 0;
    for (const auto& lane : lanes) {
      while (!graph_spec[sink].is_sink()) ++sink;
      for (std::size_t node = 0; node < sink; ++node) {
        const bool failed = counts.node(node).failed != 0 || counts.node(node).failed_calls != 0;
        if (!failed || !ways.leads(node, sink)) continue;
        lane->spare_all(
            fmt::format("items failed at {}, so nobody knows what they would have been", graph_spec[node].name));
      }
      ++sink;
    }
  }

  /// Says what the others wait for, as far as one thing stands out since the last time that somebody looked.
  /// A stage that is a node by itself has one row; of those that share a node each has its own beside it.
  [[nodiscard]] std::vector<pipeline::NodeStats> stage_rows() const {
    std::vector<pipeline::NodeStats> rows = graph->stats();
    for (std::size_t node = 0; node < graph_spec.size(); ++node) {
      if (!graph_spec[node].is_stage()) continue;
      pipeline::NodeStats stage = counts.stats(node);
      const auto same = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == stage.name; });
      if (same == rows.end()) {
        rows.push_back(std::move(stage));
      } else {
        same->items = std::move(stage.items);
      }
    }
    return rows;
  }

  /// What arrives at a sink is what leaves the nodes before it.
  void tap(std::size_t node, std::size_t count, std::function<void(const TappedItem&)> hear) {
    if (!graph_spec[node].is_sink()) return counts.node(node).tap.begin(count, std::move(hear));
    struct Shared {
      std::mutex mutex;  ///< Guards the rest: several nodes may lead there.
      std::size_t left;
      std::function<void(const TappedItem&)> hear;
    };
    auto shared = std::make_shared<Shared>();
    shared->left = count;
    shared->hear = std::move(hear);
    for (const detail::Output& input : graph_spec[node].inputs) {
      const NodeSpec& from = graph_spec[input.node];
      const std::string output = from.outputs.empty() ? std::string() : from.outputs[input.number];
      counts.node(input.node).tap.begin([shared, output, name = graph_spec[node].name](TappedItem item) {
        const std::lock_guard lock(shared->mutex);
        if (shared->left == 0) return false;
        if (item.output != output) return true;
        item.node = name;
        item.output = {};
        shared->hear(item);
        return --shared->left != 0;
      });
    }
  }

  void find_bottleneck(const std::vector<pipeline::NodeStats>& below, LiveGraph& live) {
    const std::lock_guard lock(looking);
    const auto now = Clock::now();
    const double passed = std::chrono::duration<double>(now - (looked.busy.empty() ? began : looked.at)).count();
    looked.busy.resize(below.size(), 0);
    double busiest = 0;
    double all = 0;
    std::size_t which = 0;
    for (std::size_t i = 0; i < below.size(); ++i) {
      const double busy = below[i].busy_seconds - looked.busy[i];
      all += busy;
      if (busy > busiest) {
        busiest = busy;
        which = i;
      }
      looked.busy[i] = below[i].busy_seconds;
    }
    double paused = 0;
    for (const HostStats& host : reading.host_stats()) paused += host.seconds_paused;
    const double paused_now = paused - looked.paused;
    looked.paused = paused;
    looked.at = now;
    if (passed <= 0) return;
    const auto most_waiting = [&] {
      const LiveGraph::Node* most = nullptr;
      for (const LiveGraph::Node& node : live.nodes) {
        if (most == nullptr || node.waiting > most->waiting) most = &node;
      }
      return most;
    };
    constexpr double kMost = 0.8;
    if (all > kMost * passed * workers(state.options)) {
      live.bottleneck = nodes->shown_as(which, below[which].name);
      live.bottleneck_reason = "CPU";
    } else if (paused_now > passed / 2) {
      live.bottleneck = sources.front().name;
      live.bottleneck_reason = "quota";
    } else if (static_cast<double>(state.batch_bytes.taken()) >
               kMost * static_cast<double>(state.batch_bytes.capacity())) {
      const LiveGraph::Node* const node = most_waiting();
      live.bottleneck = node != nullptr ? node->name : "";
      live.bottleneck_reason = "sink";
    } else if (static_cast<double>(state.body_bytes.taken()) >
               kMost * static_cast<double>(state.body_bytes.capacity())) {
      live.bottleneck = sources.front().name;
      live.bottleneck_reason = "memory";
    } else if (state.phase() == "reading") {
      live.bottleneck = sources.front().name;
      live.bottleneck_reason = "source";
    }
  }

  void kinds_finished() {
    for_each_life([&](LifeReporter& life, const SinkLane&) {
      life.kinds_finished(incomplete_resources(reading.book()));
      life.reconciling();
    });
  }

  [[nodiscard]] std::uint64_t deleted_at(const SinkLane& lane) const {
    std::uint64_t deleted = 0;
    for (const std::uint32_t resource : lane.options().resources) deleted += lane.ledger().row(resource).tally.deleted;
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
    count_sinks(context, lanes, report);
    const pipeline::RunFacts facts = facts_of(context, report, reading.book(), lanes, stop_signal());
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
    const bool spares = std::any_of(lanes.begin(), lanes.end(), [](const auto& lane) {
      return lane->options().sink.reconcile != Reconcile::kNever && lane->spares_related();
    });
    for (MappingSide& mapping : nodes->mappings()) {
      if (spares) mapping.note_relations();
    }
    drive();
    kinds_finished();
    spare_behind_failures();

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
    count_sinks(context, lanes, report);
    const int before = pipeline::exit_code(facts_of(context, report, reading.book(), lanes, stop_signal()));
    for (const auto& lane : lanes) lane->finish(before == 0 || before == 1 ? Finish::kComplete : Finish::kPartial);
    count_sinks(context, lanes, report);
    count_scopes(state, reading.book(), report);
    count_hosts(reading, lanes, report);
    report.stages = stage_rows();
    reading.close();
    report.exit_code = pipeline::exit_code(facts_of(context, report, reading.book(), lanes, stop_signal()));
    const bool complete = report.exit_code == 0 || report.exit_code == 1 || report.exit_code == 5;
    // What does not add up is nothing to go on from.
    const bool adds_up = check_conservation(context, lanes, report);
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
  const std::string title;
  GraphSpec graph_spec;
  const Ways ways;
  const ResourceTable resources;
  const std::vector<ReadingSource> sources;
  const std::shared_ptr<const JoinedSources> joined_source;
  RunState state;
  FlowCounts counts;
  ReadingSide reading;
  FlowContext context;
  std::optional<PageBudget> budget;
  std::optional<FlowNodes> nodes;
  Resumption resumption;
  SinkLanes lanes;
  std::vector<Request> first_requests;
  std::unique_ptr<pipeline::Graph> graph;

  /// What is told of a running graph: the last time, to say what changed since.
  struct Looked {
    Clock::time_point at;
    std::vector<double> busy;  ///< By node below.
    double paused = 0;
  };
  std::mutex looking;  ///< Guards `looked`.
  Looked looked;
  Clock::time_point began = Clock::now();
};

FlowRun::FlowRun(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FlowRun::~FlowRun() = default;

Result<std::unique_ptr<FlowRun>> FlowRun::create(FlowParts parts, ResyncOptions options) {
  std::vector<const Sink*> sinks;
  for (const NodeSpec& node : parts.graph) {
    if (node.is_sink() && node.sink != nullptr) sinks.push_back(node.sink.get());
  }
  if (sinks.empty()) return pipeline::unexpected(ErrorKind::kConfig, "no sink was given");
  if (std::vector<std::string> problems = problems_of(parts.graph); !problems.empty()) {
    return pipeline::unexpected(ErrorKind::kConfig, fmt::format("{}", fmt::join(problems, "\n")));
  }
  const Ways ways(parts.graph);
  if (options.plan != nullptr && (sinks.size() != 1 || !ways.plain())) {
    return pipeline::unexpected(ErrorKind::kConfig, "a plan is made for one sink, right behind its mapping");
  }
  if (parts.journal && !ways.plain()) {
    return pipeline::unexpected(ErrorKind::kConfig,
                                "a journal needs a graph whose sinks all stand right behind its mappings: what stages "
                                "between them made is not known after the run");
  }
  if (parts.journal && (parts.state == nullptr || !std::all_of(sinks.begin(), sinks.end(),
                                                               [](const auto& sink) { return sink->can_resume(); }))) {
    return pipeline::unexpected(ErrorKind::kConfig, "a journal needs a state file, and sinks that keep what they took");
  }
  auto resources = ResourceTable::create(parts.graph, ways);
  if (!resources) return pipeline::unexpected(std::move(resources).error());
  options.resources = resources->wanted();
  for (const NodeSpec& node : parts.graph) {
    if (!node.is_sink()) continue;
    // Of requests to a target beside the lane's own.
    options.sink_retry = node.sink_options.retry;
    options.verify_sink_tls = node.sink_options.verify_tls;
    break;
  }
  auto impl = std::make_unique<Impl>(std::move(parts), std::move(options), std::move(*resources));
  if (auto checked = impl->check(); !checked) return pipeline::unexpected(std::move(checked).error());
  return std::unique_ptr<FlowRun>(new FlowRun(std::move(impl)));
}

pipeline::GraphDescription FlowRun::describe() {
  // Built anew by `run`: the nodes of two graphs would be mixed up.
  pipeline::Stop unused;
  impl_->build(unused);
  auto description = impl_->nodes->described(impl_->graph->describe());
  impl_->graph.reset();
  return description;
}

Result<pipeline::RunReport> FlowRun::run(pipeline::Stop& stop, const std::function<int()>& stop_signal) {
  return impl_->run(
      stop, stop_signal ? stop_signal : [] { return 0; });
}

bool FlowRun::can_be_resumed() const { return impl_->resumption.can_be_resumed(); }

Progress FlowRun::progress() const {
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

LiveGraph FlowRun::live() const {
  Impl& impl = *impl_;
  LiveGraph live;
  live.memory_budget = impl.state.body_bytes.capacity() + impl.state.batch_bytes.capacity();
  if (impl.state.phase() == "starting") return live;
  live.seconds = std::chrono::duration<double>(Clock::now() - impl.began).count();
  live.memory_taken = impl.state.body_bytes.taken() + impl.state.batch_bytes.taken();
  std::size_t lane = 0;
  for (std::size_t i = 0; i < impl.graph_spec.size(); ++i) {
    const NodeCounts& counts = impl.counts.node(i);
    LiveGraph::Node& node = live.nodes.emplace_back();
    node.name = impl.graph_spec[i].name;
    node.items_in = counts.in;
    node.items_out = counts.out;
    node.filtered = counts.filtered;
    node.failed = counts.failed;
    node.busy_seconds = static_cast<double>(counts.busy_nanoseconds.load()) / 1e9;
    if (!impl.graph_spec[i].is_sink()) continue;
    node.items_in = impl.counts.came_to(i);
    node.items_out = impl.lanes[lane++]->ledger().settled_total();
  }
  for (const EdgeCounts& edge : impl.counts.edges()) {
    if (impl.graph_spec[edge.from].is_source())
      live.nodes[edge.from].items_out = std::max(live.nodes[edge.from].items_out, edge.items.load());
    live.edges.push_back({impl.graph_spec[edge.from].name, impl.graph_spec[edge.to].name, edge.items, edge.bytes});
  }
  const std::vector<pipeline::NodeStats> below = impl.graph->stats();
  impl.nodes->fill_buffers(below, live);
  impl.find_bottleneck(below, live);
  return live;
}

Result<void> FlowRun::tap(std::string_view node, std::size_t count, std::function<void(const TappedItem&)> hear) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < impl_->graph_spec.size(); ++i) {
    if (impl_->graph_spec[i].name == node) {
      impl_->tap(i, count, std::move(hear));
      return {};
    }
    names.push_back(impl_->graph_spec[i].name);
  }
  return pipeline::unexpected(ErrorKind::kNotFound,
                              fmt::format("no node is called {}, only {}", node, fmt::join(names, ", ")));
}

}  // namespace riptide::stages
