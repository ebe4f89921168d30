#include "relate/relation_values.hpp"

namespace riptide::stages {
namespace {

/// Queries hold queries. Deeper ones come from a hostile record, not from a mapping.
constexpr int kMaxDepth = 32;

}  // namespace

void RelationValues::read(std::string_view raw_relations, const Visit& visit) {
  if (raw_relations.size() <= 2) return;
  padded_.assign(raw_relations);
  padded_.append(json::Document::kPadding, '\0');
  const auto root = document_.index(std::string_view(padded_).substr(0, raw_relations.size()));
  if (!root) return;
  json::Document::Members members(document_, *root);
  while (members.next()) {
    name_ = members.raw_key();
    read_value(members.value(), name_, visit, 0);
  }
}

void RelationValues::read_value(json::Value value, std::string_view relation, const Visit& visit, int depth) {
  switch (value.type) {
    case json::Type::kString:
    case json::Type::kNumber:
      if (const auto raw = document_.raw(value)) visit(relation, json::text_of(*raw));
      return;
    case json::Type::kArray: {
      json::Document::Elements elements(document_, value);
      while (elements.next()) {
        if (elements.value().type == json::Type::kArray) continue;
        read_value(elements.value(), relation, visit, depth);
      }
      return;
    }
    case json::Type::kObject:
      read_rules(value, relation, visit, depth);
      return;
    case json::Type::kNull:
    case json::Type::kBool:
      return;
  }
}

void RelationValues::read_rules(json::Value query, std::string_view relation, const Visit& visit, int depth) {
  if (depth > kMaxDepth) return;
  const auto rules = document_.find(query, "rules");
  if (!rules || !*rules) return;
  json::Document::Elements elements(document_, **rules);
  while (elements.next()) {
    if (elements.value().type != json::Type::kObject) continue;
    const auto property = document_.find(elements.value(), "property");
    const auto comparison = document_.find(elements.value(), "operator");
    const auto wanted = document_.find(elements.value(), "value");
    const auto is = [&](const auto& found, std::string_view text) {
      if (!found || !*found || (*found)->type != json::Type::kString) return false;
      const auto raw = document_.raw(**found);
      return raw && json::text_of(*raw) == text;
    };
    if (is(property, "$identifier") && is(comparison, "=") && wanted && *wanted &&
        (*wanted)->type == json::Type::kString) {
      read_value(**wanted, relation, visit, depth);
    } else {
      read_rules(elements.value(), relation, visit, depth + 1);
    }
  }
}

}  // namespace riptide::stages
