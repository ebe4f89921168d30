#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "riptide/stages/sink.hpp"

namespace riptide::stages {

/// What a `MemorySink` holds: outlives the resync that the sink goes into.
struct MemoryCatalogue {
  std::map<std::pair<std::string, std::string>, std::string> entities;  ///< (blueprint, identifier) -> JSON.
  std::size_t writes = 0;
  std::size_t received = 0;
  std::size_t removed = 0;
  std::size_t largest_batch = 0;
  bool finished_whole = false;
};

/// What goes wrong with a `MemorySink`.
struct MemoryFaults {
  std::size_t fail_after_writes = SIZE_MAX;            ///< Then every write is an Error.
  std::chrono::microseconds slowness{0};               ///< For each write, on the writer thread.
  std::function<bool(std::string_view json)> refuses;  ///< Rejected entities.
  bool refuses_to_open = false;
};

/// A local sink into memory, with faults on demand.
class MemorySink : public LocalSink {
 public:
  MemorySink(MemoryCatalogue& catalogue, SinkLimits limits, MemoryFaults faults = {});

  [[nodiscard]] std::string_view spec() const noexcept override { return "memory"; }
  [[nodiscard]] SinkLimits limits() const noexcept override { return limits_; }
  [[nodiscard]] bool owns_by_kind() const noexcept override { return false; }
  [[nodiscard]] bool can_delete() const noexcept override { return true; }
  Result<void> open() override;
  Result<std::vector<Outcome>> write(const Batch& batch) override;
  Result<void> owned(std::span<const std::uint32_t> resources,
                     const std::function<bool(const OwnedEntity&)>& visit) override;
  Result<std::size_t> remove(std::span<const OwnedEntity> entities) override;
  Result<void> finish(Finish how) override;

 private:
  MemoryCatalogue& catalogue_;
  const SinkLimits limits_;
  const MemoryFaults faults_;
};

}  // namespace riptide::stages
