// What stages of one's own cost: graphs of made-up records of 2 KB into `null`.
//   BM_Compose_Stages/N  N filters that look at nothing: they share a body.
//   BM_Compose_Hops/N    N serial stages: each is a hop of its own, so that the difference of two is the price of hops.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "riptide/riptide.hpp"
#include "riptide/sinks/null_sink.hpp"

namespace riptide {
namespace {

constexpr std::size_t kPages = 400;
constexpr std::size_t kRecords = 50;  ///< Of a page.
constexpr std::size_t kBytes = 2000;  ///< Of a record.

/// The same page again and again.
class OnePage final : public LocalSource {
 public:
  OnePage() {
    for (std::size_t i = 0; i < kRecords; ++i) {
      page_ += "{\"id\":\"record-" + std::to_string(i) + "\",\"n\":" + std::to_string(i) + ",\"pad\":\"" +
               std::string(kBytes - 40, 'x') + "\"}\n";
    }
  }
  [[nodiscard]] std::string_view type() const override { return "page"; }
  Result<std::vector<PageRequest>> start(const std::string&) override {
    std::vector<PageRequest> requests;
    for (std::size_t i = 0; i < kPages; ++i) requests.push_back({std::to_string(i), ""});
    return requests;
  }
  Result<LocalPage> read_page(const std::string&, const PageRequest&) override { return LocalPage{page_, {}}; }
  [[nodiscard]] std::size_t readers() const override { return 1; }

 private:
  std::string page_;
};

void run_stages(benchmark::State& state, StageOptions options) {
  const auto source = std::make_shared<OnePage>();
  for (auto _ : state) {
    Graph graph({.threads = 1});
    Stream<Record> stream = graph.source("pages", source);
    for (int64_t i = 0; i < state.range(0); ++i) {
      stream = stream.filter(
          "stage " + std::to_string(i), [](const Record& r) { return r.size() > 10; }, options);
    }
    stream.sink("null", std::make_unique<sinks::NullSink>());
    Stop stop;
    const auto report = graph.run(stop);
    if (!report || report->exit_code != 0 || report->sinks[0].kinds[0].tally.updated != kPages * kRecords) {
      state.SkipWithError("the run went wrong");
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kPages * kRecords));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kPages * kRecords * kBytes));
  state.counters["pages"] =
      benchmark::Counter(static_cast<double>(kPages), benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Compose_Stages(benchmark::State& state) { run_stages(state, {}); }
void BM_Compose_Hops(benchmark::State& state) { run_stages(state, {.serial = true}); }
BENCHMARK(BM_Compose_Stages)->Arg(1)->Arg(10)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Compose_Hops)->Arg(1)->Arg(11)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace riptide
