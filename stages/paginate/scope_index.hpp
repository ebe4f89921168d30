#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/stages/source.hpp"

namespace riptide::stages {

/// The names of scopes, numbered in the order in which they came: what a scope costs for as long as the run goes on, so
/// they are packed (about 30 bytes and the partition's own). One thread at a time.
class ScopeIndex {
 public:
  struct Name {
    std::span<const std::uint32_t> resources;
    std::span<const std::uint32_t> dependents;
    std::string_view partition;
  };

  /// Returns the number of the scope with these resources and this partition, and whether it is new.
  std::pair<std::uint32_t, bool> add(const ScopeSpec& spec);
  /// Borrowed until the object dies.
  [[nodiscard]] Name at(std::uint32_t number) const;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  /// Resources and dependents: few different ones in a run.
  struct Kinds {
    std::vector<std::uint32_t> resources;
    std::vector<std::uint32_t> dependents;
    std::uint32_t same_resources = 0;  ///< The first with these resources.
  };
  struct Entry {
    std::string_view partition;  ///< In `text_`.
    std::uint32_t kinds = 0;
  };

  std::uint32_t kinds_of(const ScopeSpec& spec);
  std::string_view keep(std::string_view text);
  [[nodiscard]] std::size_t slot_of(std::uint32_t same_resources, std::string_view partition) const;
  void make_room();

  std::deque<Kinds> kinds_;
  std::deque<Entry> entries_;
  std::vector<std::uint32_t> slots_;  ///< Hashed: a number and one; 0 is free. At most half of them are taken.
  std::vector<std::unique_ptr<char[]>> text_;
  char* text_end_ = nullptr;   ///< Of what is used of the last block.
  std::size_t text_left_ = 0;  ///< In it.
};

}  // namespace riptide::stages
