#pragma once

#include <chrono>
#include <functional>
#include <string_view>
#include <vector>

#include "riptide/stages/sink.hpp"

namespace riptide::sinks {

/// Takes everything and keeps nothing: for benchmarks and for reading without writing. Every entity counts as updated.
class NullSink final : public stages::LocalSink {
 public:
  /// Slows it down, for tests of backpressure.
  struct Options {
    double records_per_second = 0;  ///< Slows `write` down to this rate, on the writer's thread; 0 is no limit.
    /// Waits; std::this_thread::sleep_for unless a test counts.
    std::function<void(std::chrono::nanoseconds)> pause;
  };

  NullSink() : NullSink(Options()) {}
  explicit NullSink(Options options);

  [[nodiscard]] std::string_view spec() const noexcept override { return "null"; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override { return {}; }
  [[nodiscard]] bool takes_any() const noexcept override { return true; }
  [[nodiscard]] bool inline_writes() const noexcept override { return options_.records_per_second <= 0; }

  [[nodiscard]] pipeline::Result<void> open() override { return {}; }
  [[nodiscard]] pipeline::Result<std::vector<stages::Outcome>> write(const stages::Batch& batch) override;
  [[nodiscard]] pipeline::Result<void> finish(stages::Finish how) override;

 private:
  Options options_;
  std::chrono::duration<double> owed_{0};  // Waiting time that was too short to be slept yet.
};

}  // namespace riptide::sinks
