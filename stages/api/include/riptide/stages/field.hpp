#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace riptide::stages {

/// One field of a block that a user writes: what checks it, documents it, and completes it in an editor. Tables of
/// these are constants.
struct Field {
  enum class Type : std::uint8_t {
    kText,
    kScalar,      ///< Text, or a number or boolean as such.
    kBool,        ///< Also as text.
    kInteger,     ///< Also as text; from `least` on.
    kChoice,      ///< One of `choices`.
    kTexts,       ///< A list of texts, each once; of `choices` if there are any.
    kExpression,  ///< jq.
    kValues,      ///< Names with values of any kind.
    kBlock,       ///< `fields`.
    kBlocks,      ///< Names, each with a block of `fields`.
  };
  enum class Null : std::uint8_t { kRefused, kAllowed };
  enum class Case : std::uint8_t { kMatters, kIgnored };

  std::string_view name = {};
  Type type = Type::kText;
  std::string_view meaning = {};   ///< One sentence.
  std::string_view fallback = {};  ///< As the user would write it; empty if there is none.
  std::string_view choices = {};   ///< "a|b|c".
  std::span<const Field> fields = {};
  bool required = false;
  Null null = Null::kRefused;
  Case choice_case = Case::kMatters;
  double least = 0;
};

/// What the selectors of some kinds can have beside `query`.
struct SelectorFields {
  std::string_view kinds;  ///< "a|b|c"; empty: all that no other entry names.
  std::span<const Field> fields;
};

/// What is wrong with a block of the mapping beyond the form of its fields.
struct SelectorFault {
  std::vector<std::string> path;  ///< In the selector; empty: the kind.
  std::string message;
  std::string word = {};                ///< What may be a slip of the fingers,
  std::vector<std::string> known = {};  ///< and what it could have been.
};

}  // namespace riptide::stages
