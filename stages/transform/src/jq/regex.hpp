#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "jq/heap.hpp"
#include "jq/value.hpp"

namespace riptide::transform::jq {

/// Compiled regular expressions of one thread, by pattern and flags.
class RegexCache {
 public:
  explicit RegexCache(std::uint64_t max_steps);
  ~RegexCache();
  RegexCache(const RegexCache&) = delete;
  RegexCache& operator=(const RegexCache&) = delete;

  /// Bounds the steps back of one search; 0 is no bound.
  void set_max_steps(std::uint64_t max_steps) noexcept;

  /// `_match(re; flags; test)` of jq: an array of matches, or a boolean with `test`. False: `error` has jq's message.
  /// Matching is bounded: a pattern that backtracks without end is an error.
  bool match(const Value& input, const Value& pattern, const Value& flags, bool test, Value& output,
             std::string& error);

  /// What `sub` makes of `input` with a replacement that is the same for every match. What it needs on the way counts
  /// in `heap`. Errors as `match`.
  bool replace(const Value& input, const Value& pattern, const Value& flags, std::string_view replacement, Heap& heap,
               Value& output, std::string& error);

 private:
  struct Entries;
  /// Calls `each(region)` for the matches, until it says no. False: `error` says why it cannot search.
  template <class Each>
  bool search(const Value& input, const Value& pattern, const Value& flags, std::string& error, Each&& each);
  std::uint64_t max_steps_;
  std::unique_ptr<Entries> entries_;
};

}  // namespace riptide::transform::jq
