#include "memory_sink.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "riptide/json/document.hpp"

namespace riptide::stages {
namespace {

std::string text_of(std::string_view raw) {
  auto text = json::decoded(raw);
  return text ? std::move(*text) : std::string(raw);
}

}  // namespace

MemorySink::MemorySink(MemoryCatalogue& catalogue, SinkLimits limits, MemoryFaults faults)
    : catalogue_(catalogue), limits_(limits), faults_(std::move(faults)) {}

Result<void> MemorySink::open() {
  if (faults_.refuses_to_open) return pipeline::unexpected(ErrorKind::kRejected, "memory is held by another process");
  return {};
}

Result<std::vector<Outcome>> MemorySink::write(const Batch& batch) {
  if (catalogue_.writes++ >= faults_.fail_after_writes)
    return pipeline::unexpected(ErrorKind::kRejected, "memory is full");
  if (faults_.slowness.count() > 0) std::this_thread::sleep_for(faults_.slowness);
  catalogue_.received += batch.entities.size();
  catalogue_.largest_batch = std::max(catalogue_.largest_batch, batch.entities.size());
  std::vector<Outcome> outcomes;
  for (const Entity& entity : batch.entities) {
    Outcome outcome;
    std::string json(batch.json(entity));
    std::pair key(text_of(batch.part(entity, entity.blueprint)), text_of(batch.part(entity, entity.identifier)));
    if (faults_.refuses && faults_.refuses(json)) {
      outcome.kind = Outcome::Kind::kRejected;
      outcome.message = "refused";
    } else {
      std::string& row = catalogue_.entities[std::move(key)];
      outcome.kind = row.empty()   ? Outcome::Kind::kCreated
                     : row == json ? Outcome::Kind::kUnchanged
                                   : Outcome::Kind::kUpdated;
      row = std::move(json);
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

Result<void> MemorySink::owned(std::span<const std::uint32_t>, const std::function<bool(const OwnedEntity&)>& visit) {
  for (const auto& [key, json] : catalogue_.entities) {
    if (!visit({key.first, key.second, {}})) break;
  }
  return {};
}

Result<std::size_t> MemorySink::remove(std::span<const OwnedEntity> entities) {
  std::size_t removed = 0;
  for (const OwnedEntity& entity : entities)
    removed += catalogue_.entities.erase({entity.blueprint, entity.identifier});
  catalogue_.removed += removed;
  return removed;
}

Result<void> MemorySink::finish(Finish how) {
  catalogue_.finished_whole = how == Finish::kComplete;
  return {};
}

}  // namespace riptide::stages
