#include "diff/field_digests.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "riptide/stages/entity_changes.hpp"

namespace riptide::stages {

bool FieldDigests::read(const pipeline::EntityBuffer& buffer, const pipeline::Entity& entity) {
  shape_ = json::text_of(buffer.part(entity, entity.blueprint));
  shape_ += '\0';
  digests_.clear();
  room_.assign(buffer.json(entity));
  const std::size_t length = room_.size();
  room_.append(json::Document::kPadding, '\0');
  const auto root = document_.index(std::string_view(room_).substr(0, length));
  if (!root || root->type != json::Type::kObject) return false;
  json::Document::Members members(document_, *root);
  while (members.next()) {
    bool added = true;
    if (members.key_is("title") || members.key_is("icon")) {
      added = add(members.raw_key(), document_, members.value(), Form::kValue);
    } else if (members.key_is("team")) {
      added = add("team", document_, members.value(), Form::kSet);
    } else if (members.key_is("properties")) {
      added = add_members("properties", document_, members.value());
    } else if (members.key_is("relations")) {
      added = add_members("relations", document_, members.value());
    }
    if (!added) return false;
  }
  return members.status().has_value();
}

bool FieldDigests::read(const HeldEntity& held, std::map<std::string, std::uint32_t, std::less<>>& fields) {
  shape_.clear();
  digests_.clear();
  const bool whole = add_raw("title", held.title, Form::kValue) && add_raw("icon", held.icon, Form::kValue) &&
                     add_raw("team", held.team, Form::kSet) && add_raw_members("properties", held.properties) &&
                     add_raw_members("relations", held.relations);
  std::string_view names = shape_;
  for (const std::uint32_t digest : digests_) {
    const std::size_t end = names.find('\0');
    fields.insert_or_assign(std::string(names.substr(0, end)), digest);
    names.remove_prefix(end + 1);
  }
  return whole;
}

bool FieldDigests::add(std::string_view name, const json::Document& document, json::Value value, Form form) {
  std::uint32_t digest = kNone;
  if (value.type != json::Type::kNull) {
    canonical_.clear();
    const bool written = form == Form::kSet
                             ? append_set(document, value)
                             : append_canonical(document, value, Numbers::kByValue, canonical_).has_value();
    if (!written) return false;
    digest = static_cast<std::uint32_t>(pipeline::digest_of(canonical_).low);
    if (digest == kNone) digest = 1;
  }
  shape_ += name;
  shape_ += '\0';
  digests_.push_back(digest);
  return true;
}

/// One value is a set of one.
bool FieldDigests::append_set(const json::Document& document, json::Value value) {
  if (value.type != json::Type::kArray) {
    return append_canonical(document, value, Numbers::kByValue, canonical_).has_value();
  }
  std::vector<std::string> parts;
  json::Document::Elements elements(document, value);
  while (elements.next()) {
    if (!append_canonical(document, elements.value(), Numbers::kByValue, parts.emplace_back())) return false;
  }
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  for (const std::string& part : parts) canonical_ += part;
  return elements.status().has_value();
}

bool FieldDigests::add_members(std::string_view prefix, const json::Document& document, json::Value object) {
  if (object.type != json::Type::kObject) return add(prefix, document, object, Form::kValue);
  json::Document::Members members(document, object);
  while (members.next()) {
    name_.assign(prefix) += '.';
    if (members.raw_key().find('\\') == std::string_view::npos) {
      name_ += members.raw_key();
    } else {
      auto name = json::decoded('"' + std::string(members.raw_key()) + '"');
      // A NUL ends a name: there is no field of such a name.
      if (!name || name->find('\0') != std::string::npos) return false;
      name_ += *name;
    }
    if (!add(name_, document, members.value(), Form::kValue)) return false;
  }
  return members.status().has_value();
}

bool FieldDigests::add_raw(std::string_view name, std::string_view raw, Form form) {
  if (raw.empty()) return true;
  room_.assign(raw).append(json::Document::kPadding, '\0');
  const auto root = document_.index(std::string_view(room_).substr(0, raw.size()));
  return root && add(name, document_, *root, form);
}

bool FieldDigests::add_raw_members(std::string_view prefix, std::string_view raw) {
  if (raw.empty()) return true;
  room_.assign(raw).append(json::Document::kPadding, '\0');
  const auto root = document_.index(std::string_view(room_).substr(0, raw.size()));
  return root && add_members(prefix, document_, *root);
}

}  // namespace riptide::stages
