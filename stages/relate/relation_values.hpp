#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/entity.hpp"

namespace riptide::stages {

/// Reads what entities relate to. One for a thread: it keeps its walker and buffers.
class RelationValues {
 public:
  /// Called with the relation's name and the identifier that it leads to, both as text; valid during the call.
  using Visit = std::function<void(std::string_view relation, std::string_view identifier)>;

  /// Visits every identifier in the raw JSON of `relations`: strings, the elements of lists, and of search queries the
  /// values of `$identifier = value` rules. What is of another shape is passed over: the target will judge it.
  void read(std::string_view raw_relations, const Visit& visit);
  void read(const pipeline::EntityBuffer& buffer, const pipeline::Entity& entity, const Visit& visit) {
    if (entity.relations.present()) read(buffer.part(entity, entity.relations), visit);
  }

 private:
  void read_value(json::Value value, std::string_view relation, const Visit& visit, int depth);
  void read_rules(json::Value query, std::string_view relation, const Visit& visit, int depth);

  json::Document document_;
  std::string padded_;
  std::string name_;
};

}  // namespace riptide::stages
