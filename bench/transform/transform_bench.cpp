// The transform over pages as Octopus and Jira serve them. Its floors are in transform_floors.cpp, libjq in
// libjq_bench.cpp. Run: transform_bench --benchmark_repetitions=10 --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>

#include <string>
#include <utility>

#include "bench_work.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::transform {
namespace {

void map_with(benchmark::State& state, const BenchPage& input, ResourceSpec resource) {
  MappingSpec spec;
  spec.resources.push_back(std::move(resource));
  auto mapping = Mapping::compile(spec, {});
  if (!mapping) {
    state.SkipWithError(mapping.error().message.c_str());
    return;
  }
  Mapper mapper(*mapping);
  MappedPage out;
  const auto map = [&] {
    out.entities.bytes.clear();
    out.entities.entities.clear();
    out.faults.clear();
    out.misconfigured.clear();
    out.counts.clear();
    mapper.map(0, input.page, input.records, out);
  };
  map();
  if (out.entities.entities.size() != input.records.spans.size()) {
    state.SkipWithError("not every record became an entity");
    return;
  }
  const std::uint64_t before = allocations();
  for (auto _ : state) {
    map();
    benchmark::DoNotOptimize(out.entities.bytes.data());
  }
  count_work(state, input, before);
}

void BM_Transform_Octopus(benchmark::State& state) {
  const BenchPage input = octopus_page(static_cast<int>(state.range(0)));
  map_with(state, input, octopus_machines());
}
BENCHMARK(BM_Transform_Octopus)->Arg(1)->Arg(50)->Arg(100);

/// One expression of the mapping is for the evaluator, which sees one field of the record.
void BM_Transform_JiraOneRegex(benchmark::State& state) {
  const BenchPage input = jira_page(static_cast<int>(state.range(0)));
  ResourceSpec resource = jira_issues();
  resource.entities[0].properties.emplace_back(
      "slug", ExpressionSpec{".fields.summary | gsub(\"[^a-zA-Z0-9]+\"; \"-\")", "properties.slug", 0, 0});
  map_with(state, input, std::move(resource));
}
BENCHMARK(BM_Transform_JiraOneRegex)->Arg(50);

void BM_Transform_Jira(benchmark::State& state) {
  const BenchPage input = jira_page(static_cast<int>(state.range(0)));
  map_with(state, input, jira_issues());
}
BENCHMARK(BM_Transform_Jira)->Arg(50);

void BM_Transform_JiraHeavy(benchmark::State& state) {
  const BenchPage input = jira_page(static_cast<int>(state.range(0)));
  map_with(state, input, jira_issues_heavy());
}
BENCHMARK(BM_Transform_JiraHeavy)->Arg(50);

/// A worker each with its mapper; they share the mapping and the page.
void BM_Transform_OctopusThreads(benchmark::State& state) {
  const BenchPage input = octopus_page(100);
  map_with(state, input, octopus_machines());
}
BENCHMARK(BM_Transform_OctopusThreads)->Threads(1)->Threads(2)->UseRealTime();

void BM_Transform_JiraThreads(benchmark::State& state) {
  const BenchPage input = jira_page(50);
  map_with(state, input, jira_issues());
}
BENCHMARK(BM_Transform_JiraThreads)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace riptide::transform

BENCHMARK_MAIN();
