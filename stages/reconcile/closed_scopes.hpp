#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "paginate/scope_book.hpp"

namespace riptide::stages {

/// A scope of a resource block in which a record's identity could not be computed.
using UnreadableScopes = std::set<std::pair<std::uint32_t, std::uint32_t>>;  ///< (resource, number of the scope)

/// Which (kind, partition) scopes of a run were read to their end, so that what was not seen in them has disappeared.
class ClosedScopes {
 public:
  /// `kinds` are those of the resource blocks, by index.
  ClosedScopes(std::vector<std::string> kinds, UnreadableScopes unreadable)
      : names_(std::move(kinds)), unreadable_(std::move(unreadable)) {}
  /// Enters a scope of the book.
  void enter(const ScopeBook::ScopeState& scope);

  /// True if an entity that was read there before and was not seen in this run has disappeared.
  ///
  /// A partition that this run did not open (a space that is no more) has disappeared if every listing that names the
  /// kind's partitions was read to its end; where the source has no such listing, only if the whole run was.
  [[nodiscard]] bool covers(std::string_view kind, std::string_view partition) const;

 private:
  struct Kind {
    std::map<std::string, bool, std::less<>> partitions;  ///< Whether all scopes of that name are closed.
    bool has_listing = false;
    bool listings_closed = true;
  };
  const std::vector<std::string> names_;
  const UnreadableScopes unreadable_;
  std::map<std::string, Kind, std::less<>> kinds_;
  bool complete_ = true;
};

}  // namespace riptide::stages
