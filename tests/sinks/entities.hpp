#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/stages/sink.hpp"

namespace riptide::test {

/// One entity as JSON parts; an empty part is not there.
struct EntityParts {
  std::string identifier;  ///< Raw JSON, as all of them.
  std::string blueprint = "\"service\"";
  std::string title, icon, team, properties, relations;
  std::uint32_t resource = 0;
  std::uint32_t scope = 0;
};

inline std::string text_of(std::string_view raw) {
  if (raw.empty() || raw.front() != '"') return std::string(raw);
  return *json::decoded(raw);
}

/// Appends an entity to a batch, as the mapping would.
inline void add(stages::Batch& batch, const EntityParts& parts) {
  stages::Entity entity;
  entity.begin = batch.bytes.size();
  std::string object = "{";
  const auto part = [&object](std::string_view key, const std::string& raw, pipeline::Part& where) {
    if (raw.empty()) return;
    if (object.size() > 1) object += ',';
    object.append("\"").append(key).append("\":");
    where = {static_cast<std::uint32_t>(object.size()), static_cast<std::uint32_t>(raw.size())};
    object += raw;
  };
  part("identifier", parts.identifier, entity.identifier);
  part("blueprint", parts.blueprint, entity.blueprint);
  part("title", parts.title, entity.title);
  part("icon", parts.icon, entity.icon);
  part("team", parts.team, entity.team);
  part("properties", parts.properties, entity.properties);
  part("relations", parts.relations, entity.relations);
  object += '}';
  entity.length = static_cast<std::uint32_t>(object.size());
  entity.resource = parts.resource;
  entity.scope = parts.scope;
  entity.identity = pipeline::identity_digest(text_of(parts.blueprint), text_of(parts.identifier));
  batch.bytes += object;
  batch.entities.push_back(entity);
}

inline stages::Batch batch_of(const std::vector<EntityParts>& entities) {
  stages::Batch batch;
  for (const EntityParts& entity : entities) add(batch, entity);
  return batch;
}

/// An entity with the given identifier and one property.
inline EntityParts service(std::string_view identifier, std::string_view value = "1") {
  EntityParts parts;
  json::append_quoted(identifier, parts.identifier);
  parts.title = "\"Service\"";
  parts.properties = "{\"size\":" + std::string(value) + "}";
  return parts;
}

}  // namespace riptide::test
