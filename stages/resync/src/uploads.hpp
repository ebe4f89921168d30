#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "lane_core.hpp"
#include "messages.hpp"
#include "riptide/pipeline/graph.hpp"
#include "target.hpp"

namespace riptide::stages {

/// Batches of a lane between batching and settling: how many may be sent and not yet settled, and how large a body the
/// target was found to take. Any thread.
class Uploads {
 public:
  using Completion = pipeline::Completion<Answer>;

  /// `put` sends a batch round again, through the upload node. `target` is borrowed.
  Uploads(LaneCore& lane, Target& target, std::function<void(std::shared_ptr<Batch>)> put)
      : lane_(lane), target_(target), put_(std::move(put)) {}

  /// Counts batches that are on their way to the upload node.
  void coming(std::size_t batches) { in_flight_.fetch_add(batches, std::memory_order_acq_rel); }
  /// No batch is anywhere between batching and settling.
  [[nodiscard]] bool none() const noexcept { return in_flight_.load(std::memory_order_acquire) == 0; }
  /// Sends a batch, or holds it until others are settled.
  void add(std::shared_ptr<Batch> batch, Completion completion);
  /// The target found the batch too large: its halves go, and later ones are made smaller.
  void too_large(const Batch& batch);
  /// A batch that is not counted yet goes to the upload node.
  void send_later(std::shared_ptr<Batch> batch);
  /// A batch is settled: its credit goes home, and another one may go.
  void settled(Batch& batch);
  /// Bytes that a request's body may have, envelope included.
  [[nodiscard]] std::size_t body_ceiling() const noexcept { return body_ceiling_.load(std::memory_order_relaxed); }

 private:
  struct Held {
    std::shared_ptr<Batch> batch;
    Completion completion;
  };
  void start(std::shared_ptr<Batch> batch, Completion completion);
  void start_next();
  void send_halves(const Batch& batch);
  bool split_if_too_large(Batch& batch);
  [[nodiscard]] std::size_t body_bytes(const Batch& batch) const;

  LaneCore& lane_;
  Target& target_;
  const std::function<void(std::shared_ptr<Batch>)> put_;
  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::size_t> body_ceiling_{SIZE_MAX};
  std::mutex mutex_;             ///< Guards the two below.
  std::deque<Held> held_;        ///< Wait until others are settled.
  std::size_t not_settled_ = 0;  ///< Were sent, to a remote sink.
};

}  // namespace riptide::stages
