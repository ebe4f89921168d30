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

void count_sinks(const RunState& state, const SinkLanes& lanes, pipeline::RunReport& report) {
  report.sinks.clear();
  for (const auto& lane : lanes) {
    pipeline::SinkReport& sink = report.sinks.emplace_back();
    sink.sink = lane->sink().spec();
    sink.error = lane->error();
    for (const std::uint32_t resource : state.options.resources) {
      pipeline::SinkKindReport row = lane->ledger().row(resource);
      row.kind = state.kind_of(resource);
      row.index = resource;
      row.tally += state.ledger.shared(resource);
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

pipeline::RunFacts facts_of(const pipeline::RunReport& report, const ScopeBook& book, const SinkLanes& lanes,
                            int signal) {
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
  return facts;
}

bool check_conservation(RunState& state, pipeline::RunReport& report) {
  std::vector<std::string> faults = pipeline::check_accounting(report);
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
