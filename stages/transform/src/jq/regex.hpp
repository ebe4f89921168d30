#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "jq/value.hpp"

namespace riptide::transform::jq {

/// Compiled regular expressions of one thread, by pattern and flags.
class RegexCache {
 public:
  RegexCache();
  ~RegexCache();
  RegexCache(const RegexCache&) = delete;
  RegexCache& operator=(const RegexCache&) = delete;

  /// `_match(re; flags; test)` of jq: an array of matches, or a boolean with `test`. False: `error` has jq's message.
  /// Matching is bounded: a pattern that backtracks without end is an error.
  bool match(const Value& input, const Value& pattern, const Value& flags, bool test, Value& output,
             std::string& error);

 private:
  struct Entries;
  std::unique_ptr<Entries> entries_;
};

}  // namespace riptide::transform::jq
