// What the transform is measured against: a tree of the page, the same entities by C++ written by hand over that tree,
// copying the page, stage 1 alone, and stage 1 with a walk that steps over every record. 0: Octopus, 1: Jira.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <cstring>
#include <string>

#include "bench_work.hpp"
#include "by_hand.hpp"
#include "riptide/json/structurals.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::transform {
namespace {

BenchPage floor_page(std::int64_t shape) { return shape == 0 ? octopus_page(100) : jira_page(50); }

/// A tree of the page, and nothing done with it. 0: Octopus, 1: Jira, as in all floors.
void BM_Transform_FloorDom(benchmark::State& state) {
  const BenchPage input = floor_page(state.range(0));
  simdjson::dom::parser parser;
  const std::uint64_t before = allocations();
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
  const BenchPage input = floor_page(state.range(0));
  std::string copy(input.page->size(), '\0');
  const std::uint64_t before = allocations();
  for (auto _ : state) {
    std::memcpy(copy.data(), input.page->view().data(), input.page->size());
    benchmark::DoNotOptimize(copy.data());
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_FloorCopy)->Arg(0)->Arg(1);

void BM_Transform_FloorStage1(benchmark::State& state) {
  const BenchPage input = floor_page(state.range(0));
  json::StructuralIndex index;
  const std::uint64_t before = allocations();
  for (auto _ : state) {
    auto built = index.build(input.page->view());
    if (!built) state.SkipWithError("not JSON");
    benchmark::DoNotOptimize(built->size);
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_FloorStage1)->Arg(0)->Arg(1);

void BM_Transform_FloorStepOver(benchmark::State& state) {
  const BenchPage input = floor_page(state.range(0));
  json::StructuralIndex index;
  json::Brackets brackets;
  const std::uint64_t before = allocations();
  for (auto _ : state) {
    auto built = index.build(input.page->view());
    if (!built || json::step_over(*built, 0, brackets, nullptr) != built->size) state.SkipWithError("not JSON");
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_FloorStepOver)->Arg(0)->Arg(1);

/// The entities of the default mapping, by C++ over simdjson's tree; the bytes are the same.
void BM_Transform_ByHand(benchmark::State& state) {
  const bool jira = state.range(0) == 1;
  const BenchPage input = floor_page(state.range(0));
  simdjson::dom::parser parser;
  std::string out;
  const auto extract = [&] {
    out.clear();
    return jira ? by_hand_jira(parser, input, out) : by_hand_octopus(parser, input, out);
  };
  MappingSpec spec;
  spec.resources.push_back(jira ? jira_issues() : octopus_machines());
  Mapper mapper(*Mapping::compile(spec, {}));
  MappedPage mapped;
  mapper.map(0, input.page, input.records, mapped);
  if (!extract() || out != mapped.entities.bytes) {
    state.SkipWithError("other entities than the mapping makes");
    return;
  }
  const std::uint64_t before = allocations();
  for (auto _ : state) {
    extract();
    benchmark::DoNotOptimize(out.data());
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_ByHand)->Arg(0)->Arg(1);

}  // namespace
}  // namespace riptide::transform
