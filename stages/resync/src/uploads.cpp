#include "uploads.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "batch/batcher.hpp"

namespace riptide::stages {
namespace {

/// Batches that may be sent and not yet settled, for each request in flight: what a run that is killed may send again.
/// One is on its way, the answer to another waits for its turn.
constexpr std::size_t kSentForEachInFlight = 2;

}  // namespace

void Uploads::add(std::shared_ptr<Batch> batch, Completion completion) {
  if (split_if_too_large(*batch)) return completion.finish();
  if (target_.answers_later() && !batch->waits) {
    const std::lock_guard lock(mutex_);
    const std::size_t for_each = target_.remote() != nullptr ? kSentForEachInFlight : 1;
    if (not_settled_ >= for_each * std::max<std::size_t>(1, target_.sink().limits().max_in_flight)) {
      held_.push_back({std::move(batch), std::move(completion)});
      return;
    }
    ++not_settled_;
  }
  start(std::move(batch), std::move(completion));
}

void Uploads::start_next() {
  while (true) {
    std::optional<Held> next;
    {
      const std::lock_guard lock(mutex_);
      if (held_.empty()) {
        --not_settled_;
        return;
      }
      next.emplace(std::move(held_.front()));
      held_.pop_front();
    }
    if (!split_if_too_large(*next->batch)) return start(std::move(next->batch), std::move(next->completion));
    next->completion.finish();
  }
}

/// A batch that was made before others of its size were found too large.
bool Uploads::split_if_too_large(Batch& batch) {
  if (batch.waits || lane_.health.has_failed() || batch.entities.size() < 2 || body_bytes(batch) <= body_ceiling()) {
    return false;
  }
  send_halves(batch);
  in_flight_.fetch_sub(1, std::memory_order_acq_rel);
  batch.credit.release();
  return true;
}

void Uploads::start(std::shared_ptr<Batch> batch, Completion completion) {
  auto shared = std::make_shared<Completion>(std::move(completion));
  const auto finish = [this, shared, batch](Answer::What what) {
    shared->emit(std::make_shared<Answer>(Answer{batch, target_.writes(), std::move(what)}));
    shared->finish();
  };
  if (lane_.health.has_failed() || lane_.state.stop->aborting()) {
    finish(Result<std::vector<Outcome>>(pipeline::unexpected(ErrorKind::kStopped, "not sent")));
    return;
  }
  if (!batch->waits) lane_.ledger.request(*batch);
  target_.write(batch, finish);
}

void Uploads::send_halves(const Batch& batch) {
  auto [first, second] = split(batch, lane_.state.batch_bytes);
  in_flight_.fetch_add(2, std::memory_order_acq_rel);
  put_(std::move(first));
  put_(std::move(second));
}

std::size_t Uploads::body_bytes(const Batch& batch) const {
  const SinkLimits limits = target_.sink().limits();
  return limits.envelope_bytes + batch.bytes.size() + (batch.entities.size() - 1) * limits.separator_bytes;
}

void Uploads::too_large(const Batch& batch) {
  // Later ones are made for half of it, unless less was refused before.
  const std::size_t body = body_bytes(batch);
  std::size_t known = body_ceiling();
  while (body / 2 < known && !body_ceiling_.compare_exchange_weak(known, body / 2, std::memory_order_relaxed)) {
  }
  send_halves(batch);
}

void Uploads::send_later(std::shared_ptr<Batch> batch) {
  in_flight_.fetch_add(1, std::memory_order_acq_rel);
  put_(std::move(batch));
}

void Uploads::settled(Batch& batch) {
  if (target_.answers_later() && !batch.waits) start_next();
  // In this order: who is woken by the credit must find the batch gone.
  in_flight_.fetch_sub(1, std::memory_order_acq_rel);
  batch.credit.release();
}

}  // namespace riptide::stages
