#include "run_counts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace riptide::stages {
namespace {

constexpr std::size_t kMaxOpenScopes = 1000;

void add_open_scope(const RunState& state, std::uint32_t resource, const ScopeBook::ScopeState& scope,
                    pipeline::RunReport& report) {
  ++report.scopes_total;
  if (report.scopes.size() >= kMaxOpenScopes) return;
  report.scopes.push_back({state.kind_of(resource), std::string(scope.partition), scope.pages_expected,
                           scope.pages_read, std::string(scope.error)});
}

}  // namespace

namespace {

/// Adds what of the records and entities of a resource went no further, at the stages on the only way to a sink.
void add_stages(const FlowContext& context, const std::vector<std::size_t>& chain, std::uint32_t resource,
                pipeline::Tally& tally) {
  bool entities = false;
  for (const std::size_t node : chain) {
    entities = entities || context.graph[node].is_mapping();
    if (!context.graph[node].is_stage()) continue;
    const NodeCounts& counts = context.counts.node(node);
    tally.filtered += counts.filtered_of.at(resource);
    tally.invalid += counts.failed_of.at(resource);
    // What came to the mapping, or to the sink, is counted there.
    if (!entities) tally.read += counts.filtered_of.at(resource) + counts.failed_of.at(resource);
  }
}

}  // namespace

void count_sinks(const FlowContext& context, const SinkLanes& lanes, pipeline::RunReport& report) {
  const RunState& state = context.state;
  report.sinks.clear();
  std::size_t node = 0;
  for (const auto& lane : lanes) {
    while (!context.graph[node].is_sink()) ++node;
    const std::vector<std::size_t> chain = context.ways.single_chain(node++);
    const bool maps =
        std::any_of(chain.begin(), chain.end(), [&](std::size_t link) { return context.graph[link].is_mapping(); });
    pipeline::SinkReport& sink = report.sinks.emplace_back();
    sink.sink = lane->sink().spec();
    sink.error = lane->error();
    for (const std::uint32_t resource : lane->options().resources) {
      pipeline::SinkKindReport row = lane->ledger().row(resource);
      row.kind = state.kind_of(resource);
      row.index = resource;
      // Behind a mapping what was read is known there; what arrived is what was left of it.
      if (maps && !lane->options().direct) row.tally.read = 0;
      if (maps || lane->options().direct) row.tally += state.ledger.shared(resource);
      add_stages(context, chain, resource, row.tally);
      sink.kinds.push_back(std::move(row));
    }
  }
}

void count_scopes(const RunState& state, const ScopeBook& book, pipeline::RunReport& report) {
  const std::vector<pipeline::KindReport> all = state.ledger.rows();
  for (const std::uint32_t resource : state.options.resources) report.kinds.push_back(all.at(resource));
  const auto row_of = [&](std::uint32_t resource) -> pipeline::KindReport& {
    return *std::find_if(report.kinds.begin(), report.kinds.end(),
                         [&](const auto& row) { return row.index == resource; });
  };
  book.visit([&](const ScopeBook::ScopeState& scope) {
    for (const std::uint32_t resource : scope.resources) {
      ++(scope.closed ? row_of(resource).scopes_closed : row_of(resource).scopes_open);
      if (!scope.closed) add_open_scope(state, resource, scope, report);
    }
    if (scope.closed) return;
    for (const std::uint32_t resource : scope.dependents) {
      ++row_of(resource).scopes_open;
      add_open_scope(state, resource, scope, report);
    }
  });
}

std::vector<std::uint32_t> incomplete_resources(const ScopeBook& book) {
  std::vector<std::uint32_t> open;
  book.visit([&](const ScopeBook::ScopeState& scope) {
    if (scope.closed) return;
    open.insert(open.end(), scope.resources.begin(), scope.resources.end());
    open.insert(open.end(), scope.dependents.begin(), scope.dependents.end());
  });
  return open;
}

void count_hosts(const ReadingSide& reading, const SinkLanes& lanes, pipeline::RunReport& report) {
  std::vector<HostStats> stats = reading.host_stats();
  for (const auto& lane : lanes) {
    for (HostStats& host : lane->host_stats()) stats.push_back(std::move(host));
  }
  for (HostStats& host : stats) {
    report.hosts.push_back({std::move(host.host), host.requests, host.retries, host.status_304, host.status_429, host.seconds_paused,
                            host.max_in_flight, host.p50_ms, host.p99_ms});
  }
}

pipeline::RunFacts facts_of(const FlowContext& context, const pipeline::RunReport& report, const ScopeBook& book,
                            const SinkLanes& lanes, int signal) {
  pipeline::RunFacts facts;
  facts.stop_signal = signal;
  facts.sink_failed = std::any_of(lanes.begin(), lanes.end(), [](const auto& lane) { return lane->has_failed(); });
  facts.source_incomplete = !book.complete();
  facts.guarded = report.guard.tripped;
  for (const pipeline::SinkReport& sink : report.sinks) {
    for (const auto& kind : sink.kinds) {
      if (kind.tally.invalid != 0 || kind.tally.rejected != 0) facts.records_failed = true;
    }
  }
  for (std::size_t node = 0; node < context.graph.size(); ++node) {
    if (context.counts.node(node).failed != 0 || context.counts.node(node).failed_calls != 0) {
      facts.records_failed = true;
    }
  }
  return facts;
}

bool check_conservation(const FlowContext& context, const SinkLanes& lanes, pipeline::RunReport& report) {
  RunState& state = context.state;
  std::vector<std::string> faults = pipeline::check_accounting(report);
  for (std::string& fault : context.counts.check()) faults.push_back(std::move(fault));
  std::size_t node = 0;
  for (const auto& lane : lanes) {
    while (!context.graph[node].is_sink()) ++node;
    if (!lane->options().direct && lane->ledger().arrived_total() != context.counts.came_to(node)) {
      faults.push_back(fmt::format("{} items went to {}, and {} came", context.counts.came_to(node),
                                   context.graph[node].name, lane->ledger().arrived_total()));
    }
    ++node;
  }
  for (const pipeline::CreditPool* pool : {&state.pages, &state.body_bytes, &state.batch_bytes}) {
    if (pool->taken() == 0) continue;
    faults.push_back(fmt::format("{} did not come home: {} of {}", pool->name(), pool->taken(), pool->capacity()));
  }
  if (const auto reason = state.stop->reason(); reason && reason->kind == ErrorKind::kInternal)
    faults.push_back(reason->message);
  for (std::string& fault : faults) {
    state.say(LogLevel::kError, fault);
    state.errors.add({{}, {}, {}, "accounting", std::move(fault), 1});
    if (report.exit_code < 128) report.exit_code = 4;
  }
  return faults.empty();
}

}  // namespace riptide::stages
