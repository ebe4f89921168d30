#include "sink_lane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "journal/entries.hpp"
#include "removal.hpp"

namespace riptide::stages {

SinkLane::Parts::Parts(SinkLane& lane, std::unique_ptr<Sink> sink, Target::Use use,
                       std::shared_ptr<const state::StateFile> memory)
    : target(lane.core_, std::move(sink), use, std::move(memory)),
      batcher(limits_of(target.sink(), lane.core_.options.sink), lane.state_.batch_bytes),
      uploads(lane.core_, target,
              [&lane](std::shared_ptr<Batch> batch) { lane.graph_->put(*lane.upload_, std::move(batch)); }),
      settlement(lane.core_, target, uploads) {}

SinkLane::SinkLane(RunState& state, std::uint32_t number, std::unique_ptr<Sink> sink, LaneOptions options,
                   std::function<void()> failed)
    : state_(state),
      core_{state,
            number,
            SinkLedger(state.context.kinds.size()),
            SinkHealth(state, std::string(sink->spec()), std::move(failed)),
            std::move(options),
            core_.options.own_seen ? state.new_seen_set() : nullptr},
      parts_(std::make_unique<Parts>(*this, std::move(sink),
                                     state.options.plan != nullptr ? Target::Use::kPlanned : Target::Use::kWritten,
                                     state.state_file)) {}

SinkLane::~SinkLane() {
  if (LifeReporter* const reporter = life()) reporter->silence();
  // A listing waits for the client's answers.
  if (client_) client_->abort();
  if (Diff* const diff = parts_->target.diff()) (void)diff->listing();
}

void SinkLane::build(pipeline::Graph& graph, const std::string& suffix) {
  graph_ = &graph;
  const Sink& described = sink();
  const SinkLimits limits = limits_of(described, core_.options.sink);
  const bool remote = parts_->target.remote() != nullptr;
  if (remote) {
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
       .says = parts_->target.answers_later()
                   ? fmt::format("{}, {} batches in flight", described.spec(), limits.max_in_flight)
                   : fmt::format("{}, one writer", described.spec()),
       .waiting_on = [this] { return std::string(sink().spec()); }},
      [this](std::shared_ptr<Batch> batch, pipeline::Completion<Answer> completion) {
        parts_->uploads.add(std::move(batch), std::move(completion));
      });
  settle_ = graph.stage<Answer, void>(
      {.name = "settle" + suffix, .says = "an outcome for each entity; credits go home"},
      [this](std::shared_ptr<Answer> answer, pipeline::Emit<void>) { parts_->settlement.settle(*answer); });
  if (remote) graph.edge(*diff_node_, *batch_, "changed entities");
  graph.edge(*batch_, *upload_, "batch");
  graph.edge(*upload_, *settle_, "answer");
}

Result<void> SinkLane::open(ScopeNames scope_names) {
  if (parts_->target.remote() != nullptr && client_ == nullptr) {
    const riptide::SinkOptions& options = core_.options.sink;
    auto client = HttpClient::start(state_.client_options("sink", sink().limits().max_in_flight, options.retry,
                                                          options.timeout, options.verify_tls));
    if (!client) return pipeline::unexpected(std::move(client).error());
    client_ = std::move(*client);
  }
  return parts_->target.open(std::move(scope_names), client_.get());
}

void SinkLane::diff(std::shared_ptr<MappedBlock> block, pipeline::Completion<MappedBlock> completion) {
  Diff* const diff = parts_->target.diff();
  if (diff == nullptr || has_failed() || state_.stop->aborting()) {
    completion.emit(std::move(block));
    completion.finish();
    return;
  }
  auto held = std::make_shared<pipeline::Completion<MappedBlock>>(std::move(completion));
  diff->when_ready([this, block = std::move(block), held] { diff_now(block, std::move(*held)); });
}

void SinkLane::diff_now(const std::shared_ptr<MappedBlock>& block, pipeline::Completion<MappedBlock> completion) {
  Diff& diff = *parts_->target.diff();
  auto split = diff.filter(block->entities);
  if (!split) {
    // Sent all the same: the batches find the sink failed, and are accounted for.
    fail(std::move(split).error());
    completion.emit(block);
    completion.finish();
    return;
  }
  parts_->settlement.settle_unchanged(block->entities, split->unchanged);
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
  diff.when_written([this, rest, held](const Result<void>& written) mutable {
    if (!written) fail(written.error());
    held->emit(std::move(rest));
    held->finish();
  });
}

void SinkLane::arrive(MappedBlock& block) {
  if (!core_.options.direct) core_.ledger.arrived(block.entities.entities);
  if (!core_.own_seen) return;
  std::vector<Entity> repeats;
  std::erase_if(block.entities.entities, [&](Entity& entity) {
    const std::uint32_t contents = contents_digest(block.entities.json(entity));
    switch (core_.own_seen->note(entity.identity, state_.repeat_scope(entity.scope, entity.resource), contents)) {
      case pipeline::SeenSet::Sighting::kNew:
        return false;
      case pipeline::SeenSet::Sighting::kElsewhere:
        entity.repeated = true;
        return false;
      case pipeline::SeenSet::Sighting::kChanged:
        entity.duplicate = true;
        return false;
      case pipeline::SeenSet::Sighting::kSame:
        break;
    }
    repeats.push_back(entity);
    return true;
  });
  core_.ledger.repeated(repeats);
}

void SinkLane::flush(MappedBlock::Flush how) {
  auto call = std::make_shared<MappedBlock>();
  call->flush = how;
  graph_->put(*batch_, std::move(call));
}

void SinkLane::abort() {
  if (client_) client_->abort();
}

void SinkLane::fill_batches(MappedBlock& block, const pipeline::Emit<Batch>& emit) {
  std::vector<std::shared_ptr<Batch>> full;
  const auto now = Batcher::Clock::now();
  switch (block.flush) {
    case MappedBlock::Flush::kNone:
      add_block(block, now, full);
      break;
    case MappedBlock::Flush::kAll:
      parts_->batcher.flush(full);
      break;
    case MappedBlock::Flush::kOlder:
      parts_->batcher.flush_older(now - core_.options.sink.batch_age, full);
      break;
    case MappedBlock::Flush::kStarved:
      // Batches on their way will bring credit home; only when there are none must the partial ones go.
      if (parts_->uploads.none()) parts_->batcher.flush(full);
      break;
  }
  parts_->uploads.coming(full.size());
  for (auto& batch : full) {
    batch->number = ++batches_;
    emit(std::move(batch));
  }
}

void SinkLane::add_block(const MappedBlock& block, Batcher::Clock::time_point now,
                         std::vector<std::shared_ptr<Batch>>& full) {
  parts_->batcher.limit_body(parts_->uploads.body_ceiling());
  Deferral* const deferral = parts_->target.deferral();
  std::shared_ptr<Batch> held;
  for (const Entity& entity : block.to_send()) {
    if (deferral == nullptr || block.in_order || !deferral->holds_back(block.buffer(), entity)) {
      parts_->batcher.add(block.buffer(), entity, now, full);
      continue;
    }
    if (!held) held = std::make_shared<Batch>();
    held->append(block.buffer(), entity);
  }
  parts_->batcher.charge();
  if (!held) return;
  held->waits = true;
  held->credit = state_.batch_bytes.take(held->bytes.size());
  full.push_back(std::move(held));
}

void SinkLane::drain_waiting(const std::function<void()>& wait) {
  Deferral* const deferral = parts_->target.deferral();
  if (deferral == nullptr) return;
  auto drained = deferral->drain(
      [&](std::shared_ptr<MappedBlock> block) {
        graph_->put(*batch_, std::move(block));
        flush(MappedBlock::Flush::kAll);
        wait();
      },
      [&] { return !has_failed() && !state_.stop->requested(); });
  if (!drained) fail(std::move(drained).error());
  deferral->give_up_rest([this](const Batch& rest) { parts_->settlement.give_up(rest); });
}

void SinkLane::end_writes() {
  parts_->target.end_writes();
  if (state_.stop->requested()) return;
  const std::string error = parts_->target.listing_error();
  if (error.empty()) return;
  state_.note(fmt::format("what {} has could not be listed, so all entities were sent: {}", sink().spec(), error));
}

void SinkLane::finish(Finish how) {
  if (!parts_->target.is_open()) return;
  if (auto finished = parts_->target.finish(how); !finished) return fail(std::move(finished).error());
  parts_->settlement.all_kept();
}

std::vector<HostStats> SinkLane::host_stats() const { return client_ ? client_->stats() : std::vector<HostStats>(); }

Result<Reconciled> SinkLane::reconcile_with(const DeletionRules& rules) {
  return remove_stale(core_, parts_->target, rules);
}

Result<Reconciled> SinkLane::find_stale_for(Plan& plan, const DeletionRules& rules) {
  return plan_removal(core_, parts_->target, plan, rules);
}

Result<void> SinkLane::remove_planned(const Plan& plan) { return stages::remove_planned(core_, parts_->target, plan); }

Result<void> SinkLane::go_live(std::unique_ptr<Sink> sink, std::shared_ptr<const state::StateFile> memory) {
  finish(Finish::kComplete);
  if (has_failed()) return {};
  ScopeNames scope_names = parts_->target.scope_names();
  parts_->target.forget();
  planners_ = std::move(parts_);
  parts_ = std::make_unique<Parts>(*this, std::move(sink), Target::Use::kWritten, std::move(memory));
  return open(std::move(scope_names));
}

void SinkLane::feed(std::shared_ptr<MappedBlock> block) {
  for (const Entity& entity : block->entities.entities) core_.ledger.sent_later(entity);
  if (diff_node_) {
    graph_->put(*diff_node_, std::move(block));
  } else {
    graph_->put(*batch_, std::move(block));
  }
}

}  // namespace riptide::stages
