#include "relate/relation_targets.hpp"

#include "riptide/json/document.hpp"

namespace riptide::stages {
namespace {

pipeline::Digest digest_of(std::string_view blueprint, std::string_view relation, std::string_view identifier) {
  std::string key;
  key.reserve(blueprint.size() + relation.size() + 1);
  key.append(blueprint).append(1, '\0').append(relation);
  return pipeline::identity_digest(key, identifier);
}

}  // namespace

void RelationTargets::note(const pipeline::EntityBuffer& entities, RelationValues& values) {
  std::map<std::string, std::set<std::string, std::less<>>> met;
  for (const pipeline::Entity& entity : entities.entities) {
    if (!entity.relations.present()) continue;
    const std::string blueprint = json::text_of(entities.part(entity, entity.blueprint));
    auto& names = met[blueprint];
    values.read(entities, entity, [&](std::string_view relation, std::string_view identifier) {
      if (!names.contains(relation)) names.emplace(relation);
      targets_.note(digest_of(blueprint, relation, identifier), 0, 0);
    });
  }
  const std::lock_guard lock(mutex_);
  for (auto& [blueprint, names] : met) relations_[blueprint].insert(names.begin(), names.end());
}

std::map<std::string, std::set<std::string>> RelationTargets::relations() const {
  const std::lock_guard lock(mutex_);
  return relations_;
}

bool RelationTargets::contains(std::string_view blueprint, std::string_view relation,
                               std::string_view identifier) const {
  return targets_.contains(digest_of(blueprint, relation, identifier));
}

}  // namespace riptide::stages
