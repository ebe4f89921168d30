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

std::pair<std::uint32_t, bool> ScopeBook::add(const ScopeSpec& spec) {
  const auto [number, is_new] = names_.add(spec);
  if (is_new) scopes_.emplace_back();
  return {number, is_new};
}

void ScopeBook::enter(Request request, std::optional<std::uint32_t> parent) {
  RIPTIDE_CHECK(request.scope != nullptr);
  // The next of a chain, else of another scope. The parent was just read: it is open.
  if (parent && request.scope == reading_of(*parent).head.scope) return queue(*parent, std::move(request), false);
  if (parent) scopes_[*parent].brings_scopes = true;
  const auto [number, is_new] = add(*request.scope);
  if (!is_new) return;  // A listing that is read again names scopes that are known.
  Scope& scope = scopes_[number];
  scope.first = std::make_unique<const Request>(std::move(request));
  recount(scope);
  line_up(number);
}

/// Of a scope that is open, from its first request on.
ScopeBook::Reading& ScopeBook::reading_of(std::uint32_t number) {
  const Scope& scope = scopes_[number];
  RIPTIDE_CHECK(scope.reading != nullptr);
  return *scope.reading;
}

void ScopeBook::queue(std::uint32_t number, Request request, bool from_journal) {
  Reading& reading = reading_of(number);
  ++reading.single_pages;
  PendingRequest pending;
  pending.request = std::move(request);
  pending.scope = number;
  pending.from_journal = from_journal;
  reading.queued.push_back(std::move(pending));
  recount(scopes_[number]);
  line_up(number);
}

std::vector<std::uint32_t> ScopeBook::restore(const std::vector<ScopeEntry>& entries) {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint32_t> numbers;
  for (const ScopeEntry& entry : entries) {
    const auto [number, is_new] = add(*entry.spec);
    numbers.push_back(number);
    if (!is_new) continue;
    Scope& scope = scopes_[number];
    Request head = entry.head;
    head.scope = entry.spec;
    scope.reading = std::make_unique<Reading>(std::move(head));
    scope.reading->listing = entry.listing;
    scope.pages_read = entry.pages;
    pages_read_ += entry.pages;
    if (entry.step != 0) {
      restore_range(*scope.reading, entry);
    } else {
      scope.reading->single_pages = entry.pages;
    }
    for (const Request& request : entry.open) queue(number, request, !request.cursor.empty());
    recount(scope);
    line_up(number);
    settle(number);
  }
  return numbers;
}

void ScopeBook::restore_range(Reading& scope, const ScopeEntry& entry) {
  scope.step = entry.step;
  scope.last_page = entry.last_page;
  scope.total = entry.total;
  std::list<std::uint64_t> missing;
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

bool ScopeBook::Reading::has_next() const noexcept {
  return !queued.empty() || !reread.empty() || (step != 0 && next_page <= last_page);
}

std::uint64_t ScopeBook::Reading::pages_expected() const noexcept {
  return (step != 0 ? last_page + 1 : 0) + single_pages;
}

bool ScopeBook::has_next(const Scope& scope) noexcept {
  return scope.first != nullptr || (scope.reading != nullptr && scope.reading->has_next());
}

void ScopeBook::recount(Scope& scope) {
  const std::uint64_t expected = scope.reading ? scope.reading->pages_expected() : 1;
  pages_known_ += expected - scope.pages_expected;  // May wrap on the way: the sum does not.
  scope.pages_expected = expected;
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

std::optional<std::uint32_t> ScopeBook::whose_turn() {
  while (true) {
    if (turn_.size() < kManyWaiting && !held_.empty()) {
      turn_.push_back(held_.front());
      held_.pop_front();
    }
    if (turn_.empty()) return std::nullopt;
    const std::uint32_t number = turn_.front();
    turn_.pop_front();
    Scope& scope = scopes_[number];
    if (scope.brings_scopes && turn_.size() >= kManyWaiting && has_next(scope)) {
      held_.push_back(number);
      continue;
    }
    scope.waiting = false;
    if (has_next(scope)) return number;  // Else it failed, and gave up what it had lined up for.
  }
}

std::optional<PendingRequest> ScopeBook::next() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return std::nullopt;
  const auto number = whose_turn();
  if (!number) return std::nullopt;
  Scope& scope = scopes_[*number];
  PendingRequest pending;
  if (scope.first) {
    pending.request = *scope.first;
    scope.first.reset();
    scope.reading = std::make_unique<Reading>(pending.request);
    scope.reading->single_pages = 1;
  } else if (Reading& reading = *scope.reading; !reading.queued.empty()) {
    pending = std::move(reading.queued.front());
    reading.queued.pop_front();
  } else {
    std::uint64_t page = 0;
    if (!reading.reread.empty()) {
      page = reading.reread.front();
      reading.reread.pop_front();
    } else {
      page = reading.next_page++;
    }
    pending.request = reading.head;
    pending.request.offset = page * reading.step;
  }
  pending.scope = *number;
  ++scope.reading->outstanding;
  ++outstanding_;
  scope.begun = true;
  line_up(*number);
  return pending;
}

void ScopeBook::put_back(PendingRequest pending) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t number = pending.scope;
  Reading& reading = reading_of(number);
  --reading.outstanding;
  --outstanding_;
  if (stopped_) return settle(number);
  reading.queued.push_front(std::move(pending));
  Scope& scope = scopes_[number];
  if (scope.waiting) return;
  scope.waiting = true;
  turn_.push_front(number);
}

bool ScopeBook::moved(const Reading& scope, std::uint64_t page, const PageStep& step) {
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
  Scope& scope = scopes_[number];  // Stays where it is when others are added.
  Reading& reading = reading_of(number);
  PageRead read;
  --reading.outstanding;
  --outstanding_;
  ++scope.pages_read;
  ++pages_read_;
  const bool given_up = reading.error && !step.if_moved.empty();
  if (step.extent && step.extent->step != 0 && !given_up) {
    if (reading.step == 0) {
      reading.step = step.extent->step;
      reading.next_page = pending.request.offset / reading.step + 1;
      --reading.single_pages;  // The first page is part of the range.
    }
    reading.last_page = step.extent->last_offset / reading.step;
  }
  if (reading.step != 0) {
    const std::uint64_t page = pending.request.offset / reading.step;
    if (moved(reading, page, step)) {
      if (scope.read_now && !step.if_moved.empty()) {
        if (!reading.error) reading.error = read.failure = std::move(step.if_moved);
        give_up_rest(reading);
      }
      reading.current = {};
      reading.edges.clear();
      ++reading.listing;
    }
    scope.read_now = true;
    reading.total = step.total;
    reading.current.insert(page);
    if (step.edges) reading.edges[page] = *step.edges;
    read.place = {true, page, reading.step, reading.last_page, reading.total, reading.listing};
  }
  for (Request& request : step.next) enter(std::move(request), number);
  read.head = reading.head;
  recount(scope);
  line_up(number);
  settle(number);
  if (step.notice.empty() || scope.noticed) return read;
  scope.noticed = true;
  read.notice = std::move(step.notice);
  return read;
}

void ScopeBook::page_failed(const PendingRequest& pending, const pipeline::Error& error) {
  const std::lock_guard lock(mutex_);
  Reading& reading = reading_of(pending.scope);
  --reading.outstanding;
  --outstanding_;
  if (begin_anew(pending.scope, pending, error)) return;
  ++reading.failed_pages;
  if (!reading.error) reading.error = error.message;
  const bool nothing_read = scopes_[pending.scope].pages_read == 0;
  if (nothing_read || reading.failed_pages >= kMaxFailedPages) give_up_rest(reading);
  settle(pending.scope);
}

void ScopeBook::give_up_rest(Reading& scope) {
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
  Reading& reading = reading_of(number);
  reading.queued.clear();
  reading.single_pages = scopes_[number].pages_read;
  queue(number, reading.head, false);
  return true;
}

void ScopeBook::settle(std::uint32_t number) {
  Scope& scope = scopes_[number];
  if (scope.closed || stopped_ || scope.reading == nullptr) return;
  Reading& reading = *scope.reading;
  if (reading.outstanding != 0 || reading.error || reading.has_next()) return;
  // A chain cannot be read again from its middle, and its token keeps it consistent at the server.
  const bool ranged = reading.step != 0;
  if (!ranged || reading.current.covers(reading.last_page)) {
    scope.closed = true;
    ++closed_;
    scope.reading.reset();
    return;
  }
  if (++reading.rounds > kMaxRounds) {
    reading.error = fmt::format("the listing changed while it was read, in each of {} rounds", kMaxRounds + 1);
    return;
  }
  for (std::uint64_t page = 0; page <= reading.last_page; ++page) {
    if (!reading.current.contains(page)) reading.reread.push_back(page);
  }
  line_up(number);
}

void ScopeBook::stop(const pipeline::Error& reason) {
  const std::lock_guard lock(mutex_);
  if (!stopped_) stopped_ = reason.message;
}

bool ScopeBook::idle() const {
  const std::lock_guard lock(mutex_);
  return outstanding_ == 0 && (stopped_ || (turn_.empty() && held_.empty()));
}

bool ScopeBook::complete() const {
  const std::lock_guard lock(mutex_);
  return closed_ == scopes_.size();
}

std::string ScopeBook::partition(std::uint32_t scope) const {
  const std::lock_guard lock(mutex_);
  return std::string(names_.at(scope).partition);
}

ScopeBook::Totals ScopeBook::totals() const {
  const std::lock_guard lock(mutex_);
  Totals totals;
  totals.scopes_known = scopes_.size();
  totals.scopes_closed = closed_;
  totals.pages_known = pages_known_;
  totals.pages_read = pages_read_;
  totals.outstanding = outstanding_;
  return totals;
}

void ScopeBook::visit(const std::function<void(const ScopeState&)>& see) const {
  const std::lock_guard lock(mutex_);
  const std::string otherwise = stopped_.value_or("not read to its end");
  for (std::uint32_t number = 0; number < scopes_.size(); ++number) {
    const Scope& scope = scopes_[number];
    const ScopeIndex::Name name = names_.at(number);
    ScopeState state{number,       name.resources,       name.dependents,  name.partition,
                     scope.closed, scope.pages_expected, scope.pages_read, {}};
    if (!scope.closed) state.error = scope.reading && scope.reading->error ? *scope.reading->error : otherwise;
    see(state);
  }
}

}  // namespace riptide::stages
