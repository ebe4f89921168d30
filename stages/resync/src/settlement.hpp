#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "lane_core.hpp"
#include "messages.hpp"
#include "target.hpp"
#include "uploads.hpp"

namespace riptide::stages {

/// Enters what became of entities, wherever somebody keeps count: the ledger, the plan, what is remembered of the
/// target, the pages that they came from, the dead letters. Any thread.
class Settlement {
 public:
  /// `target` and `uploads` are borrowed.
  Settlement(LaneCore& lane, Target& target, Uploads& uploads) : lane_(lane), target_(target), uploads_(uploads) {}

  /// Settles a batch by its answer, or sends it in halves.
  void settle(Answer& answer);
  /// Settles entities that need not be sent.
  void settle_unchanged(const EntityBuffer& buffer, const std::vector<Entity>& unchanged);
  /// Settles entities that are given up without having been sent.
  void give_up(const Batch& batch);
  /// All that was written is kept now.
  void all_kept() { settle_kept_pages(UINT64_MAX); }

  /// The target did not say which entity a search identifier found: nothing may be deleted there.
  [[nodiscard]] bool identity_unknown() const noexcept { return identity_unknown_.load(std::memory_order_relaxed); }

 private:
  Result<std::vector<Outcome>> outcomes_of(Answer& answer);
  void enter(const Answer& answer, const std::vector<Outcome>& outcomes);
  void put_aside(const Answer& answer, const std::vector<Outcome>& outcomes);
  void enter_one(const Answer& answer, const Entity& entity, const Outcome& outcome);
  void note_searched(const Batch& batch, const Entity& entity, const Outcome& outcome);
  void write_letter(const Answer& answer, const Entity& entity, const Outcome& outcome);
  void take_letter_back(const Entity& entity);
  void settle_pages(BatchSettlement settlement, std::uint64_t write);
  void settle_kept_pages(std::uint64_t kept);

  LaneCore& lane_;
  Target& target_;
  Uploads& uploads_;
  std::atomic<bool> identity_unknown_{false};
  std::mutex mutex_;  ///< Guards unkept_.
  /// Written, but not yet kept by the sink, by write: what a page's entities settle with.
  std::multimap<std::uint64_t, BatchSettlement> unkept_;
};

}  // namespace riptide::stages
