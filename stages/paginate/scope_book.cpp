#include "paginate/scope_book.hpp"

#include <fmt/format.h>

#include <utility>

#include "riptide/pipeline/check.hpp"

namespace riptide::stages {
void PageNumbers::insert(std::uint64_t number) {
  if (contains(number)) return;
  auto after = ranges_.upper_bound(number);
  const bool joins_after = after != ranges_.end() && after->first == number + 1;
  if (after != ranges_.begin()) {
    const auto before = std::prev(after);
    if (before->second + 1 == number) {
      before->second = joins_after ? after->second : number;
      if (joins_after) ranges_.erase(after);
      return;
    }
  }
  std::uint64_t last = number;
  if (joins_after) {
    last = after->second;
    ranges_.erase(after);
  }
  ranges_.emplace(number, last);
}

void PageNumbers::append(std::uint64_t first, std::uint64_t last) {
  RIPTIDE_CHECK(first <= last && (ranges_.empty() || ranges_.rbegin()->second < first));
  ranges_.emplace_hint(ranges_.end(), first, last);
}

bool PageNumbers::contains(std::uint64_t number) const {
  const auto after = ranges_.upper_bound(number);
  return after != ranges_.begin() && std::prev(after)->second >= number;
}

bool PageNumbers::covers(std::uint64_t last) const noexcept {
  return !ranges_.empty() && ranges_.begin()->first == 0 && ranges_.begin()->second >= last;
}

void ScopeBook::start(std::vector<Request> requests) {
  const std::lock_guard lock(mutex_);
  for (Request& request : requests) enter(std::move(request), std::nullopt);
}

void ScopeBook::enter(Request request, std::optional<std::uint32_t> parent) {
  RIPTIDE_CHECK(request.scope != nullptr);
  std::uint32_t number = parent.value_or(0);
  if (!parent || request.scope != scopes_[*parent].spec) {  // Else it is the next of a chain.
    const auto [found, is_new] = numbers_.emplace(key_of(*request.scope), static_cast<std::uint32_t>(scopes_.size()));
    if (!is_new) return;  // A listing that is read again names scopes that are known.
    number = found->second;
    Scope& scope = scopes_.emplace_back();
    scope.spec = request.scope;
    scope.head = request;
  }
  queue(number, std::move(request), false);
}

void ScopeBook::queue(std::uint32_t number, Request request, bool from_journal) {
  Scope& scope = scopes_[number];
  ++scope.single_pages;
  PendingRequest pending;
  pending.request = std::move(request);
  pending.scope = number;
  pending.from_journal = from_journal;
  scope.queued.push_back(std::move(pending));
  line_up(number);
}

std::vector<std::uint32_t> ScopeBook::restore(const std::vector<ScopeEntry>& entries) {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint32_t> numbers;
  for (const ScopeEntry& entry : entries) {
    const auto [found, is_new] = numbers_.emplace(key_of(*entry.spec), static_cast<std::uint32_t>(scopes_.size()));
    const std::uint32_t number = found->second;
    numbers.push_back(number);
    if (!is_new) continue;
    Scope& scope = scopes_.emplace_back();
    scope.spec = entry.spec;
    scope.head = entry.head;
    scope.listing = entry.listing;
    scope.pages_read = entry.pages;
    pages_read_ += entry.pages;
    if (entry.step != 0) {
      restore_range(scope, entry);
    } else {
      scope.single_pages = entry.pages;
    }
    for (const Request& request : entry.open) queue(number, request, !request.cursor.empty());
    line_up(number);
    settle(number);
    if (scope.closed) scope.edges.clear();
  }
  return numbers;
}

void ScopeBook::restore_range(Scope& scope, const ScopeEntry& entry) {
  scope.step = entry.step;
  scope.last_page = entry.last_page;
  scope.total = entry.total;
  std::deque<std::uint64_t> missing;
  for (const SettledRange& range : entry.settled) {
    for (; scope.next_page < range.first; ++scope.next_page) missing.push_back(scope.next_page);
    scope.next_page = range.last + 1;
    if (range.first_edges) scope.edges[range.first] = *range.first_edges;
    if (range.last_edges) scope.edges[range.last] = *range.last_edges;
    // Beside a page that is missing, equal totals prove little: between two runs, as many records may have come on one
    // side of the border as went on the other. A border that still reads the same has not moved.
    const bool after_gap = range.first != 0;
    const bool before_gap = range.last != scope.last_page;
    if (after_gap) scope.reread.push_back(range.first);
    if (before_gap && !(after_gap && range.first == range.last)) scope.reread.push_back(range.last);
    const std::uint64_t first = range.first + (after_gap ? 1 : 0);
    const std::uint64_t behind = range.last + (before_gap ? 0 : 1);
    if (first < behind) scope.current.append(first, behind - 1);
  }
  // Borders first: when one has moved, the rest is known to be read again.
  scope.reread.insert(scope.reread.end(), missing.begin(), missing.end());
}

bool ScopeBook::has_next(const Scope& scope) noexcept {
  return !scope.queued.empty() || !scope.reread.empty() || (scope.step != 0 && scope.next_page <= scope.last_page);
}

void ScopeBook::line_up(std::uint32_t number) {
  Scope& scope = scopes_[number];
  if (scope.waiting || !has_next(scope)) return;
  scope.waiting = true;
  if (at_once_ == 0 || !scope.begun || turn_.size() < at_once_) {
    turn_.push_back(number);
  } else {
    turn_.insert(turn_.begin() + static_cast<std::ptrdiff_t>(at_once_ - 1), number);
  }
}

std::optional<PendingRequest> ScopeBook::next() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return std::nullopt;
  std::uint32_t number = 0;
  do {
    if (turn_.empty()) return std::nullopt;
    number = turn_.front();
    turn_.pop_front();
    scopes_[number].waiting = false;
  } while (!has_next(scopes_[number]));  // A failed scope gave up what it had lined up for.
  Scope& scope = scopes_[number];
  PendingRequest pending;
  if (!scope.queued.empty()) {
    pending = std::move(scope.queued.front());
    scope.queued.pop_front();
  } else {
    std::uint64_t page = 0;
    if (!scope.reread.empty()) {
      page = scope.reread.front();
      scope.reread.pop_front();
    } else {
      page = scope.next_page++;
    }
    pending.request = scope.head;
    pending.request.offset = page * scope.step;
    pending.scope = number;
  }
  ++scope.outstanding;
  ++outstanding_;
  scope.begun = true;
  line_up(number);
  return pending;
}

void ScopeBook::put_back(PendingRequest pending) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t number = pending.scope;
  Scope& scope = scopes_[number];
  --scope.outstanding;
  --outstanding_;
  if (stopped_) return settle(number);
  scope.queued.push_front(std::move(pending));
  if (scope.waiting) return;
  scope.waiting = true;
  turn_.push_front(number);
}

bool ScopeBook::moved(const Scope& scope, std::uint64_t page, const PageStep& step) {
  // A total that moves and comes back (one made, one deleted) has moved all the same: what counts is that it stood
  // still from the first page to the last.
  if (scope.total != step.total) return true;
  const auto known = scope.edges.find(page);
  if (known != scope.edges.end() && (!step.edges || !(known->second == *step.edges))) return true;
  if (!step.edges) return false;
  const auto before = page == 0 ? scope.edges.end() : scope.edges.find(page - 1);
  const auto after = scope.edges.find(page + 1);
  // The same page in two places is worse than a record in two: a server that does not heed the offset.
  return (before != scope.edges.end() && (before->second.last == step.edges->first || before->second == *step.edges)) ||
         (after != scope.edges.end() && (after->second.first == step.edges->last || after->second == *step.edges));
}

ScopeBook::PageRead ScopeBook::page_read(const PendingRequest& pending, PageStep& step) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t number = pending.scope;
  PageRead read;
  {
    Scope& scope = scopes_[number];
    --scope.outstanding;
    --outstanding_;
    ++scope.pages_read;
    ++pages_read_;
    const bool given_up = scope.error && !step.if_moved.empty();
    if (step.extent && step.extent->step != 0 && !given_up) {
      if (scope.step == 0) {
        scope.step = step.extent->step;
        scope.next_page = pending.request.offset / scope.step + 1;
        --scope.single_pages;  // The first page is part of the range.
      }
      scope.last_page = step.extent->last_offset / scope.step;
    }
    if (scope.step != 0) {
      const std::uint64_t page = pending.request.offset / scope.step;
      if (moved(scope, page, step)) {
        if (scope.read_now && !step.if_moved.empty()) {
          if (!scope.error) scope.error = read.failure = std::move(step.if_moved);
          give_up_rest(scope);
        }
        scope.current = {};
        scope.edges.clear();
        ++scope.listing;
      }
      scope.read_now = true;
      scope.total = step.total;
      scope.current.insert(page);
      if (step.edges) scope.edges[page] = *step.edges;
      read.place = {true, page, scope.step, scope.last_page, scope.total, scope.listing};
    }
  }
  for (Request& request : step.next) enter(std::move(request), number);
  line_up(number);
  settle(number);
  Scope& scope = scopes_[number];
  if (scope.closed) scope.edges.clear();
  read.head = scope.head;
  if (step.notice.empty() || scope.noticed) return read;
  scope.noticed = true;
  read.notice = std::move(step.notice);
  return read;
}

void ScopeBook::page_failed(const PendingRequest& pending, const pipeline::Error& error) {
  const std::lock_guard lock(mutex_);
  Scope& scope = scopes_[pending.scope];
  --scope.outstanding;
  --outstanding_;
  if (begin_anew(pending.scope, pending, error)) return;
  ++scope.failed_pages;
  if (!scope.error) scope.error = error.message;
  const bool nothing_read = scope.pages_read == 0;
  if (nothing_read || scope.failed_pages >= kMaxFailedPages) give_up_rest(scope);
  settle(pending.scope);
}

void ScopeBook::give_up_rest(Scope& scope) {
  scope.queued.clear();
  scope.reread.clear();
  scope.next_page = scope.last_page + 1;
}

/// A chain whose cursor of the run before is refused is read from its beginning.
bool ScopeBook::begin_anew(std::uint32_t number, const PendingRequest& pending, const pipeline::Error& error) {
  if (!pending.from_journal || stopped_) return false;
  switch (error.kind) {
    case pipeline::ErrorKind::kNotFound:
    case pipeline::ErrorKind::kRejected:
    case pipeline::ErrorKind::kMalformed:
      break;
    case pipeline::ErrorKind::kConfig:
    case pipeline::ErrorKind::kLimit:
    case pipeline::ErrorKind::kAuth:
    case pipeline::ErrorKind::kRateLimited:
    case pipeline::ErrorKind::kTransport:
    case pipeline::ErrorKind::kStopped:
    case pipeline::ErrorKind::kInternal:
      return false;
  }
  Scope& scope = scopes_[number];
  scope.queued.clear();
  scope.single_pages = scope.pages_read;
  queue(number, scope.head, false);
  return true;
}

void ScopeBook::settle(std::uint32_t number) {
  Scope& scope = scopes_[number];
  if (scope.outstanding != 0 || scope.closed || scope.error || stopped_ || has_next(scope)) return;
  // A chain cannot be read again from its middle, and its token keeps it consistent at the server.
  const bool ranged = scope.step != 0;
  if (!ranged || scope.current.covers(scope.last_page)) {
    scope.closed = true;
    ++closed_;
    return;
  }
  if (++scope.rounds > kMaxRounds) {
    scope.error = fmt::format("the listing changed while it was read, in each of {} rounds", kMaxRounds + 1);
    return;
  }
  for (std::uint64_t page = 0; page <= scope.last_page; ++page) {
    if (!scope.current.contains(page)) scope.reread.push_back(page);
  }
  line_up(number);
}

void ScopeBook::stop(const pipeline::Error& reason) {
  const std::lock_guard lock(mutex_);
  if (!stopped_) stopped_ = reason.message;
}

bool ScopeBook::idle() const {
  const std::lock_guard lock(mutex_);
  return outstanding_ == 0 && (stopped_ || turn_.empty());
}

bool ScopeBook::complete() const {
  const std::lock_guard lock(mutex_);
  return closed_ == scopes_.size();
}

std::string ScopeBook::partition(std::uint32_t scope) const {
  const std::lock_guard lock(mutex_);
  return scopes_.at(scope).spec->partition;
}

ScopeRef ScopeBook::spec(std::uint32_t scope) const {
  const std::lock_guard lock(mutex_);
  return scopes_.at(scope).spec;
}

std::uint64_t ScopeBook::pages_expected(const Scope& scope) noexcept {
  return (scope.step != 0 ? scope.last_page + 1 : 0) + scope.single_pages;
}

ScopeBook::Totals ScopeBook::totals() const {
  const std::lock_guard lock(mutex_);
  Totals totals;
  totals.scopes_known = scopes_.size();
  totals.scopes_closed = closed_;
  for (const Scope& scope : scopes_) totals.pages_known += pages_expected(scope);
  totals.pages_read = pages_read_;
  totals.outstanding = outstanding_;
  return totals;
}

std::vector<ScopeBook::ScopeState> ScopeBook::states() const {
  const std::lock_guard lock(mutex_);
  std::vector<ScopeState> states;
  states.reserve(scopes_.size());
  for (const Scope& scope : scopes_) {
    ScopeState state{scope.spec, scope.closed, pages_expected(scope), scope.pages_read, {}};
    if (!scope.closed) state.error = scope.error.value_or(stopped_.value_or("not read to its end"));
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace riptide::stages
