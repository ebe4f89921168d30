#include "riptide/stages/plan.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "plan/spool.hpp"
#include "riptide/json/document.hpp"
#include "riptide/stages/entity_changes.hpp"

namespace riptide::stages {
namespace {

using pipeline::Batch;
using pipeline::Digest;
using pipeline::Entity;
using pipeline::EntityBuffer;
using pipeline::Result;

struct DigestHash {
  std::size_t operator()(const Digest& digest) const noexcept { return static_cast<std::size_t>(digest.low); }
};

// An identity as one block of the mapping makes it.
Digest of_block(const Digest& identity, std::uint32_t resource) noexcept {
  return {identity.low + (resource + 1) * 0x9e3779b97f4a7c15u, identity.high};
}

// Digests several texts, each told apart from the next by its length.
class Digester {
 public:
  Digester& add(std::string_view text) {
    const std::uint64_t length = text.size();
    bytes_.append(reinterpret_cast<const char*>(&length), sizeof length);
    bytes_ += text;
    return *this;
  }
  [[nodiscard]] Digest digest() const noexcept { return pipeline::digest_of(bytes_); }

 private:
  std::string bytes_;
};

// A record's members, one after the other, as they lie in memory.
class Packer {
 public:
  template <class T>
  Packer& value(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Packer& text(std::string_view text) {
    value(static_cast<std::uint64_t>(text.size()));
    bytes_ += text;
    return *this;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  Unpacker& value(T& value) {
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return *this;
  }
  Unpacker& text(std::string_view& text) {
    std::uint64_t length = 0;
    value(length);
    text = bytes_.substr(0, length);
    bytes_.remove_prefix(length);
    return *this;
  }

 private:
  std::string_view bytes_;
};

// A change as it is kept.
struct Kept {
  std::uint64_t sequence = 0;
  PlanAction action = PlanAction::kCreate;
  Entity entity;
  Digest digest;
  std::string_view kind, partition, blueprint, identifier, fields;
  std::string_view json;  ///< Of the entity, where entities are kept.
};

std::string packed(const Kept& kept) {
  Packer packer;
  packer.value(kept.sequence).value(kept.action).value(kept.entity).value(kept.digest).text(kept.kind);
  packer.text(kept.partition).text(kept.blueprint).text(kept.identifier).text(kept.fields).text(kept.json);
  return packer.take();
}

Kept unpacked(std::string_view record) {
  Kept kept;
  Unpacker unpacker(record);
  unpacker.value(kept.sequence).value(kept.action).value(kept.entity).value(kept.digest).text(kept.kind);
  unpacker.text(kept.partition).text(kept.blueprint).text(kept.identifier).text(kept.fields).text(kept.json);
  return kept;
}

// How an entity that is not there yet changes: all of it.
std::string fields_of_new(const Batch& batch, const Entity& entity, EntityChanges& changes) {
  changes.field("title", {}, batch.part(entity, entity.title));
  changes.field("icon", {}, batch.part(entity, entity.icon));
  changes.field("team", {}, batch.part(entity, entity.team));
  changes.members("properties", {}, batch.part(entity, entity.properties));
  changes.members("relations", {}, batch.part(entity, entity.relations));
  return changes.take();
}

}  // namespace

std::string_view to_string(PlanAction action) noexcept { return action == PlanAction::kCreate ? "create" : "update"; }

struct Plan::State {
  explicit State(Options plan_options)
      : options(std::move(plan_options)), changed(options.directory), stale(options.directory) {}

  // The row of a blueprint, or the one for those that are too many.
  Counts& row(std::string_view blueprint) {
    if (const auto found = rows.find(blueprint); found != rows.end()) return found->second;
    const std::string_view name = rows.size() < kMaxBlueprints ? blueprint : kOtherBlueprints;
    return rows.try_emplace(std::string(name)).first->second;
  }

  [[nodiscard]] bool is_replaced(const Kept& kept) const {
    const auto found = latest.find(of_block(kept.entity.identity, kept.entity.resource));
    return found != latest.end() && found->second != kept.sequence;
  }

  const Options options;
  Spool changed;
  Spool stale;

  mutable std::mutex mutex;  ///< Guards everything below until the plan is sealed.
  SetDigest source_digest, change_digest, deletion_digest;
  std::unordered_map<Digest, std::uint64_t, DigestHash> latest;  ///< Of identities that came again, by block.
  std::unordered_set<Digest, DigestHash> again;                  ///< Those identities.
  std::map<std::string, Counts, std::less<>> rows;
  Counts counts;
};

Plan::Plan(Options options) : state_(std::make_unique<State>(std::move(options))) {}
Plan::~Plan() = default;

void Plan::read(std::string_view kind, std::string_view partition, std::string_view json) {
  const Digest digest = Digester().add(kind).add(partition).add(json).digest();
  const std::lock_guard lock(state_->mutex);
  state_->source_digest.add(digest);
}

std::vector<bool> Plan::record(Batch& batch, const std::vector<pipeline::Outcome>& outcomes, const Names& names) {
  State& state = *state_;
  std::vector<bool> is_change(batch.entities.size(), false);
  std::vector<std::string> records;
  EntityChanges changes;
  std::optional<std::uint32_t> scope;
  std::string partition;
  for (std::size_t i = 0; i < batch.entities.size(); ++i) {
    const Entity& entity = batch.entities[i];
    const pipeline::Outcome& outcome = outcomes[i];
    const std::uint64_t sequence = (batch.number << 20) + i;
    const bool changed = outcome.kind == Outcome::Kind::kCreated || outcome.kind == Outcome::Kind::kUpdated;
    const bool settled = changed || outcome.kind == Outcome::Kind::kUnchanged;
    const std::string blueprint =
        batch.blueprint.empty() ? json::text_of(batch.part(entity, entity.blueprint)) : batch.blueprint;
    if (settled && (entity.duplicate || entity.repeated || !changed)) {
      const std::lock_guard lock(state.mutex);
      if (entity.duplicate || entity.repeated) {
        state.again.insert(entity.identity);
        std::uint64_t& last = state.latest[of_block(entity.identity, entity.resource)];
        last = std::max(last, sequence);
      }
      if (!changed && !entity.duplicate) {
        ++state.counts.unchanged;
        ++state.row(blueprint).unchanged;
      }
    }
    if (!changed) continue;
    is_change[i] = true;
    if (scope != entity.scope) {
      scope = entity.scope;
      partition = names.partition(entity.scope);
    }
    const std::string identifier = json::text_of(batch.part(entity, entity.identifier));
    Kept kept;
    kept.sequence = sequence;
    kept.action = outcome.kind == Outcome::Kind::kCreated ? PlanAction::kCreate : PlanAction::kUpdate;
    kept.entity = entity;
    kept.kind = names.kind(entity.resource);
    kept.partition = partition;
    kept.blueprint = blueprint;
    kept.identifier = identifier;
    kept.digest = Digester()
                      .add(to_string(kept.action))
                      .add(kept.kind)
                      .add(partition)
                      .add(blueprint)
                      .add(identifier)
                      .add(batch.json(entity))
                      .add(outcome.changes)
                      .digest();
    std::string fields;
    if (state.options.fields) {
      fields = kept.action == PlanAction::kCreate ? fields_of_new(batch, entity, changes) : outcome.changes;
    }
    kept.fields = fields;
    if (state.options.keep_entities) kept.json = batch.json(entity);
    records.push_back(packed(kept));
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    const bool last = i + 1 == records.size();
    state.changed.append(std::move(records[i]), last ? std::move(batch.credit) : pipeline::Credit());
  }
  return is_change;
}

void Plan::unchanged(const EntityBuffer& buffer, const std::vector<Entity>& entities) {
  const std::lock_guard lock(state_->mutex);
  for (const Entity& entity : entities) {
    if (entity.duplicate) continue;
    ++state_->counts.unchanged;
    ++state_->row(json::text_of(buffer.part(entity, entity.blueprint))).unchanged;
  }
}

void Plan::stale(const OwnedEntity& entity) {
  Packer packer;
  const Digest digest = Digester().add(entity.kind).add(entity.blueprint).add(entity.identifier).digest();
  packer.value(digest).value(entity.partition.has_value()).text(entity.kind).text(entity.partition.value_or(""));
  packer.text(entity.blueprint).text(entity.identifier);
  state_->stale.append(packer.take());
  const std::lock_guard lock(state_->mutex);
  state_->deletion_digest.add(digest);
  ++state_->counts.stale;
  ++state_->row(entity.blueprint).stale;
}

Result<void> Plan::seal() {
  if (auto written = state_->changed.flush(); !written) return written;
  if (auto written = state_->stale.flush(); !written) return written;
  State& state = *state_;
  return each_change([&](const PlannedChange& change) {
    state.change_digest.add(change.digest);
    Counts& row = state.row(change.blueprint);
    ++(change.action == PlanAction::kCreate ? state.counts.created : state.counts.updated);
    ++(change.action == PlanAction::kCreate ? row.created : row.updated);
    return true;
  });
}

const std::map<std::string, Plan::Counts, std::less<>>& Plan::by_blueprint() const noexcept { return state_->rows; }
Plan::Counts Plan::counts() const noexcept { return state_->counts; }
const SetDigest& Plan::source() const noexcept { return state_->source_digest; }
const SetDigest& Plan::changes() const noexcept { return state_->change_digest; }
const SetDigest& Plan::deletions() const noexcept { return state_->deletion_digest; }

Result<void> Plan::each_change(const VisitChange& visit) const {
  const State& state = *state_;
  std::unordered_set<Digest, DigestHash> created;  // Of those that come again: only the first one is made.
  return state.changed.each([&](std::string_view record) {
    const Kept kept = unpacked(record);
    if (state.is_replaced(kept)) return true;
    PlannedChange change{kept.action,     kept.kind,   kept.partition, kept.blueprint,
                         kept.identifier, kept.fields, kept.digest};
    if (change.action == PlanAction::kCreate && state.again.contains(kept.entity.identity) &&
        !created.insert(kept.entity.identity).second) {
      change.action = PlanAction::kUpdate;
    }
    return visit(change);
  });
}

Result<void> Plan::each_deletion(const VisitDeletion& visit) const {
  return state_->stale.each([&](std::string_view record) {
    PlannedDeletion deletion;
    bool has_partition = false;
    std::string_view partition;
    Unpacker unpacker(record);
    unpacker.value(deletion.digest).value(has_partition).text(deletion.kind).text(partition);
    unpacker.text(deletion.blueprint).text(deletion.identifier);
    if (has_partition) deletion.partition = partition;
    return visit(deletion);
  });
}

Result<void> Plan::each_entity(const VisitEntity& visit) const {
  EntityBuffer room;
  return state_->changed.each([&](std::string_view record) {
    const Kept kept = unpacked(record);
    if (state_->is_replaced(kept)) return visit(nullptr, kept.entity);
    room.bytes.assign(kept.json);
    room.entities.assign(1, kept.entity);
    room.entities.front().begin = 0;
    room.entities.front().duplicate = false;  // It stands for what it repeats.
    return visit(&room, room.entities.front());
  });
}

}  // namespace riptide::stages
