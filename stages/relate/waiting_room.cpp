#include "relate/waiting_room.hpp"

#include <unistd.h>

#include <cstring>
#include <type_traits>
#include <unordered_set>

#include "riptide/json/document.hpp"

namespace riptide::stages {
namespace {

using pipeline::Entity;
using pipeline::EntityBuffer;
using pipeline::Result;
using pipeline::unexpected;

static_assert(std::is_trivially_copyable_v<Entity>, "entities are kept as their bytes");

/// Confirmed identifiers that are remembered: 16 to 32 MiB. Others wait though they need not.
constexpr std::size_t kMostConfirmed = 500'000;

/// `waits` is NULL until `order` has counted. The bytes lie apart, so that the order is found in few pages.
constexpr const char* kTables = R"(
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA cache_size = -4096;
  CREATE TABLE entity(id INTEGER PRIMARY KEY, key INTEGER NOT NULL, waits INTEGER);
  CREATE TABLE body(id INTEGER PRIMARY KEY, place BLOB NOT NULL, json BLOB NOT NULL);
  CREATE TABLE edge(target INTEGER NOT NULL, child INTEGER NOT NULL, PRIMARY KEY(target, child)) WITHOUT ROWID;
  BEGIN;
)";

/// Only edges among those that are here count, and nobody waits for itself.
constexpr const char* kOrder = R"(
  CREATE INDEX IF NOT EXISTS entity_key ON entity(key);
  CREATE INDEX IF NOT EXISTS entity_ready ON entity(id) WHERE waits = 0;
  DELETE FROM edge WHERE NOT EXISTS(SELECT 1 FROM entity WHERE key = target)
                      OR (SELECT key FROM entity WHERE id = child) = target
                      OR NOT EXISTS(SELECT 1 FROM entity WHERE id = child);
  CREATE INDEX IF NOT EXISTS edge_child ON edge(child);
  UPDATE entity SET waits = (SELECT count(*) FROM edge WHERE child = id) WHERE waits IS NULL;
)";

std::int64_t key_of(std::string_view identifier) {
  const pipeline::Digest digest = pipeline::digest_of(identifier);
  std::int64_t key = 0;
  std::memcpy(&key, &digest.low, sizeof key);
  return key;
}

}  // namespace

Result<std::unique_ptr<WaitingRoom>> WaitingRoom::open(const std::string& path) {
  std::unique_ptr<WaitingRoom> room(new WaitingRoom());
  ::unlink(path.c_str());
  if (auto opened = room->file_.open(path); !opened) return unexpected(std::move(opened).error());
  auto prepared = room->prepare();
  ::unlink(path.c_str());  // The kernel takes the bytes back, however the process ends.
  if (!prepared) return unexpected(std::move(prepared).error());
  return room;
}

Result<void> WaitingRoom::prepare() {
  if (auto made = file_.run(kTables); !made) return made;
  const std::pair<state::Statement*, const char*> statements[] = {
      {&insert_, "INSERT INTO entity(key) VALUES(?)"},
      {&insert_body_, "INSERT INTO body(id, place, json) VALUES(?, ?, ?)"},
      {&insert_edge_, "INSERT OR IGNORE INTO edge(target, child) VALUES(?, ?)"},
      {&ready_,
       "SELECT entity.id, key, place, json FROM entity JOIN body ON body.id = entity.id WHERE waits = 0 ORDER BY "
       "entity.id"},
      {&remove_, "DELETE FROM entity WHERE id = ?"},
      {&remove_body_, "DELETE FROM body WHERE id = ?"},
      {&held_, "SELECT 1 FROM entity WHERE key = ? LIMIT 1"},
      {&unlock_, "UPDATE entity SET waits = waits - 1 WHERE id = ? AND waits > 0"},
      {&children_, "SELECT child FROM edge WHERE target = ?"},
      {&remove_edges_, "DELETE FROM edge WHERE target = ?"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = file_.prepare(sql);
    if (!prepared) return unexpected(std::move(prepared).error());
    *statement = std::move(*prepared);
  }
  return {};
}

bool WaitingRoom::must_wait(const EntityBuffer& buffer, const Entity& entity) {
  bool waits = false;
  values_.read(buffer, entity, [&](std::string_view, std::string_view identifier) {
    waits = waits || !confirmed_.contains(pipeline::digest_of(identifier));
  });
  // What was read again must not be overtaken by what was read before.
  return waits || (entity.duplicate && size() > 0);
}

void WaitingRoom::confirm(std::string_view identifier) {
  if (confirmed_count_.load(std::memory_order_relaxed) >= kMostConfirmed) return;
  if (confirmed_.note(pipeline::digest_of(identifier), 0, 0) == pipeline::SeenSet::Sighting::kNew) {
    confirmed_count_.fetch_add(1, std::memory_order_relaxed);
  }
}

Result<void> WaitingRoom::keep(const EntityBuffer& entities) {
  const std::lock_guard lock(mutex_);
  for (const Entity& entity : entities.entities) {
    if (auto kept = keep_one(entities, entity); !kept) return kept;
    size_.fetch_add(1, std::memory_order_acq_rel);
  }
  return {};
}

Result<void> WaitingRoom::keep_one(const EntityBuffer& buffer, const Entity& entity) {
  insert_.bind_integer(1, key_of(json::text_of(buffer.part(entity, entity.identifier))));
  if (auto inserted = insert_.run(); !inserted) return inserted;
  const std::int64_t id = file_.last_insert_rowid();
  insert_body_.bind_integer(1, id);
  insert_body_.bind_bytes(2, std::string_view(reinterpret_cast<const char*>(&entity), sizeof entity));
  insert_body_.bind_bytes(3, buffer.json(entity));
  if (auto inserted = insert_body_.run(); !inserted) return inserted;
  Result<void> all;
  kept_values_.read(buffer, entity, [&](std::string_view, std::string_view identifier) {
    if (!all) return;
    insert_edge_.bind_integer(1, key_of(identifier));
    insert_edge_.bind_integer(2, id);
    all = insert_edge_.run();
  });
  return all;
}

Result<void> WaitingRoom::order() {
  const std::lock_guard lock(mutex_);
  return file_.run(kOrder);
}

Result<void> WaitingRoom::take(std::size_t bytes, EntityBuffer& out) {
  const std::lock_guard lock(mutex_);
  std::vector<std::int64_t> ids;
  for (int round = 0; round < 2 && ids.empty(); ++round) {
    std::unordered_set<std::uint64_t> identities;
    while (out.bytes.size() < bytes) {
      auto row = ready_.step();
      if (!row) {
        ready_.reset();
        return unexpected(std::move(row).error());
      }
      if (!*row) break;
      Entity entity;
      std::memcpy(&entity, ready_.bytes(2).data(), sizeof entity);
      // The later one of two goes after the earlier one is settled.
      if (!identities.insert(entity.identity.low).second) continue;
      ids.push_back(ready_.integer(0));
      taken_.push_back(ready_.integer(1));
      const std::string_view json = ready_.bytes(3);
      entity.begin = out.bytes.size();
      out.bytes += json;
      out.entities.push_back(entity);
    }
    ready_.reset();
    if (!ids.empty()) break;
    auto more = release_rest();
    if (!more) return unexpected(std::move(more).error());
    if (!*more) return {};
  }
  for (const std::int64_t id : ids) {
    remove_.bind_integer(1, id);
    if (auto removed = remove_.run(); !removed) return removed;
    remove_body_.bind_integer(1, id);
    if (auto removed = remove_body_.run(); !removed) return removed;
    size_.fetch_sub(1, std::memory_order_acq_rel);
  }
  return {};
}

/// Nobody is free and somebody is left: they wait for one another. True if there is somebody now.
Result<bool> WaitingRoom::release_rest() {
  auto blocked = file_.integer("SELECT count(*) FROM entity WHERE waits > 0");
  if (!blocked) return unexpected(std::move(blocked).error());
  if (*blocked == 0) return false;
  if (auto released = file_.run("UPDATE entity SET waits = 0 WHERE waits > 0"); !released) {
    return unexpected(std::move(released).error());
  }
  return true;
}

Result<void> WaitingRoom::settled() {
  const std::lock_guard lock(mutex_);
  for (const std::int64_t key : std::exchange(taken_, {})) {
    // Another one of that identifier may be what is waited for.
    held_.bind_integer(1, key);
    auto held = held_.step();
    held_.reset();
    if (!held) return unexpected(std::move(held).error());
    if (*held) continue;
    std::vector<std::int64_t> children;
    children_.bind_integer(1, key);
    while (true) {
      auto row = children_.step();
      if (!row) {
        children_.reset();
        return unexpected(std::move(row).error());
      }
      if (!*row) break;
      children.push_back(children_.integer(0));
    }
    children_.reset();
    if (children.empty()) continue;
    for (const std::int64_t child : children) {
      unlock_.bind_integer(1, child);
      if (auto unlocked = unlock_.run(); !unlocked) return unlocked;
    }
    remove_edges_.bind_integer(1, key);
    if (auto removed = remove_edges_.run(); !removed) return removed;
  }
  return {};
}

}  // namespace riptide::stages
