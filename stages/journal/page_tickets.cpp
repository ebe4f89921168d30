#include "journal/page_tickets.hpp"

#include <algorithm>

#include "riptide/pipeline/check.hpp"

namespace riptide::stages {
namespace {

using pipeline::Outcome;

BatchSettlement::Part& part_of(BatchSettlement& settlement, const pipeline::Entity& entity) {
  // Entities of a page stand together, so that the last part is nearly always the one.
  auto& parts = settlement.parts;
  if (parts.empty() || parts.back().ticket != entity.page || parts.back().resource != entity.resource) {
    BatchSettlement::Part& part = parts.emplace_back();
    part.ticket = entity.page;
    part.resource = entity.resource;
  }
  BatchSettlement::Part& part = parts.back();
  ++part.entities;
  return part;
}

/// How many of them, from this one on, came from its page into its resource.
std::size_t run_length(const std::vector<pipeline::Entity>& entities, std::size_t from) noexcept {
  std::size_t end = from + 1;
  while (end < entities.size() && entities[end].page == entities[from].page &&
         entities[end].resource == entities[from].resource) {
    ++end;
  }
  return end - from;
}

void count(const Outcome& outcome, bool duplicate, pipeline::Tally& tally) {
  switch (outcome.kind) {
    case Outcome::Kind::kRejected:
      ++tally.rejected;
      return;
    case Outcome::Kind::kAbandoned:
      ++tally.abandoned;
      return;
    case Outcome::Kind::kCreated:
      ++(duplicate ? tally.duplicate : tally.created);
      return;
    case Outcome::Kind::kUpdated:
      ++(duplicate ? tally.duplicate : tally.updated);
      return;
    case Outcome::Kind::kUnchanged:
      ++(duplicate ? tally.duplicate : tally.unchanged);
      return;
  }
}

}  // namespace

BatchSettlement settlement_of(const pipeline::EntityBuffer& batch, const std::vector<Outcome>& outcomes,
                              std::uint32_t sink) {
  RIPTIDE_CHECK(outcomes.size() == batch.entities.size());
  BatchSettlement settlement;
  settlement.sink = sink;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const pipeline::Entity& entity = batch.entities[i];
    if (entity.page == 0) continue;
    BatchSettlement::Part& part = part_of(settlement, entity);
    part.bytes_out += entity.length;
    count(outcomes[i], entity.duplicate, part.tally);
    if (outcomes[i].kind == Outcome::Kind::kAbandoned) {
      part.abandoned = true;
      continue;
    }
    auto& list = outcomes[i].kind == Outcome::Kind::kRejected ? part.rejected : part.delivered;
    // No more than that: a batch of a thousand pages with one entity each is kept until it is on disk.
    if (list.empty()) list.reserve(run_length(batch.entities, i));
    list.push_back({entity.identity, contents_digest(batch.json(entity))});
  }
  return settlement;
}

BatchSettlement settlement_of_unchanged(const pipeline::EntityBuffer& buffer,
                                        const std::vector<pipeline::Entity>& entities, std::uint32_t sink) {
  BatchSettlement settlement;
  settlement.sink = sink;
  for (std::size_t i = 0; i < entities.size(); ++i) {
    const pipeline::Entity& entity = entities[i];
    if (entity.page == 0) continue;
    BatchSettlement::Part& part = part_of(settlement, entity);
    ++(entity.duplicate ? part.tally.duplicate : part.tally.unchanged);
    if (part.delivered.empty()) part.delivered.reserve(run_length(entities, i));
    part.delivered.push_back({entity.identity, contents_digest(buffer.json(entity))});
  }
  return settlement;
}

BatchSettlement abandonment_of(const pipeline::EntityBuffer& batch, std::uint32_t sink) {
  BatchSettlement settlement;
  settlement.sink = sink;
  for (const pipeline::Entity& entity : batch.entities) {
    if (entity.page != 0) part_of(settlement, entity).abandoned = true;
  }
  return settlement;
}

std::uint32_t PageTickets::open(ReadPageFacts page) {
  const std::lock_guard lock(mutex_);
  std::uint32_t index = 0;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else {
    index = static_cast<std::uint32_t>(tickets_.size());
    tickets_.emplace_back();
  }
  Ticket& ticket = tickets_[index];
  ticket.page = std::move(page);
  ticket.number = ++next_number_;
  if (settled_ != nullptr) scopes_[ticket.page.scope].unconfirmed.insert(ticket.number);
  return index + 1;
}

void PageTickets::mapped(std::uint32_t number, Mapped mapped) {
  const std::lock_guard lock(mutex_);
  Ticket& ticket = tickets_.at(number - 1);
  ticket.result.seen = std::move(mapped.seen);
  ticket.result.read = std::move(mapped.read);
  ticket.repeats = mapped.repeats;
  ticket.spoiled = mapped.spoiled;
  ticket.awaited = mapped.entities * sinks_;
  if (ticket.awaited == 0) finish(number);
}

void PageTickets::settled(const BatchSettlement& settlement) {
  const std::lock_guard lock(mutex_);
  for (const BatchSettlement::Part& part : settlement.parts) {
    Ticket& ticket = tickets_.at(part.ticket - 1);
    RIPTIDE_CHECK(ticket.awaited >= part.entities);
    ticket.awaited -= part.entities;
    ticket.spoiled |= part.abandoned;
    auto& sunk = ticket.result.sunk;
    auto row = std::find_if(sunk.begin(), sunk.end(), [&](const SettledPages::Sunk& one) {
      return one.sink == settlement.sink && one.resource == part.resource;
    });
    if (row == sunk.end()) row = sunk.insert(sunk.end(), {settlement.sink, part.resource, {}, 0});
    row->tally += part.tally;
    row->bytes_out += part.bytes_out;
    if (settled_ != nullptr && sinks_ == 1) {
      if (!part.delivered.empty() && !settled_->delivered(ticket.page, part.resource, part.delivered)) {
        ticket.spoiled = true;
      }
      // The page's rejections count with the page: until then they are tried again by a run that goes on from here.
      if (!part.rejected.empty()) ticket.result.seen.push_back({part.resource, part.rejected});
    }
    if (ticket.awaited == 0) finish(part.ticket);
  }
}

void PageTickets::found(std::uint32_t number, std::uint32_t resource, const SeenEntry& entry) {
  if (number == 0) return;
  const std::lock_guard lock(mutex_);
  tickets_.at(number - 1).result.seen.push_back({resource, {entry}});
}

void PageTickets::spoil(std::uint32_t number) {
  if (number == 0) return;
  const std::lock_guard lock(mutex_);
  tickets_.at(number - 1).spoiled = true;
}

Request PageTickets::request_of(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return tickets_.at(number - 1).page.request;
}

void PageTickets::finish(std::uint32_t number) {
  Ticket& ticket = tickets_[number - 1];
  // Numbers that are not confirmed stay, so that pages with repeats of theirs are never covered.
  if (!ticket.spoiled && settled_ != nullptr && settled_->confirmed(ticket.page, ticket.result)) {
    const auto scope = scopes_.find(ticket.page.scope);
    scope->second.unconfirmed.erase(ticket.number);
    if (ticket.repeats) {
      // Whoever had them first was read before now, and either is confirmed or stands among these.
      scope->second.waiting.push_back({next_number_, std::move(ticket.page)});
    } else {
      settled_->covered(ticket.page);
    }
    let_go_of_waiting(scope->second);
    if (scope->second.unconfirmed.empty() && scope->second.waiting.empty()) scopes_.erase(scope);
  }
  ticket = {};
  free_.push_back(number - 1);
}

void PageTickets::let_go_of_waiting(OpenPages& scope) {
  std::erase_if(scope.waiting, [&](Waiting& waiting) {
    if (!scope.unconfirmed.empty() && *scope.unconfirmed.begin() <= waiting.for_all_up_to) return false;
    settled_->covered(waiting.page);
    return true;
  });
}

}  // namespace riptide::stages
