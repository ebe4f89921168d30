#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/result.hpp"

namespace riptide::sources::custom {

using pipeline::Result;

/// Lower case, letters and digits only: `total_count`, `totalCount` and `Total-Count` are one word.
[[nodiscard]] std::string squeezed(std::string_view name);

/// A scalar of an answer that is not within a list.
struct Fact {
  std::vector<std::string> keys;  ///< From the root.
  json::Type type = json::Type::kNull;
  std::string text;  ///< Strings decoded.

  [[nodiscard]] std::string word() const { return squeezed(keys.back()); }
  [[nodiscard]] std::string parent() const { return keys.size() < 2 ? "" : squeezed(keys[keys.size() - 2]); }
  /// A whole number, or text that is one.
  [[nodiscard]] std::optional<std::uint64_t> count() const;
  /// As a dotted path; empty where a key has a dot in it.
  [[nodiscard]] std::string dotted() const;
};

/// What the records have under one name, or under one name in an object under another.
struct MemberFacts {
  std::vector<std::string> keys;
  std::size_t present = 0;  ///< In how many records it is something other than null.
  std::size_t strings = 0, integers = 0, fractions = 0, booleans = 0, arrays = 0, objects = 0;
  std::size_t dates = 0, urls = 0, emails = 0;
  std::size_t distinct = 0;
  bool empty_text = false;
  std::string example;
};

/// A list in an answer.
struct ListFacts {
  std::vector<std::string> keys;
  std::size_t elements = 0;
  std::size_t objects = 0;
};

struct AnswerFacts {
  json::Type root = json::Type::kNull;
  std::vector<Fact> scalars;
  std::vector<ListFacts> lists;
};

/// Walks an answer, lists left closed. At most 6 levels and 500 members: what says how pages follow each other stands
/// at the top. Errors: kMalformed.
[[nodiscard]] Result<AnswerFacts> facts_of(const json::Document& document, json::Value root);

/// Looks into at most 500 records (raw JSON objects) and 200 of their members. Errors: kMalformed.
[[nodiscard]] Result<std::vector<MemberFacts>> members_of(const std::vector<std::string_view>& records);

/// `.a.b["c d"]`; "." without keys.
[[nodiscard]] std::string jq_path(const std::vector<std::string>& keys);

}  // namespace riptide::sources::custom
