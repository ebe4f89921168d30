#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "journal/entries.hpp"
#include "paginate/scope_book.hpp"

namespace riptide::stages {

/// A page that was read, as its scope's book and the journal know it.
struct ReadPageFacts {
  std::uint32_t scope = 0;  ///< Number of the scope in the book.
  Request request;          ///< What was asked; its scope is the page's.
  Request head;             ///< What its scope began with.
  PagePlace place;
  std::optional<PageEdges> edges;
  std::vector<Request> next;  ///< What the page named: of this scope, and the first of others.
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

/// What the settled pages of a run cover, scope by scope: what goes into the journal, so that nobody asks for it again.
/// Settled pages of a scope with an extent are ranges; of any other scope, the requests that are still to be settled
/// are kept. Pages settle in any order. One thread at a time.
class Coverage {
 public:
  /// Goes on from what a journal holds; `numbers` are the book's numbers of the scopes.
  void restore(std::vector<ScopeEntry> entries, const std::vector<std::uint32_t>& numbers);

  /// Enters a settled page.
  void settled(const ReadPageFacts& page);

  /// The journal's number of the scope of a page.
  [[nodiscard]] std::uint32_t id_of(const ReadPageFacts& page);

  /// What of a scope must be known to know its identities: its entry with nothing settled.
  [[nodiscard]] std::string begun(std::uint32_t id) const;

  /// Returns the packed entries that changed since the last call, by id.
  [[nodiscard]] std::vector<std::pair<std::uint32_t, std::string>> changed();

 private:
  struct Scope {
    ScopeEntry entry;                              ///< `settled` and `open` are kept in the next three.
    std::map<std::uint64_t, SettledRange> ranges;  ///< By first page.
    std::map<std::string, Request> open;           ///< By packed request.
    std::map<std::string, std::vector<Request>>
        early;  ///< Settled before the page that named them, and what they named.
    bool changed = false;
  };

  std::uint32_t enter(const Request& head);
  void settled_in_range(Scope& scope, const ReadPageFacts& page);
  void settled_alone(Scope& scope, const ReadPageFacts& page, std::vector<Request> named);
  void touch(Scope& scope);

  std::vector<Scope> scopes_;                                 ///< By id.
  std::unordered_map<std::string, std::uint32_t> ids_;        ///< By resources and partition.
  std::unordered_map<std::uint32_t, std::uint32_t> of_book_;  ///< By number in the book.
  std::vector<std::uint32_t> changed_;
};

/// Takes back what cannot be relied on when a scope is gone on with by another run: pages beside missing ones that show
/// no edges to know them by, and chains by position, whose listing may have moved. Such scopes begin anew; what was
/// read of them still counts as read.
void keep_what_can_be_resumed(ScopeEntry& entry);

}  // namespace riptide::stages
