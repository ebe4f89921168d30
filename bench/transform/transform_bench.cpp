// The transform over pages as Octopus serves them, with its floors beside it: copying the page, stage 1 alone, and
// stage 1 with a walk that steps over every record. Run: transform_bench --benchmark_repetitions=10
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "riptide/json/document.hpp"
#include "riptide/json/structurals.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/record.hpp"
#include "riptide/transform/mapping.hpp"
#include "transform_pages.hpp"

namespace {

std::uint64_t allocations = 0;

}  // namespace

// Counts what the measured loops allocate.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace riptide::transform {
namespace {

void count_work(benchmark::State& state, const BenchPage& input, std::uint64_t allocations_before) {
  const auto records = static_cast<double>(input.records.spans.size());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(input.records.spans.size()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(input.page->size()));
  state.counters["allocs_per_record"] =
      static_cast<double>(allocations - allocations_before) / (static_cast<double>(state.iterations()) * records);
}

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
  const std::uint64_t before = allocations;
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

BenchPage floor_page(const benchmark::State& state) { return state.range(0) == 0 ? octopus_page(100) : jira_page(50); }

/// A tree of the page, and nothing done with it. 0: Octopus, 1: Jira, as in all floors.
void BM_Transform_FloorDom(benchmark::State& state) {
  const BenchPage input = floor_page(state);
  simdjson::dom::parser parser;
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    simdjson::dom::element element;
    const auto failure = parser.parse(input.page->view().data(), input.page->size(), false).get(element);
    if (failure != simdjson::SUCCESS) state.SkipWithError("not JSON");
    benchmark::DoNotOptimize(element);
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_FloorDom)->Arg(0)->Arg(1);

void BM_Transform_FloorCopy(benchmark::State& state) {
  const BenchPage input = floor_page(state);
  std::string copy(input.page->size(), '\0');
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    std::memcpy(copy.data(), input.page->view().data(), input.page->size());
    benchmark::DoNotOptimize(copy.data());
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_FloorCopy)->Arg(0)->Arg(1);

void BM_Transform_FloorStage1(benchmark::State& state) {
  const BenchPage input = floor_page(state);
  json::StructuralIndex index;
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    auto built = index.build(input.page->view());
    if (!built) state.SkipWithError("not JSON");
    benchmark::DoNotOptimize(built->size);
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_FloorStage1)->Arg(0)->Arg(1);

void BM_Transform_FloorStepOver(benchmark::State& state) {
  const BenchPage input = floor_page(state);
  json::StructuralIndex index;
  json::Brackets brackets;
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    auto built = index.build(input.page->view());
    if (!built || json::step_over(*built, 0, brackets, nullptr) != built->size) state.SkipWithError("not JSON");
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_FloorStepOver)->Arg(0)->Arg(1);

}  // namespace
}  // namespace riptide::transform

BENCHMARK_MAIN();
