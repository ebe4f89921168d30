#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/stages/sink.hpp"
#include "riptide/state/database.hpp"

namespace riptide::sinks {

using state::Database;
using state::Statement;

/// Names of an object's members in the order in which they first came.
class MemberNames {
 public:
  /// Notes the members of a raw JSON object; anything else has none.
  void note(std::string_view raw_object, json::Document& document);
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  void add(std::string name);

 private:
  std::vector<std::string> raw_;    // As they stand in the text, for the quick comparison.
  std::vector<std::string> names_;  // Decoded.
  std::string padded_;
};

/// What a view shows of a blueprint's entities.
struct ViewColumns {
  MemberNames properties;
  MemberNames relations;
};

/// Writes the statement that makes a view. Columns that clash (in any case) get a prefix or a number.
[[nodiscard]] std::string view_statement(std::string_view view, std::string_view blueprint, const ViewColumns& columns);

/// Keeps a view for each blueprint that has rows: one column a property and relation, as they were seen in this run or
/// are still there from an earlier one. Views, tables and columns of others are left alone.
class BlueprintViews {
 public:
  /// Notes what an entity has.
  void note(std::string_view blueprint, std::string_view properties, std::string_view relations);
  /// Makes, changes and drops views until they fit the rows. Needs an open transaction.
  [[nodiscard]] pipeline::Result<void> refresh(Database& database);
  /// Grows with every blueprint and name that is noted for the first time.
  [[nodiscard]] std::size_t known() const noexcept;

 private:
  [[nodiscard]] pipeline::Result<void> refresh_one(Database& database, const std::string& blueprint, ViewColumns& seen);
  [[nodiscard]] pipeline::Result<void> drop_orphans(Database& database);

  std::map<std::string, ViewColumns, std::less<>> seen_;
  std::map<std::string, ViewColumns, std::less<>>::iterator latest_ = seen_.end();
  json::Document document_;
};

}  // namespace riptide::sinks
