#include "riptide/sinks/null_sink.hpp"

#include <thread>
#include <utility>

namespace riptide::sinks {
namespace {

// Shorter sleeps are mostly overhead: they are saved up.
constexpr std::chrono::milliseconds kShortestPause{1};

}  // namespace

NullSink::NullSink(Options options) : options_(std::move(options)) {
  if (!options_.pause) options_.pause = [](std::chrono::nanoseconds time) { std::this_thread::sleep_for(time); };
}

pipeline::Result<std::vector<stages::Outcome>> NullSink::write(const stages::Batch& batch) {
  if (options_.records_per_second > 0) {
    owed_ += std::chrono::duration<double>(static_cast<double>(batch.entities.size()) / options_.records_per_second);
    if (owed_ >= kShortestPause) {
      options_.pause(std::chrono::duration_cast<std::chrono::nanoseconds>(std::exchange(owed_, {})));
    }
  }
  return std::vector<stages::Outcome>(batch.entities.size());
}

pipeline::Result<void> NullSink::finish(stages::Finish how) {
  (void)how;
  return {};
}

}  // namespace riptide::sinks
