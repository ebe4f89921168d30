#include <utility>

#include "loop.hpp"

// Attempts that a wire answers in the network's place, and what it is told of all of them.
namespace riptide::stages {
namespace {

Attempt attempt_of(const Transfer& transfer) {
  const Credentials* signed_with = nullptr;
  if (transfer.session != nullptr && transfer.session->credentials) signed_with = &*transfer.session->credentials;
  return {transfer.request, transfer.attempts, transfer.token_for != nullptr, signed_with};
}

}  // namespace

/// Asks the wire. True: it answers, and the transfer was taken.
bool HttpClient::Loop::answered_by_wire(std::unique_ptr<Transfer>& transfer) {
  if (options_.wire == nullptr) return false;
  std::optional<AttemptEnding> ending = options_.wire->answer(attempt_of(*transfer));
  if (!ending) return false;
  count_started(*transfer);
  ++answering_;
  const auto due = transfer->started + ending->elapsed;
  transfer->ending = std::move(ending);
  arm(due, std::move(transfer), nullptr);
  return true;
}

/// The ending that the wire gave has come: what `complete` does for the network's.
void HttpClient::Loop::complete_here(std::unique_ptr<Transfer> transfer) {
  Host& host = *transfer->host;
  AttemptEnding& ending = *transfer->ending;
  const auto now = this->now();
  const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(now - transfer->started);
  --answering_;
  --host.in_flight;
  transfer->status = ending.status;
  transfer->headers = std::move(ending.headers);
  if (!ending.failure && ending.body && !transfer->body.append(ending.body->view())) {
    transfer->failure = transfer->body.failure();
  }
  note_ending(host, *transfer, ending.failure ? CURLE_RECV_ERROR : CURLE_OK, now);
  {
    const std::lock_guard lock(metrics_mutex_);
    host.metrics.latency.add(elapsed);
    if (!ending.failure && ending.status == 429) ++host.metrics.status_429;
  }
  if (transfer->failure) {
    Error error = *std::move(transfer->failure);
    error.message += ": " + transfer->safe_url;
    unanswered(std::move(transfer), std::move(error), true);
  } else if (ending.failure) {
    const bool permanent = ending.permanent;
    Error error = *std::move(ending.failure);
    unanswered(std::move(transfer), std::move(error), permanent);
  } else {
    answered(std::move(transfer), elapsed);
  }
  dispatch(host);
}

void HttpClient::Loop::tell(const Transfer& transfer, AttemptEnding ending) const {
  ending.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(now() - transfer.started);
  ending.at = transfer.ending ? transfer.ending->at : std::chrono::system_clock::now();
  options_.wire->ended(attempt_of(transfer), ending);
}

}  // namespace riptide::stages
