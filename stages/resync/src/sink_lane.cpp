#include "sink_lane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "letters.hpp"
#include "reconcile/catalogues.hpp"
#include "riptide/json/document.hpp"

namespace riptide::stages {
namespace {

/// A run that is killed repeats what a local sink was given in the last such time.
constexpr milliseconds kKeepEvery{1000};

/// Batches that may be sent and not yet settled, for each request in flight: what a run that is killed may send again.
/// One is on its way, the answer to another waits for its turn.
constexpr std::size_t kSentForEachInFlight = 2;

}  // namespace

SinkLane::SinkLane(RunState& state, std::uint32_t number, std::unique_ptr<Sink> sink, std::function<void()> failed)
    : state_(state),
      number_(number),
      sink_(std::move(sink)),
      planning_(state.options.plan != nullptr),
      memory_(state.state_file),
      remote_(dynamic_cast<RemoteSink*>(sink_.get())),
      local_(dynamic_cast<LocalSink*>(sink_.get())),
      on_failure_(std::move(failed)),
      ledger_(state.context.kinds.size()),
      batcher_(std::in_place, sink_->limits(), state.batch_bytes) {}

SinkLane::~SinkLane() {
  if (life_) life_->silence();
  // A listing waits for the client's answers.
  if (client_) client_->abort();
  if (diff_) (void)diff_->listing();
}

void SinkLane::build(pipeline::Graph& graph, const pipeline::Node<ReadPage, MappedBlock>& transform,
                     const std::string& suffix) {
  graph_ = &graph;
  const SinkLimits limits = sink_->limits();
  if (remote_ != nullptr) {
    diff_node_ = graph.async<MappedBlock, MappedBlock>(
        {.name = "diff" + suffix,
         .says = "by digest against what the target confirmed: what has not changed stops here",
         .waiting_on = [] { return std::string("the listing of the target"); }},
        [this](std::shared_ptr<MappedBlock> block, pipeline::Completion<MappedBlock> completion) {
          diff(std::move(block), std::move(completion));
        });
  }
  batch_ = graph.stage<MappedBlock, Batch>(
      {.name = "batch" + suffix,
       .says = fmt::format("at most {} entities and {} KiB{}", limits.max_records, limits.max_bytes >> 10,
                           limits.one_blueprint ? ", a lane for each blueprint" : ""),
       .concurrency = pipeline::Concurrency::kSerial},
      [this](std::shared_ptr<MappedBlock> block, pipeline::Emit<Batch> emit) { fill_batches(*block, emit); });
  upload_ = graph.async<Batch, Answer>(
      {.name = "upload" + suffix,
       .says = remote_ != nullptr ? fmt::format("{}, {} batches in flight", sink_->spec(), limits.max_in_flight)
                                  : fmt::format("{}, one writer", sink_->spec()),
       .waiting_on = [this] { return std::string(sink_->spec()); }},
      [this](std::shared_ptr<Batch> batch, pipeline::Completion<Answer> completion) {
        upload(std::move(batch), std::move(completion));
      });
  settle_ =
      graph.stage<Answer, void>({.name = "settle" + suffix, .says = "an outcome for each entity; credits go home"},
                                [this](std::shared_ptr<Answer> answer, pipeline::Emit<void>) { settle(*answer); });
  if (remote_ != nullptr) {
    graph.edge(transform, *diff_node_, "entities");
    graph.edge(*diff_node_, *batch_, "changed entities");
  } else {
    graph.edge(transform, *batch_, "entities");
  }
  graph.edge(*batch_, *upload_, "batch");
  graph.edge(*upload_, *settle_, "answer");
}

Result<void> SinkLane::open(std::function<std::string(std::uint32_t)> scope_names) {
  scope_names_ = scope_names;
  if (local_ != nullptr) {
    local_->set_scope_names(scope_names_);
    auto opened = local_->open();
    if (!opened && opened.error().kind == ErrorKind::kConfig) return opened;
    if (!opened) {
      fail(std::move(opened).error());
      return {};
    }
    writer_ = std::make_unique<LocalWriter>(*local_, state_.journalled ? kKeepEvery : milliseconds{0});
    catalogue_ = std::make_unique<LocalCatalogue>(*local_, state_.options.resources);
  } else {
    if (client_ == nullptr) {
      const ResyncOptions& options = state_.options;
      auto client = HttpClient::start(state_.client_options("sink", sink_->limits().max_in_flight, options.sink_retry,
                                                            options.sink_timeout, options.verify_sink_tls));
      if (!client) return pipeline::unexpected(std::move(client).error());
      client_ = std::move(*client);
    }
    catalogue_ = std::make_unique<RemoteCatalogue>(*remote_, *client_, *state_.stop,
                                                   Sparing{state_.began, spares_related() ? &state_.related : nullptr});
    if (auto opened = open_parts(scope_names_); !opened) {
      if (opened.error().kind == ErrorKind::kConfig) return opened;
      fail(std::move(opened).error());
      return {};
    }
    if (const RunLife* const life = remote_->life()) {
      life_ = std::make_unique<LifeReporter>(state_, *life, ledger_, *client_);
    }
  }
  opened_ = true;
  return {};
}

/// What a lane to a remote target has beside its client.
Result<void> SinkLane::open_parts(const std::function<std::string(std::uint32_t)>& scope_names) {
  if (remote_->parents_first()) {
    auto deferral = Deferral::open(state_);
    if (!deferral) return pipeline::unexpected(std::move(deferral).error());
    deferral_ = std::move(*deferral);
  }
  return open_diff(scope_names);
}

Result<void> SinkLane::open_diff(const std::function<std::string(std::uint32_t)>& scope_names) {
  if (memory_ == nullptr) return {};
  const std::size_t name_bytes = state_.digest_bytes / 3;
  auto store = state::DigestStore::open(*memory_, {.memory_bytes = state_.digest_bytes - name_bytes});
  if (!store) return pipeline::unexpected(std::move(store).error());
  diff_ = std::make_unique<Diff>(
      std::move(*store), state_.context,
      [this, scope_names](const Entity& entity) {
        return std::pair(state_.kind_of(entity.resource), scope_names(entity.scope));
      },
      [this](const Entity& entity, const pipeline::Digest& found) {
        state_.seen.note(found, state_.repeat_scope(entity.scope, entity.resource), 0);
        if (state_.tickets) state_.tickets->found(entity.page, entity.resource, {found, 0});
      });
  diff_->begin(*catalogue_, name_bytes);
  return {};
}

void SinkLane::diff(std::shared_ptr<MappedBlock> block, pipeline::Completion<MappedBlock> completion) {
  if (!diff_ || has_failed() || state_.stop->aborting()) {
    completion.emit(std::move(block));
    completion.finish();
    return;
  }
  auto held = std::make_shared<pipeline::Completion<MappedBlock>>(std::move(completion));
  diff_->when_ready([this, block = std::move(block), held] { diff_now(block, std::move(*held)); });
}

void SinkLane::diff_now(const std::shared_ptr<MappedBlock>& block, pipeline::Completion<MappedBlock> completion) {
  auto split = diff_->filter(block->entities);
  if (!split) {
    // Sent all the same: the batches find the sink failed, and are accounted for.
    fail(std::move(split).error());
    completion.emit(block);
    completion.finish();
    return;
  }
  ledger_.unchanged(split->unchanged);
  if (deferral_ != nullptr) {
    for (const Entity& entity : split->unchanged) {
      deferral_->confirm(json::text_of(block->entities.part(entity, entity.identifier)));
    }
  }
  if (planning_) state_.options.plan->unchanged(block->entities, split->unchanged);
  if (!planning_ && state_.letters && state_.letters->has_entities()) {
    for (const Entity& entity : split->unchanged) state_.letters->delivered(entity.identity, sink_->spec());
  }
  if (state_.tickets) state_.tickets->settled(settlement_of_unchanged(block->entities, split->unchanged, number_));
  if (split->changed.empty()) {
    completion.finish();
    return;
  }
  auto rest = std::make_shared<MappedBlock>();
  rest->changed = std::move(split->changed);
  rest->part_of = block;
  if (!split->wait) {
    completion.emit(std::move(rest));
    completion.finish();
    return;
  }
  auto held = std::make_shared<pipeline::Completion<MappedBlock>>(std::move(completion));
  diff_->when_written([this, rest, held](const Result<void>& written) mutable {
    if (!written) fail(written.error());
    held->emit(std::move(rest));
    held->finish();
  });
}

void SinkLane::flush(MappedBlock::Flush how) {
  auto call = std::make_shared<MappedBlock>();
  call->flush = how;
  graph_->put(*batch_, std::move(call));
}

void SinkLane::abort() {
  if (client_) client_->abort();
}

void SinkLane::end_writes() {
  writer_.reset();
  const OwnedListing* const listing = diff_ ? diff_->listing() : nullptr;
  if (listing == nullptr || listing->result() || state_.stop->requested()) return;
  state_.note(fmt::format("what {} has could not be listed, so all entities were sent: {}", sink_->spec(),
                          listing->result().error().message));
}

void SinkLane::finish(Finish how) {
  if (!opened_) return;
  Result<void> finished;
  if (local_ != nullptr) {
    finished = local_->finish(has_failed() ? Finish::kPartial : how);
  } else if (diff_ && !planning_) {
    // Kinds that were not read are no reason to forget what came from them.
    const bool whole = how == Finish::kComplete && state_.options.resources.size() == state_.context.kinds.size();
    finished = diff_->finish(whole && !has_failed() ? state::DigestStore::Ending::kWholeRun
                                                    : state::DigestStore::Ending::kPartial);
  }
  if (!finished) return fail(std::move(finished).error());
  settle_kept_pages(UINT64_MAX);
}

std::string SinkLane::catalogue_name() const { return local_ != nullptr && opened_ ? local_->catalogue_name() : ""; }

std::string SinkLane::error() const {
  const std::lock_guard lock(mutex_);
  return error_ ? error_->message : std::string();
}

std::vector<HostStats> SinkLane::host_stats() const { return client_ ? client_->stats() : std::vector<HostStats>(); }

void SinkLane::fill_batches(MappedBlock& block, const pipeline::Emit<Batch>& emit) {
  std::vector<std::shared_ptr<Batch>> full;
  const auto now = Batcher::Clock::now();
  switch (block.flush) {
    case MappedBlock::Flush::kNone:
      add_block(block, now, full);
      break;
    case MappedBlock::Flush::kAll:
      batcher_->flush(full);
      break;
    case MappedBlock::Flush::kOlder:
      batcher_->flush_older(now - state_.options.batch_age, full);
      break;
    case MappedBlock::Flush::kStarved:
      // Batches on their way will bring credit home; only when there are none must the partial ones go.
      if (in_flight_.load(std::memory_order_acquire) == 0) batcher_->flush(full);
      break;
  }
  in_flight_.fetch_add(full.size(), std::memory_order_acq_rel);
  for (auto& batch : full) {
    batch->number = ++batches_;
    emit(std::move(batch));
  }
}

void SinkLane::add_block(const MappedBlock& block, Batcher::Clock::time_point now,
                         std::vector<std::shared_ptr<Batch>>& full) {
  batcher_->limit_body(body_ceiling_.load(std::memory_order_relaxed));
  std::shared_ptr<Batch> held;
  for (const Entity& entity : block.to_send()) {
    if (deferral_ == nullptr || block.in_order || !deferral_->holds_back(block.buffer(), entity)) {
      batcher_->add(block.buffer(), entity, now, full);
      continue;
    }
    if (!held) held = std::make_shared<Batch>();
    held->append(block.buffer(), entity);
  }
  batcher_->charge();
  if (!held) return;
  held->waits = true;
  held->credit = state_.batch_bytes.take(held->bytes.size());
  full.push_back(std::move(held));
}

void SinkLane::drain_waiting(const std::function<void()>& wait) {
  if (deferral_ == nullptr) return;
  auto drained = deferral_->drain(
      [&](std::shared_ptr<MappedBlock> block) {
        graph_->put(*batch_, std::move(block));
        flush(MappedBlock::Flush::kAll);
        wait();
      },
      [&] { return !has_failed() && !state_.stop->requested(); });
  if (!drained) fail(std::move(drained).error());
  deferral_->give_up_rest([this](const Batch& rest) {
    ledger_.abandoned(rest);
    if (state_.tickets) state_.tickets->settled(abandonment_of(rest, number_));
  });
}

void SinkLane::upload(std::shared_ptr<Batch> batch, pipeline::Completion<Answer> completion) {
  if (split_if_too_large(*batch)) return completion.finish();
  if (remote_ != nullptr && !batch->waits) {
    const std::lock_guard lock(mutex_);
    if (not_settled_ >= kSentForEachInFlight * sink_->limits().max_in_flight) {
      held_.push_back({std::move(batch), std::move(completion)});
      return;
    }
    ++not_settled_;
  }
  start_upload(std::move(batch), std::move(completion));
}

/// A batch of a remote sink is settled: another one may go.
void SinkLane::start_next_upload() {
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
    if (!split_if_too_large(*next->batch)) return start_upload(std::move(next->batch), std::move(next->completion));
    next->completion.finish();
  }
}

/// A batch that was made before others of its size were found too large.
bool SinkLane::split_if_too_large(Batch& batch) {
  const std::size_t ceiling = body_ceiling_.load(std::memory_order_relaxed);
  if (batch.waits || has_failed() || batch.entities.size() < 2 || body_bytes(batch) <= ceiling) return false;
  send_halves(batch);
  in_flight_.fetch_sub(1, std::memory_order_acq_rel);
  batch.credit.release();
  return true;
}

void SinkLane::start_upload(std::shared_ptr<Batch> batch, pipeline::Completion<Answer> completion) {
  auto shared = std::make_shared<pipeline::Completion<Answer>>(std::move(completion));
  const auto finish = [this, shared, batch](auto what) {
    auto answer = std::make_shared<Answer>(Answer{batch, writer_ ? writer_->written() : 0, std::move(what)});
    shared->emit(std::move(answer));
    shared->finish();
  };
  if (failed_.load(std::memory_order_acquire) || state_.stop->aborting()) {
    finish(Result<std::vector<Outcome>>(pipeline::unexpected(ErrorKind::kStopped, "not sent")));
    return;
  }
  if (batch->waits) {
    deferral_->keep(batch, finish);
    return;
  }
  ledger_.request(*batch);
  if (local_ != nullptr) {
    writer_->write(batch, finish);
    return;
  }
  Send send;
  send.request = remote_->encode(*batch);
  if (send.request.auth == nullptr) send.request.auth = remote_->auth();
  send.done = finish;
  client_->send(std::move(send));
}

void SinkLane::settle(Answer& answer) {
  Batch& batch = *answer.batch;
  Result<std::vector<Outcome>> outcomes = outcomes_of(answer);
  if (outcomes) {
    if (!outcomes->empty() && !batch.waits) enter_outcomes(answer, *outcomes);
  } else {
    ledger_.abandoned(batch);
    remember(batch, {});
    if (state_.tickets) state_.tickets->settled(abandonment_of(batch, number_));
    fail(std::move(outcomes).error());
  }
  if (remote_ != nullptr && !batch.waits) start_next_upload();
  // In this order: who is woken by the credit must find the batch gone.
  in_flight_.fetch_sub(1, std::memory_order_acq_rel);
  batch.credit.release();
}

/// Outcomes of a batch; none when it was split and its halves are on their way.
Result<std::vector<Outcome>> SinkLane::outcomes_of(Answer& answer) {
  if (auto* local = std::get_if<Result<std::vector<Outcome>>>(&answer.what)) {
    if (*local && (*local)->size() != answer.batch->entities.size()) {
      return pipeline::unexpected(
          ErrorKind::kInternal, fmt::format("sink {} gave {} outcomes for {} entities", sink_->spec(), (*local)->size(),
                                            answer.batch->entities.size()));
    }
    return std::move(*local);
  }
  auto& response = std::get<Result<HttpResponse>>(answer.what);
  if (!response) return pipeline::unexpected(std::move(response).error());
  auto document = state_.documents.borrow();
  auto read = remote_->read(*answer.batch, *response, *document);
  if (!read) return pipeline::unexpected(std::move(read).error());
  if (read->split && answer.batch->entities.size() > 1) {
    lower_ceiling(*answer.batch);
    send_halves(*answer.batch);
    return std::vector<Outcome>();
  }
  if (read->outcomes.size() != answer.batch->entities.size()) {
    return pipeline::unexpected(ErrorKind::kMalformed,
                                fmt::format("the target answered for {} of {} entities: {}", read->outcomes.size(),
                                            answer.batch->entities.size(), response->safe_url));
  }
  return std::move(read->outcomes);
}

void SinkLane::send_halves(const Batch& batch) {
  auto [first, second] = split(batch, state_.batch_bytes);
  in_flight_.fetch_add(2, std::memory_order_acq_rel);
  graph_->put(*upload_, std::move(first));
  graph_->put(*upload_, std::move(second));
}

std::size_t SinkLane::body_bytes(const Batch& batch) const {
  const SinkLimits limits = sink_->limits();
  return limits.envelope_bytes + batch.bytes.size() + (batch.entities.size() - 1) * limits.separator_bytes;
}

/// A body of that size is too large: later ones are made for half of it, unless less was refused before.
void SinkLane::lower_ceiling(const Batch& batch) {
  const std::size_t body = body_bytes(batch);
  std::size_t known = body_ceiling_.load(std::memory_order_relaxed);
  while (body / 2 < known && !body_ceiling_.compare_exchange_weak(known, body / 2, std::memory_order_relaxed)) {
  }
}

/// Puts aside what was refused and may pass later, and enters the others.
void SinkLane::send_later(const Answer& answer, const std::vector<Outcome>& outcomes) {
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
  later->credit = state_.batch_bytes.take(later->bytes.size());
  in_flight_.fetch_add(1, std::memory_order_acq_rel);
  graph_->put(*upload_, std::move(later));
  if (!entered->entities.empty())
    enter_outcomes(Answer{std::move(entered), answer.write, answer.what}, entered_outcomes);
}

void SinkLane::enter_outcomes(const Answer& answer, const std::vector<Outcome>& outcomes) {
  Batch& batch = *answer.batch;
  if (deferral_ != nullptr) {
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (Deferral::tries_again(batch.entities[i], outcomes[i])) return send_later(answer, outcomes);
    }
  }
  std::vector<bool> held;
  if (planning_) {
    held = state_.options.plan->record(
        batch, outcomes,
        {[this](std::uint32_t resource) { return std::string_view(state_.kind_of(resource)); }, scope_names_});
    if (!state_.options.carry_out) held.clear();  // What would be done counts as done.
  }
  ledger_.settled(batch, outcomes, held);
  remember(batch, outcomes);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Entity& entity = batch.entities[i];
    if (entity.searched) note_searched(batch, entity, outcomes[i]);
    if (deferral_ != nullptr && outcomes[i].kind != Outcome::Kind::kRejected) {
      deferral_->confirm(outcomes[i].identifier.empty() ? json::text_of(batch.part(entity, entity.identifier))
                                                        : outcomes[i].identifier);
    }
    if (outcomes[i].kind != Outcome::Kind::kRejected) {
      if (!planning_ && state_.letters && state_.letters->has_entities() &&
          outcomes[i].kind != Outcome::Kind::kAbandoned) {
        state_.letters->delivered(entity.identity, sink_->spec());
      }
      continue;
    }
    if (!planning_ && state_.letters) {
      write_entity_letter(state_, sink_->spec(), scope_names_ ? scope_names_(entity.scope) : "*", answer, entity,
                          outcomes[i]);
    }
    state_.errors.add({state_.kind_of(entity.resource), json::text_of(batch.part(entity, entity.identifier)),
                       json::text_of(batch.part(entity, entity.blueprint)), "upload", outcomes[i].message, 1});
  }
  if (state_.tickets) settle_pages(settlement_of(batch, outcomes, number_), answer.write);
}

/// Tells the pages that their entities have an outcome: at once, or when a local sink keeps what it wrote.
void SinkLane::settle_pages(BatchSettlement settlement, std::uint64_t write) {
  if (!writer_ || !state_.journalled) return state_.tickets->settled(settlement);
  {
    const std::lock_guard lock(mutex_);
    unkept_.emplace(write, std::move(settlement));
  }
  settle_kept_pages(writer_->kept());
}

void SinkLane::settle_kept_pages(std::uint64_t kept) {
  if (!state_.tickets) return;
  while (true) {
    BatchSettlement settlement;
    {
      const std::lock_guard lock(mutex_);
      if (unkept_.empty() || unkept_.begin()->first > kept) return;
      settlement = std::move(unkept_.begin()->second);
      unkept_.erase(unkept_.begin());
    }
    state_.tickets->settled(settlement);
  }
}

/// Without outcomes: nobody knows what became of the batch.
void SinkLane::remember(const Batch& batch, std::span<const Outcome> outcomes) {
  if (diff_) diff_->settled(batch, outcomes);
}

/// Only the target knows which entity a search found: what it returned was state_.seen.
void SinkLane::note_searched(const Batch& batch, const Entity& entity, const Outcome& outcome) {
  if (!outcome.identifier.empty()) {
    const auto identity =
        pipeline::identity_digest(json::text_of(batch.part(entity, entity.blueprint)), outcome.identifier);
    state_.seen.note(identity, state_.repeat_scope(entity.scope, entity.resource), 0);
    if (state_.tickets) state_.tickets->found(entity.page, entity.resource, {identity, 0});
  } else if (remote_ != nullptr && batch.part(entity, entity.identifier).starts_with('{')) {
    identity_unknown_.store(true, std::memory_order_relaxed);
    if (state_.tickets) state_.tickets->spoil(entity.page);
  }
}

void SinkLane::fail(Error error) {
  {
    const std::lock_guard lock(mutex_);
    // What was given up because of the first error says nothing new.
    if (!error_ && !(error.kind == ErrorKind::kStopped && state_.stop->requested())) {
      state_.say(LogLevel::kError, fmt::format("sink {}: {}", sink_->spec(), error.message));
      state_.errors.add({{}, {}, {}, "upload", fmt::format("{}: {}", sink_->spec(), error.message), 1});
      error_ = std::move(error);
    }
  }
  if (failed_.exchange(true, std::memory_order_acq_rel)) return;
  on_failure_();
}

Result<Reconciled> SinkLane::reconcile_with(const DeletionRules& rules) {
  auto result = [&] {
    if (!diff_) return reconcile(*catalogue_, state_.seen, rules);
    RememberingCatalogue remembering(*catalogue_, *diff_, ledger_.created_total());
    return reconcile(remembering, state_.seen, rules);
  }();
  if (result) book_deletions(*result);
  return result;
}

Result<Reconciled> SinkLane::find_stale_for(Plan& plan, const DeletionRules& rules) {
  const auto enter = [&plan](const OwnedEntity& entity) { plan.stale(entity); };
  if (!diff_) return find_stale(*catalogue_, state_.seen, rules, enter);
  RememberingCatalogue remembering(*catalogue_, *diff_, 0);
  return find_stale(remembering, state_.seen, rules, enter);
}

Result<void> SinkLane::go_live(std::unique_ptr<Sink> sink, std::shared_ptr<const state::StateFile> memory) {
  finish(Finish::kComplete);
  if (has_failed()) return {};
  diff_.reset();
  planner_ = std::exchange(sink_, std::move(sink));  // Requests of its making may still be held by the client.
  remote_ = dynamic_cast<RemoteSink*>(sink_.get());
  local_ = dynamic_cast<LocalSink*>(sink_.get());
  memory_ = std::move(memory);
  batcher_.emplace(sink_->limits(), state_.batch_bytes);
  planning_ = false;
  opened_ = false;
  return open(std::move(scope_names_));
}

void SinkLane::feed(std::shared_ptr<MappedBlock> block) {
  for (const Entity& entity : block->entities.entities) ledger_.sent_later(entity);
  if (diff_node_) {
    graph_->put(*diff_node_, std::move(block));
  } else {
    graph_->put(*batch_, std::move(block));
  }
}

Result<void> SinkLane::remove_planned(const Plan& plan) {
  constexpr std::size_t kAtOnce = 10'000;
  Reconciled some;
  Result<void> removed;
  const auto remove_some = [&] {
    // What a plan says is stale somebody may have changed since.
    if (auto spared = catalogue_->spare(some.removed); !spared) {
      removed = std::move(spared);
      return false;
    }
    auto count = [&] {
      if (!diff_) return catalogue_->remove(some.removed);
      return RememberingCatalogue(*catalogue_, *diff_, 0).remove(some.removed);
    }();
    if (!count) {
      removed = pipeline::unexpected(std::move(count).error());
      return false;
    }
    some.removed_count = *count;
    book_deletions(some);
    some.removed.clear();
    return true;
  };
  auto walked = plan.each_deletion([&](const PlannedDeletion& deletion) {
    OwnedEntity& entity = some.removed.emplace_back();
    entity.blueprint = deletion.blueprint;
    entity.identifier = deletion.identifier;
    entity.kind = deletion.kind;
    return some.removed.size() < kAtOnce || remove_some();
  });
  if (!walked) return walked;
  if (removed && !some.removed.empty()) remove_some();
  return removed;
}

void SinkLane::book_deletions(const Reconciled& result) {
  // The target says how many; kinds are known for what was asked. The difference was gone already.
  std::uint64_t left = result.removed_count;
  for (const OwnedEntity& entity : result.removed) {
    if (left == 0) break;
    ledger_.deleted(resource_of(entity), 1);
    --left;
  }
}

std::uint32_t SinkLane::resource_of(const OwnedEntity& entity) const {
  for (const std::uint32_t resource : state_.options.resources) {
    if (!entity.kind.empty() && state_.kind_of(resource) == entity.kind) return resource;
  }
  const std::uint32_t resource = ledger_.resource_of(entity.blueprint);
  const bool was_read = std::find(state_.options.resources.begin(), state_.options.resources.end(), resource) !=
                        state_.options.resources.end();
  return was_read || state_.options.resources.empty() ? resource : state_.options.resources.front();
}

}  // namespace riptide::stages
