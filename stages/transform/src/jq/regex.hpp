#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "jq/heap.hpp"
#include "jq/value.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::transform::jq {

/// Where a match and its groups lie, in bytes; -1 for a group that took no part. `begins[0]` is the match itself.
struct MatchPlaces {
  const int* begins = nullptr;
  const int* ends = nullptr;
  int groups = 0;  ///< With the match itself.
};

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

  /// The same on text. `made` gets what `replace` makes, and is as before if nothing matches; `grow(bytes)` is called
  /// before each match adds that many to it, and ends the search if it says no.
  bool replace(std::string_view text, std::string_view pattern, std::string_view flags, std::string_view replacement,
               FunctionRef<bool(std::size_t)> grow, std::string& made, std::size_t& matches, std::string& error);

  /// Calls `each(match)` for the matches, until it says no. Errors as `match`.
  bool each_match(std::string_view text, std::string_view pattern, std::string_view flags, std::string& error,
                  FunctionRef<bool(const MatchPlaces&)> each);

 private:
  struct Entries;
  /// Calls `each(region)` for the matches, until it says no. False: `error` says why it cannot search.
  template <class Each>
  bool search(std::string_view text, std::string_view pattern, std::string_view flags, std::string& error, Each&& each);
  std::uint64_t max_steps_;
  std::unique_ptr<Entries> entries_;
};

}  // namespace riptide::transform::jq
