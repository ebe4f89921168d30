#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

/// When two values are the same.
enum class SameValue : std::uint8_t {
  kBytes,    ///< When they are written the same: where the target keeps what it was given.
  kMeaning,  ///< When they are written the same but for white space, escapes and the order of members; a member of the
             ///< target that is null and that the entity does not have counts for nothing. As Ocean compares with Port.
};

/// Collects how an entity differs from what a target holds of it: for plans. One thread at a time; reused.
class EntityChanges {
 public:
  explicit EntityChanges(SameValue same = SameValue::kBytes) : same_(same) {}

  /// Compares a field that stands by itself. Raw JSON on both sides; empty where it is not there.
  void field(std::string_view name, std::string_view before, std::string_view after);
  /// Compares two objects member by member, as "prefix.NAME"; what is no object is compared as a whole, as "prefix".
  void members(std::string_view prefix, std::string_view before, std::string_view after);

  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  /// The differences as a JSON array of {"field", "before", "after"}, where a side that is not there is left out, and
  /// begins anew.
  [[nodiscard]] std::string take();

 private:
  [[nodiscard]] bool equal(std::string_view before, std::string_view after);
  void add(std::string_view name, std::string_view before, std::string_view after);

  const SameValue same_;
  std::string text_;  ///< Of the array, without its brackets.
  json::Document before_, after_, check_;
  std::string before_room_, after_room_, check_room_;
};

/// Appends a value with the members of its objects in the order of their names, strings as we write them, and without
/// white space. Errors: kMalformed; kLimit (deeper than `kMaxCanonicalDepth`).
inline constexpr int kMaxCanonicalDepth = 200;
[[nodiscard]] pipeline::Result<void> append_canonical(std::string_view raw, std::string& out);

/// How numbers are written.
enum class Numbers : std::uint8_t {
  kAsWritten,
  kByValue,  ///< As a double is: a target that reads numbers as such may write them otherwise.
};
/// The same of a value of an indexed document.
[[nodiscard]] pipeline::Result<void> append_canonical(const json::Document& document, json::Value value,
                                                      Numbers numbers, std::string& out);

}  // namespace riptide::stages
