#include "journal/coverage.hpp"

#include <algorithm>
#include <utility>

#include "riptide/pipeline/check.hpp"

namespace riptide::stages {

void Coverage::restore(std::vector<ScopeEntry> entries, const std::vector<std::uint32_t>& numbers) {
  RIPTIDE_CHECK(entries.size() == numbers.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint32_t id = entries[i].id;
    if (scopes_.size() <= id) scopes_.resize(id + 1);
    Scope& scope = scopes_[id];
    scope.entry = std::move(entries[i]);
    for (SettledRange& range : scope.entry.settled) scope.ranges.emplace(range.first, range);
    for (Request& request : scope.entry.open) scope.open.emplace(packed(request), request);
    scope.entry.settled.clear();
    scope.entry.open.clear();
    ids_.emplace(key_of(*scope.entry.spec), id);
    of_book_.emplace(numbers[i], id);
    touch(scope);
  }
}

void Coverage::touch(Scope& scope) {
  if (scope.changed) return;
  scope.changed = true;
  changed_.push_back(scope.entry.id);
}

std::uint32_t Coverage::enter(const Request& head) {
  const auto [found, is_new] = ids_.emplace(key_of(*head.scope), static_cast<std::uint32_t>(scopes_.size()));
  if (!is_new) return found->second;
  Scope& scope = scopes_.emplace_back();
  scope.entry.id = found->second;
  scope.entry.spec = head.scope;
  scope.entry.head = head;
  scope.open.emplace(packed(head), head);
  touch(scope);
  return found->second;
}

std::uint32_t Coverage::id_of(const ReadPageFacts& page) {
  if (const auto found = of_book_.find(page.scope); found != of_book_.end()) return found->second;
  const std::uint32_t id = enter(page.head);
  of_book_.emplace(page.scope, id);
  return id;
}

void Coverage::settled(const ReadPageFacts& page) {
  std::vector<Request> named;  // Of this scope.
  for (const Request& request : page.next) {
    if (request.scope == page.request.scope) {
      named.push_back(request);
    } else {
      enter(request);
    }
  }
  Scope& scope = scopes_[id_of(page)];
  touch(scope);
  ++scope.entry.pages;
  if (page.place.ranged) settled_in_range(scope, page);
  settled_alone(scope, page, std::move(named));
}

void Coverage::settled_in_range(Scope& scope, const ReadPageFacts& page) {
  const PagePlace& place = page.place;
  if (scope.entry.step != 0 && place.listing < scope.entry.listing) return;  // Of a listing that has moved since.
  if (place.listing > scope.entry.listing) scope.ranges.clear();
  scope.entry.listing = place.listing;
  scope.entry.step = place.step;
  scope.entry.last_page = place.last_page;
  scope.entry.total = place.total;
  // A listing that became shorter.
  while (!scope.ranges.empty() && scope.ranges.rbegin()->second.last > place.last_page) {
    scope.ranges.erase(std::prev(scope.ranges.end()));
  }
  if (place.page > place.last_page) return;
  auto after = scope.ranges.upper_bound(place.page);
  if (after != scope.ranges.begin() && std::prev(after)->second.last >= place.page) return;
  SettledRange range{place.page, place.page, page.edges, page.edges};
  if (after != scope.ranges.end() && after->first == place.page + 1) {
    range.last = after->second.last;
    range.last_edges = after->second.last_edges;
    after = scope.ranges.erase(after);
  }
  if (after != scope.ranges.begin() && std::prev(after)->second.last + 1 == place.page) {
    SettledRange& before = std::prev(after)->second;
    before.last = range.last;
    before.last_edges = range.last_edges;
    return;
  }
  scope.ranges.emplace_hint(after, range.first, range);
}

void Coverage::settled_alone(Scope& scope, const ReadPageFacts& page, std::vector<Request> named) {
  std::string key = packed(page.request);
  if (scope.open.erase(key) == 0 && !page.place.ranged) {
    if (key != packed(scope.entry.head)) {
      scope.early.insert_or_assign(std::move(key), std::move(named));
      return;
    }
    // The chain was begun anew: what was open is of the one before.
    scope.open.clear();
    scope.early.clear();
  }
  while (!named.empty()) {
    Request request = std::move(named.back());
    named.pop_back();
    std::string name = packed(request);
    const auto early = scope.early.find(name);
    if (early == scope.early.end()) {
      scope.open.emplace(std::move(name), std::move(request));
      continue;
    }
    for (Request& next : early->second) named.push_back(std::move(next));
    scope.early.erase(early);
  }
}

std::string Coverage::begun(std::uint32_t id) const {
  ScopeEntry entry;
  entry.spec = scopes_[id].entry.spec;
  entry.head = scopes_[id].entry.head;
  entry.open = {entry.head};
  return packed(entry);
}

std::vector<std::pair<std::uint32_t, std::string>> Coverage::changed() {
  std::vector<std::pair<std::uint32_t, std::string>> rows;
  rows.reserve(changed_.size());
  for (const std::uint32_t id : changed_) {
    Scope& scope = scopes_[id];
    scope.changed = false;
    for (const auto& [first, range] : scope.ranges) scope.entry.settled.push_back(range);
    for (const auto& [name, request] : scope.open) scope.entry.open.push_back(request);
    rows.emplace_back(id, packed(scope.entry));
    scope.entry.settled.clear();
    scope.entry.open.clear();
  }
  changed_.clear();
  return rows;
}

void keep_what_can_be_resumed(ScopeEntry& entry) {
  const std::string head = packed(entry.head);
  const auto begin_anew = [&entry] {
    entry.step = 0;
    entry.last_page = 0;
    entry.total.reset();
    entry.settled.clear();
    entry.open = {entry.head};
  };
  if (entry.step == 0) {
    const bool by_position =
        std::any_of(entry.open.begin(), entry.open.end(), [](const Request& request) { return request.offset != 0; });
    if (by_position) begin_anew();
    return;
  }
  const bool known_by_edges =
      std::all_of(entry.settled.begin(), entry.settled.end(), [&entry](const SettledRange& range) {
        return (range.first == 0 || range.first_edges) && (range.last == entry.last_page || range.last_edges);
      });
  if (entry.settled.empty() || !known_by_edges) return begin_anew();
  // The pages of the extent stand for it.
  std::erase_if(entry.open, [&head](const Request& request) { return packed(request) == head; });
}

}  // namespace riptide::stages
