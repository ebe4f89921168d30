#include "ledger.hpp"

#include <utility>

#include "riptide/pipeline/check.hpp"

namespace riptide::stages {

using pipeline::Outcome;

ReadLedger::ReadLedger(std::vector<std::string> kinds) {
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    Row& row = rows_.emplace_back();
    row.report.kind = std::move(kinds[i]);
    row.report.index = static_cast<std::uint32_t>(i);
  }
}

void ReadLedger::page(std::uint32_t resource, std::uint64_t records, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  pipeline::KindReport& report = rows_.at(resource).report;
  ++report.pages;
  report.records += records;
  report.bytes_in += bytes;
  records_ += records;
  bytes_ += bytes;
}

void ReadLedger::mapped(const transform::MappedPage& page, std::uint32_t scope) {
  const std::lock_guard lock(mutex_);
  for (const auto& [resource, counts] : page.counts) {
    pipeline::Tally& tally = rows_.at(resource).tally;
    tally.read += counts.read;
    tally.filtered += counts.filtered;
    tally.invalid += counts.invalid;
  }
  for (const transform::MappingFault& fault : page.faults) {
    if (fault.kind == transform::MappingFault::Kind::kUnreadable) unreadable_.emplace(fault.resource, scope);
  }
  for (const transform::Misconfigured& field : page.misconfigured) {
    Row& row = rows_.at(field.resource);
    const auto [found, is_new] = row.fields.emplace(field.field, row.report.misconfigured.size());
    if (is_new)
      row.report.misconfigured.push_back({std::string(field.field), std::string(field.expression), 0, field.example});
    pipeline::MisconfiguredField& entry = row.report.misconfigured[found->second];
    entry.count += field.count;
    // An error says more than "null".
    if (field.error && entry.example == "null") entry.example = field.example;
  }
}

void ReadLedger::duplicates(std::uint32_t resource, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  rows_.at(resource).tally.duplicate += count;
}

void ReadLedger::carry(std::uint32_t resource, std::uint64_t pages, std::uint64_t records, std::uint64_t bytes,
                       const pipeline::Tally& tally) {
  const std::lock_guard lock(mutex_);
  Row& row = rows_.at(resource);
  row.report.pages += pages;
  row.report.records += records;
  row.report.bytes_in += bytes;
  row.tally += tally;
}

bool ReadLedger::unreadable() const {
  const std::lock_guard lock(mutex_);
  return !unreadable_.empty();
}

UnreadableScopes ReadLedger::unreadable_scopes() const {
  const std::lock_guard lock(mutex_);
  return unreadable_;
}

std::uint64_t ReadLedger::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

std::uint64_t ReadLedger::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

pipeline::Tally ReadLedger::shared(std::uint32_t resource) const {
  const std::lock_guard lock(mutex_);
  return rows_.at(resource).tally;
}

std::vector<pipeline::KindReport> ReadLedger::rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<pipeline::KindReport> reports;
  for (const Row& row : rows_) reports.push_back(row.report);
  return reports;
}

SinkLedger::SinkLedger(std::size_t resources) : rows_(resources), held_(resources) {}

void SinkLedger::settled(const pipeline::Batch& batch, const std::vector<Outcome>& outcomes,
                         const std::vector<bool>& held) {
  RIPTIDE_CHECK(outcomes.size() == batch.entities.size());
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const pipeline::Entity& entity = batch.entities[i];
    if (!held.empty() && held[i]) {
      ++held_.at(entity.resource);
      continue;
    }
    pipeline::SinkKindReport& row = rows_.at(entity.resource);
    row.bytes_out += entity.length;
    switch (outcomes[i].kind) {
      case Outcome::Kind::kRejected:
        ++row.tally.rejected;
        break;
      case Outcome::Kind::kAbandoned:
        ++row.tally.abandoned;
        break;
      case Outcome::Kind::kCreated:
        ++(entity.duplicate ? row.tally.duplicate : row.tally.created);
        break;
      case Outcome::Kind::kUpdated:
        ++(entity.duplicate ? row.tally.duplicate : row.tally.updated);
        break;
      case Outcome::Kind::kUnchanged:
        ++(entity.duplicate ? row.tally.duplicate : row.tally.unchanged);
        break;
    }
    ++settled_total_;
  }
  if (!batch.blueprint.empty()) blueprints_.try_emplace(batch.blueprint, batch.entities.front().resource);
}

void SinkLedger::sent_later(const pipeline::Entity& entity) {
  const std::lock_guard lock(mutex_);
  --held_.at(entity.resource);
}

void SinkLedger::replaced(const pipeline::Entity& entity) {
  const std::lock_guard lock(mutex_);
  --held_.at(entity.resource);
  ++rows_.at(entity.resource).tally.duplicate;
}

void SinkLedger::held_abandoned() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < held_.size(); ++i) rows_[i].tally.abandoned += std::exchange(held_[i], 0);
}

void SinkLedger::abandoned(const pipeline::Batch& batch) {
  const std::lock_guard lock(mutex_);
  for (const pipeline::Entity& entity : batch.entities) ++rows_.at(entity.resource).tally.abandoned;
}

void SinkLedger::unchanged(const std::vector<pipeline::Entity>& entities) {
  const std::lock_guard lock(mutex_);
  for (const pipeline::Entity& entity : entities) {
    pipeline::Tally& tally = rows_.at(entity.resource).tally;
    ++(entity.duplicate ? tally.duplicate : tally.unchanged);
    ++settled_total_;
  }
}

void SinkLedger::arrived(const std::vector<pipeline::Entity>& entities) {
  const std::lock_guard lock(mutex_);
  for (const pipeline::Entity& entity : entities) ++rows_.at(entity.resource).tally.read;
  arrived_total_ += entities.size();
}

void SinkLedger::repeated(const std::vector<pipeline::Entity>& entities) {
  if (entities.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const pipeline::Entity& entity : entities) ++rows_.at(entity.resource).tally.duplicate;
}

std::uint64_t SinkLedger::arrived_total() const {
  const std::lock_guard lock(mutex_);
  return arrived_total_;
}

std::uint64_t SinkLedger::created_total() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const pipeline::SinkKindReport& row : rows_) sum += row.tally.created;
  return sum - carried_created_;
}

void SinkLedger::request(const pipeline::Batch& batch) {
  if (batch.entities.empty()) return;
  const std::lock_guard lock(mutex_);
  ++rows_.at(batch.entities.front().resource).requests;
}

void SinkLedger::deleted(std::uint32_t resource, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  rows_.at(resource).tally.deleted += count;
}

void SinkLedger::carry(std::uint32_t resource, const pipeline::Tally& tally, std::uint64_t bytes_out) {
  const std::lock_guard lock(mutex_);
  rows_.at(resource).tally += tally;
  rows_.at(resource).bytes_out += bytes_out;
  carried_created_ += tally.created;
}

std::uint64_t SinkLedger::settled_total() const {
  const std::lock_guard lock(mutex_);
  return settled_total_;
}

pipeline::SinkKindReport SinkLedger::row(std::uint32_t resource) const {
  const std::lock_guard lock(mutex_);
  return rows_.at(resource);
}

std::uint32_t SinkLedger::resource_of(std::string_view blueprint) const {
  const std::lock_guard lock(mutex_);
  const auto found = blueprints_.find(std::string(blueprint));
  return found == blueprints_.end() ? 0 : found->second;
}

}  // namespace riptide::stages
