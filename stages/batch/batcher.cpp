#include "batch/batcher.hpp"

#include <utility>

#include "riptide/json/document.hpp"

namespace riptide::stages {

Batcher::Batcher(SinkLimits limits, pipeline::CreditPool& bytes) : limits_(limits), bytes_(bytes) {}

Batcher::Lane& Batcher::lane_of(std::string_view raw_blueprint) {
  const std::string_view key = limits_.one_blueprint ? raw_blueprint : std::string_view();
  if (const auto found = lanes_.find(key); found != lanes_.end()) return found->second;
  return lanes_.emplace(std::string(key), Lane{}).first->second;
}

void Batcher::open(Lane& lane, std::string_view raw_blueprint, Clock::time_point now) {
  lane.batch = std::make_shared<Batch>();
  lane.batch->credit = bytes_.take(0);
  // A buffer that grows by doubling is copied as often as it is filled.
  lane.batch->entities.reserve(lane.usual_records);
  lane.batch->bytes.reserve(lane.usual_bytes);
  lane.body_bytes = limits_.envelope_bytes;
  lane.begun = now;
  if (!limits_.one_blueprint) return;
  // A blueprint that is not a string keeps its JSON text: the target will say what it thinks of it.
  auto text = json::decoded(raw_blueprint);
  lane.batch->blueprint = text ? std::move(*text) : std::string(raw_blueprint);
}

void Batcher::close(Lane& lane, std::vector<std::shared_ptr<Batch>>& out) {
  if (!lane.batch) return;
  lane.batch->credit.resize(lane.batch->bytes.size());
  lane.usual_records = lane.batch->entities.size();
  lane.usual_bytes = lane.batch->bytes.size();
  out.push_back(std::move(lane.batch));
  lane.batch.reset();
}

void Batcher::add(const EntityBuffer& from, const Entity& entity, Clock::time_point now,
                  std::vector<std::shared_ptr<Batch>>& full) {
  const std::string_view raw_blueprint = from.part(entity, entity.blueprint);
  Lane& lane = lane_of(raw_blueprint);
  if (lane.batch && (lane.batch->entities.size() >= limits_.max_records ||
                     lane.body_bytes + limits_.separator_bytes + entity.length > limits_.max_bytes)) {
    close(lane, full);
  }
  if (!lane.batch) {
    open(lane, raw_blueprint, now);
  } else {
    lane.body_bytes += limits_.separator_bytes;
  }
  lane.body_bytes += entity.length;
  lane.batch->append(from, entity);
  if (lane.batch->entities.size() >= limits_.max_records) close(lane, full);
}

void Batcher::charge() {
  for (auto& [key, lane] : lanes_) {
    if (lane.batch) lane.batch->credit.resize(lane.batch->bytes.size());
  }
}

void Batcher::flush(std::vector<std::shared_ptr<Batch>>& out) {
  for (auto& [key, lane] : lanes_) close(lane, out);
}

void Batcher::flush_older(Clock::time_point begun_before, std::vector<std::shared_ptr<Batch>>& out) {
  for (auto& [key, lane] : lanes_) {
    if (lane.batch && lane.begun < begun_before) close(lane, out);
  }
}

std::pair<std::shared_ptr<Batch>, std::shared_ptr<Batch>> split(const Batch& batch, pipeline::CreditPool& bytes) {
  auto first = std::make_shared<Batch>();
  auto second = std::make_shared<Batch>();
  const std::size_t middle = batch.entities.size() / 2;
  for (std::size_t i = 0; i < batch.entities.size(); ++i)
    (i < middle ? *first : *second).append(batch, batch.entities[i]);
  for (const auto& half : {first, second}) {
    half->blueprint = batch.blueprint;
    half->number = batch.number;
    half->credit = bytes.take(half->bytes.size());
  }
  return {std::move(first), std::move(second)};
}

}  // namespace riptide::stages
