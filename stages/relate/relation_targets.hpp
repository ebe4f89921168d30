#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "relate/relation_values.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/seen_set.hpp"

namespace riptide::stages {

/// What the entities of a run relate to: who may not be removed though nobody read it. 32 to 48 bytes for each entity
/// that something relates to, past the memory that it is given less than two: see `SeenSet`. Any thread.
class RelationTargets {
 public:
  RelationTargets() = default;
  explicit RelationTargets(pipeline::SeenSet::Options options) : targets_(std::move(options)) {}

  /// Notes the relations of all entities of a page.
  void note(const pipeline::EntityBuffer& entities, RelationValues& values);

  /// Names of relations that were met, by blueprint.
  [[nodiscard]] std::map<std::string, std::set<std::string>> relations() const;
  /// Whether an entity of `blueprint` relates to `identifier` by `relation`.
  [[nodiscard]] bool contains(std::string_view blueprint, std::string_view relation, std::string_view identifier) const;

 private:
  mutable std::mutex mutex_;  ///< Guards relations_.
  std::map<std::string, std::set<std::string>> relations_;
  pipeline::SeenSet targets_;
};

}  // namespace riptide::stages
