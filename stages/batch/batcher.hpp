#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "riptide/pipeline/credits.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::stages {

/// Groups entities into batches within a sink's exact limits, one lane a blueprint where the sink wants that. A batch
/// leaves when its next entity would not fit, or on `flush`. Entities are copied, so that no batch pins a page.
/// One thread at a time; free of TBB.
class Batcher {
 public:
  using Clock = std::chrono::steady_clock;

  /// Batches hold their bytes as credit of `bytes` (borrowed).
  Batcher(SinkLimits limits, pipeline::CreditPool& bytes);

  /// Lowers the limit for a request's body, envelope included; a single entity over it travels alone.
  void limit_body(std::size_t bytes) { limits_.max_bytes = std::min(limits_.max_bytes, bytes); }
  /// Adds an entity of `from`; full batches go to `full`.
  void add(const EntityBuffer& from, const Entity& entity, Clock::time_point now,
           std::vector<std::shared_ptr<Batch>>& full);
  /// Takes credit for what was added to batches that are not full yet. To be called after the entities of a block,
  /// whose own credit holds their bytes until then.
  void charge();
  /// Gives out every partial batch.
  void flush(std::vector<std::shared_ptr<Batch>>& out);
  /// Gives out the partial batches that were begun before `begun_before`.
  void flush_older(Clock::time_point begun_before, std::vector<std::shared_ptr<Batch>>& out);

 private:
  struct Lane {
    std::shared_ptr<Batch> batch;
    std::size_t body_bytes = 0;
    Clock::time_point begun;
    std::size_t usual_records = 0;  ///< Of the last batch.
    std::size_t usual_bytes = 0;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  Lane& lane_of(std::string_view raw_blueprint);
  void open(Lane& lane, std::string_view raw_blueprint, Clock::time_point now);
  static void close(Lane& lane, std::vector<std::shared_ptr<Batch>>& out);

  SinkLimits limits_;
  pipeline::CreditPool& bytes_;
  std::unordered_map<std::string, Lane, TextHash, std::equal_to<>> lanes_;  ///< By the blueprint's raw JSON.
};

/// Splits a batch in two halves, for a target that finds it too large. The halves share the credit's amount.
std::pair<std::shared_ptr<Batch>, std::shared_ptr<Batch>> split(const Batch& batch, pipeline::CreditPool& bytes);

}  // namespace riptide::stages
