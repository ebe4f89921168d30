// Lines of JSON beside write(2) of the same bytes, both without waiting for the disk.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include "made_up_releases.hpp"
#include "riptide/sinks/ndjson_sink.hpp"

namespace riptide::bench {
namespace {

constexpr std::size_t kRecords = 200'000;

void count(benchmark::State& state, const std::vector<stages::Batch>& batches) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRecords));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes_of(batches)));
}

void BM_Ndjson_Floor(benchmark::State& state) {
  const auto batches = made_up_releases(kRecords, false);
  const std::string path = scratch_file("floor.ndjson");
  for (auto _ : state) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    for (const stages::Batch& batch : batches) {
      if (::write(fd, batch.bytes.data(), batch.bytes.size()) != static_cast<ssize_t>(batch.bytes.size())) {
        return state.SkipWithError("the bare write failed");
      }
    }
    state.PauseTiming();
    ::close(fd);
    std::filesystem::remove(path);
    state.ResumeTiming();
  }
  count(state, batches);
}

void BM_Ndjson_Write(benchmark::State& state) {
  const auto batches = made_up_releases(kRecords, false);
  const std::string path = scratch_file("out.ndjson");
  for (auto _ : state) {
    auto sink = std::make_unique<sinks::NdjsonSink>(path);
    if (!sink->open()) return state.SkipWithError("the file cannot be opened");
    for (const stages::Batch& batch : batches) {
      if (!sink->write(batch)) return state.SkipWithError("the write failed");
    }
    state.PauseTiming();
    if (!sink->finish(stages::Finish::kComplete)) return state.SkipWithError("the end failed");
    if (std::filesystem::file_size(path) != bytes_of(batches) + kRecords)
      return state.SkipWithError("bytes are missing");
    sink.reset();
    std::filesystem::remove(path);
    state.ResumeTiming();
  }
  count(state, batches);
}

BENCHMARK(BM_Ndjson_Floor)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Ndjson_Write)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace riptide::bench
