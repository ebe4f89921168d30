#include "settlement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

#include "letters.hpp"
#include "riptide/json/document.hpp"
#include "riptide/stages/plan.hpp"

namespace riptide::stages {

void Settlement::settle(Answer& answer) {
  Batch& batch = *answer.batch;
  Result<std::vector<Outcome>> outcomes = [&]() -> Result<std::vector<Outcome>> {
    try {
      return outcomes_of(answer);
    } catch (const std::exception& thrown) {
      return pipeline::unexpected(ErrorKind::kInternal, fmt::format("reading the answer threw: {}", thrown.what()));
    }
  }();
  if (outcomes) {
    if (!outcomes->empty() && !batch.waits) enter(answer, *outcomes);
  } else {
    // Nobody knows what became of it.
    if (Diff* const diff = target_.diff()) diff->settled(batch, {});
    give_up(batch);
    lane_.health.fail(std::move(outcomes).error());
  }
  uploads_.settled(batch);
}

/// Outcomes of a batch; none when it was split and its halves are on their way.
Result<std::vector<Outcome>> Settlement::outcomes_of(Answer& answer) {
  if (auto* local = std::get_if<Result<std::vector<Outcome>>>(&answer.what)) {
    if (*local && (*local)->size() != answer.batch->entities.size()) {
      return pipeline::unexpected(ErrorKind::kInternal,
                                  fmt::format("sink {} gave {} outcomes for {} entities", target_.sink().spec(),
                                              (*local)->size(), answer.batch->entities.size()));
    }
    return std::move(*local);
  }
  auto& response = std::get<Result<HttpResponse>>(answer.what);
  if (!response) return pipeline::unexpected(std::move(response).error());
  auto document = lane_.state.documents.borrow();
  auto read = target_.remote()->read(*answer.batch, *response, *document);
  if (!read) return pipeline::unexpected(std::move(read).error());
  if (read->split && answer.batch->entities.size() > 1) {
    uploads_.too_large(*answer.batch);
    return std::vector<Outcome>();
  }
  if (read->outcomes.size() != answer.batch->entities.size()) {
    return pipeline::unexpected(ErrorKind::kMalformed,
                                fmt::format("the target answered for {} of {} entities: {}", read->outcomes.size(),
                                            answer.batch->entities.size(), response->safe_url));
  }
  return std::move(read->outcomes);
}

void Settlement::give_up(const Batch& batch) {
  lane_.ledger.abandoned(batch);
  if (lane_.state.tickets) lane_.state.tickets->settled(abandonment_of(batch, lane_.number));
}

void Settlement::settle_unchanged(const EntityBuffer& buffer, const std::vector<Entity>& unchanged) {
  lane_.ledger.unchanged(unchanged);
  if (Deferral* const deferral = target_.deferral()) {
    for (const Entity& entity : unchanged) deferral->confirm(json::text_of(buffer.part(entity, entity.identifier)));
  }
  if (target_.planned()) lane_.state.options.plan->unchanged(buffer, unchanged);
  for (const Entity& entity : unchanged) take_letter_back(entity);
  if (lane_.state.tickets) {
    lane_.state.tickets->settled(settlement_of_unchanged(buffer, unchanged, lane_.number));
  }
}

/// Puts aside what was refused and may pass later, and enters the others.
void Settlement::put_aside(const Answer& answer, const std::vector<Outcome>& outcomes) {
  const Batch& batch = *answer.batch;
  auto entered = std::make_shared<Batch>();
  std::vector<Outcome> entered_outcomes;
  auto later = std::make_shared<Batch>();
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Entity& entity = batch.entities[i];
    if (Deferral::tries_again(entity, outcomes[i])) {
      later->append(batch, entity);
      later->entities.back().sends = 1;
    } else {
      entered->append(batch, entity);
      entered_outcomes.push_back(outcomes[i]);
    }
  }
  entered->blueprint = batch.blueprint;
  entered->number = batch.number;
  later->waits = true;
  later->credit = lane_.state.batch_bytes.take(later->bytes.size());
  uploads_.send_later(std::move(later));
  if (!entered->entities.empty()) enter(Answer{std::move(entered), answer.write, answer.what}, entered_outcomes);
}

void Settlement::enter(const Answer& answer, const std::vector<Outcome>& outcomes) {
  Batch& batch = *answer.batch;
  RunState& state = lane_.state;
  if (target_.deferral() != nullptr) {
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (Deferral::tries_again(batch.entities[i], outcomes[i])) return put_aside(answer, outcomes);
    }
  }
  std::vector<bool> held;
  if (target_.planned()) {
    held = state.options.plan->record(
        batch, outcomes,
        {[&state](std::uint32_t resource) { return std::string_view(state.kind_of(resource)); },
         target_.scope_names()});
    if (!state.options.carry_out) held.clear();  // What would be done counts as done.
  }
  lane_.ledger.settled(batch, outcomes, held);
  if (Diff* const diff = target_.diff()) diff->settled(batch, outcomes);
  for (std::size_t i = 0; i < outcomes.size(); ++i) enter_one(answer, batch.entities[i], outcomes[i]);
  if (state.tickets) settle_pages(settlement_of(batch, outcomes, lane_.number), answer.write);
}

void Settlement::enter_one(const Answer& answer, const Entity& entity, const Outcome& outcome) {
  const Batch& batch = *answer.batch;
  if (entity.searched) note_searched(batch, entity, outcome);
  if (outcome.kind == Outcome::Kind::kRejected) {
    write_letter(answer, entity, outcome);
    if (lane_.state.refused_tap) lane_.state.refused_tap(entity.scope);
    lane_.state.errors.add({lane_.state.kind_of(entity.resource), json::text_of(batch.part(entity, entity.identifier)),
                            json::text_of(batch.part(entity, entity.blueprint)), "upload", outcome.message, 1});
    return;
  }
  if (Deferral* const deferral = target_.deferral()) {
    deferral->confirm(outcome.identifier.empty() ? json::text_of(batch.part(entity, entity.identifier))
                                                 : outcome.identifier);
  }
  if (outcome.kind != Outcome::Kind::kAbandoned) take_letter_back(entity);
}

/// Only the target knows which entity a search found: what it returned was seen.
void Settlement::note_searched(const Batch& batch, const Entity& entity, const Outcome& outcome) {
  RunState& state = lane_.state;
  if (!outcome.identifier.empty()) {
    const auto identity =
        pipeline::identity_digest(json::text_of(batch.part(entity, entity.blueprint)), outcome.identifier);
    lane_.seen().note(identity, state.repeat_scope(entity.scope, entity.resource), 0);
    if (state.tickets) state.tickets->found(entity.page, entity.resource, {identity, 0});
  } else if (target_.remote() != nullptr && batch.part(entity, entity.identifier).starts_with('{')) {
    identity_unknown_.store(true, std::memory_order_relaxed);
    if (state.tickets) state.tickets->spoil(entity.page);
  }
}

void Settlement::write_letter(const Answer& answer, const Entity& entity, const Outcome& outcome) {
  if (target_.planned() || !lane_.state.letters) return;
  write_entity_letter(lane_.state, target_.sink().spec(), target_.scope_name(entity.scope), answer, entity, outcome);
}

/// The target has the entity: a letter of an earlier run says nothing any more.
void Settlement::take_letter_back(const Entity& entity) {
  if (target_.planned() || !lane_.state.letters || !lane_.state.letters->has_entities()) return;
  lane_.state.letters->delivered(entity.identity, target_.sink().spec());
}

/// Tells the pages that their entities have an outcome: at once, or when a local sink keeps what it wrote.
void Settlement::settle_pages(BatchSettlement settlement, std::uint64_t write) {
  if (!target_.kept_writes()) return lane_.state.tickets->settled(settlement);
  {
    const std::lock_guard lock(mutex_);
    unkept_.emplace(write, std::move(settlement));
  }
  settle_kept_pages(target_.kept_writes().value_or(0));
}

void Settlement::settle_kept_pages(std::uint64_t kept) {
  if (!lane_.state.tickets) return;
  while (true) {
    BatchSettlement settlement;
    {
      const std::lock_guard lock(mutex_);
      if (unkept_.empty() || unkept_.begin()->first > kept) return;
      settlement = std::move(unkept_.begin()->second);
      unkept_.erase(unkept_.begin());
    }
    lane_.state.tickets->settled(settlement);
  }
}

}  // namespace riptide::stages
