#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::stages {

/// Digests of an entity's fields, in a form that what was sent and what the target returns both come to: numbers by
/// their value, strings by their text, objects in the order of their names, a team as a set of teams. Fields are
/// "title", "icon", "team", "properties.NAME" and "relations.NAME". One thread; reused.
class FieldDigests {
 public:
  /// Of a field that is null or not there.
  static constexpr std::uint32_t kNone = 0;

  /// Reads an entity as it was sent. False if it is not JSON, or too deep: then there is nothing to compare it by.
  [[nodiscard]] bool read(const pipeline::EntityBuffer& buffer, const pipeline::Entity& entity);
  // Of the entity that was read; until the next one.
  /// Its blueprint and the names of its fields, each ended by a NUL.
  [[nodiscard]] std::string_view shape() const noexcept { return shape_; }
  [[nodiscard]] std::span<const std::uint32_t> digests() const noexcept { return digests_; }

  /// Reads what a target holds, by the names of the fields. False as of `read`.
  [[nodiscard]] bool read(const HeldEntity& held, std::map<std::string, std::uint32_t, std::less<>>& fields);

 private:
  enum class Form : std::uint8_t { kValue, kSet };
  bool add(std::string_view name, const json::Document& document, json::Value value, Form form);
  bool add_raw(std::string_view name, std::string_view raw, Form form);
  bool add_members(std::string_view prefix, const json::Document& document, json::Value object);
  bool add_raw_members(std::string_view prefix, std::string_view raw);
  bool append_set(const json::Document& document, json::Value value);

  json::Document document_;
  std::string room_;
  std::string name_;
  std::string canonical_;
  std::string shape_;
  std::vector<std::uint32_t> digests_;
};

}  // namespace riptide::stages
