#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "journal/entries.hpp"
#include "paginate/scope_index.hpp"
#include "riptide/pipeline/error.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::stages {

/// A request that was handed out for admission, and what is known of it.
struct PendingRequest {
  Request request;
  std::uint32_t scope = 0;      ///< Number of the scope in the book.
  int asked_again = 0;          ///< How often its answer came malformed before.
  std::size_t body_credit = 0;  ///< Least credit for the body, when an earlier try outgrew its own.
  std::chrono::milliseconds not_before{0};
  bool from_journal = false;  ///< A cursor that the run before was given: the server may not know it any more.
};

/// Where a page stands in its scope, by what the scope's pages have told so far.
struct PagePlace {
  bool ranged = false;  ///< The scope has an extent, and `page` counts in it.
  std::uint64_t page = 0;
  std::uint64_t step = 0;  ///< Of the extent; so are the next two.
  std::uint64_t last_page = 0;
  std::optional<std::uint64_t> total;
  std::uint32_t listing = 0;  ///< How often the listing had moved when this page was read.
};

/// Page numbers of a scope, kept as ranges: pages come nearly in order, so that there are few.
class PageNumbers {
 public:
  void insert(std::uint64_t number);
  /// Adds a range behind all that are there.
  void append(std::uint64_t first, std::uint64_t last);
  [[nodiscard]] bool contains(std::uint64_t number) const;
  /// True if every number from 0 to `last` is there.
  [[nodiscard]] bool covers(std::uint64_t last) const noexcept;

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  ///< First and last of each.
};

/// The frontier and the state of every scope: what to fetch next, fairly over the scopes, and which scopes were read to
/// their end. A scope closes when all its pages came while its listing stood still, as far as totals and the edges of
/// pages tell; pages that came before it moved are handed out again, at most `kMaxRounds` times. Pages that are not yet
/// handed out are a range, not a list; while many scopes wait, listings that bring more of them wait too; and of a
/// scope that closed nothing is kept but its name and counts. Free of TBB; any thread; one leaf lock.
class ScopeBook {
 public:
  static constexpr int kMaxRounds = 3;
  /// After this many failed pages the rest of a scope is not asked for.
  static constexpr int kMaxFailedPages = 3;
  /// While so many scopes have something to hand out, listings that brought scopes before hand out nothing.
  static constexpr std::size_t kManyWaiting = 4'096;

  /// @param at_once  So many scopes are gone on with, each in turn, before others are begun: for sources where a scope
  /// costs something while it is half read. 0: all of them.
  explicit ScopeBook(std::size_t at_once = 0) : at_once_(at_once) {}

  /// Takes over what is known of scopes from the journal of an unfinished run, before `start`: what is settled is not
  /// handed out. Pages that border on missing ones are read once more: when they have changed, the listing moved in the
  /// meantime, and its scope is read again. Returns the scopes' numbers, in order.
  std::vector<std::uint32_t> restore(const std::vector<ScopeEntry>& entries);
  /// Enters the first requests of a run. Those for scopes that are known already do nothing.
  void start(std::vector<Request> requests);

  /// Hands out the next request: each scope in turn. Nothing when there is none (now).
  std::optional<PendingRequest> next();
  /// Takes back a request that could not be admitted, or that must be asked again.
  void put_back(PendingRequest pending);

  struct PageRead {
    std::string notice;   ///< To show, once a scope; else empty.
    std::string failure;  ///< The scope stays open from here on: why; else empty.
    PagePlace place;
    Request head;  ///< What the page's scope began with.
  };
  /// A page was read: enters what it told of its scope, and takes its `next`.
  PageRead page_read(const PendingRequest& pending, PageStep& step);
  /// A page could not be read for good: its scope stays open.
  void page_failed(const PendingRequest& pending, const pipeline::Error& error);

  /// Hands out nothing more; scopes that are not read to their end stay open, for this reason.
  void stop(const pipeline::Error& reason);

  /// True when nothing is handed out and nothing waits (or the book was stopped).
  [[nodiscard]] bool idle() const;
  [[nodiscard]] bool complete() const;  ///< All scopes closed.

  [[nodiscard]] std::string partition(std::uint32_t scope) const;

  struct Totals {
    std::uint64_t scopes_known = 0;
    std::uint64_t scopes_closed = 0;
    std::uint64_t pages_known = 0;
    std::uint64_t pages_read = 0;
    std::size_t outstanding = 0;
  };
  [[nodiscard]] Totals totals() const;

  /// A scope as it stands. Borrowed from the book, for the call.
  struct ScopeState {
    std::uint32_t number = 0;
    std::span<const std::uint32_t> resources;
    std::span<const std::uint32_t> dependents;
    std::string_view partition;
    bool closed = false;
    std::uint64_t pages_expected = 0;
    std::uint64_t pages_read = 0;
    std::string_view error;
  };
  /// Shows every scope, by number. Under the book's lock: no call back.
  void visit(const std::function<void(const ScopeState&)>& see) const;

 private:
  /// Of a scope that is being read, or could not be read to its end.
  struct Reading {
    explicit Reading(Request first) : head(std::move(first)) {}
    Request head;                      ///< Template of the requests for its pages; names the scope.
    std::list<PendingRequest> queued;  ///< Single requests: the first page, chains, pages to be asked again.
    std::uint64_t step = 0;            ///< Records a page, once an extent is known.
    std::uint64_t next_page = 0;       ///< The range that is not handed out yet: next_page .. last_page.
    std::uint64_t last_page = 0;
    std::list<std::uint64_t> reread;  ///< Pages that came under another total.
    std::size_t outstanding = 0;
    PageNumbers current;                       ///< Pages that came since the listing last moved.
    std::map<std::uint64_t, PageEdges> edges;  ///< Of those.
    std::optional<std::uint64_t> total;        ///< As the latest page told.
    std::uint64_t single_pages = 0;            ///< Pages handed out that are not in a range (chains).
    std::uint32_t listing = 0;                 ///< How often it moved.
    int rounds = 0;
    int failed_pages = 0;
    std::optional<std::string> error;

    [[nodiscard]] bool has_next() const noexcept;
    [[nodiscard]] std::uint64_t pages_expected() const noexcept;
  };
  /// Tens of thousands of these are there: what only an open scope needs is in `Reading`.
  struct Scope {
    std::uint64_t pages_expected = 0;
    std::uint64_t pages_read = 0;
    std::unique_ptr<const Request> first;  ///< Before it was handed out.
    std::unique_ptr<Reading> reading;      ///< From then on, until the scope closes.
    bool closed = false;
    bool waiting = false;   ///< Stands in `turn_` or `held_`.
    bool begun = false;     ///< Something of it was handed out.
    bool read_now = false;  ///< A page of it was read in this run.
    bool noticed = false;
    bool brings_scopes = false;  ///< A listing that others hang on.
  };

  [[nodiscard]] static bool moved(const Reading& scope, std::uint64_t page, const PageStep& step);
  void enter(Request request, std::optional<std::uint32_t> parent);
  [[nodiscard]] std::pair<std::uint32_t, bool> add(const ScopeSpec& spec);
  [[nodiscard]] Reading& reading_of(std::uint32_t number);
  static void restore_range(Reading& scope, const ScopeEntry& entry);
  void queue(std::uint32_t number, Request request, bool from_journal);
  bool begin_anew(std::uint32_t number, const PendingRequest& pending, const pipeline::Error& error);
  void line_up(std::uint32_t number);
  [[nodiscard]] std::optional<std::uint32_t> whose_turn();
  void settle(std::uint32_t number);
  void recount(Scope& scope);
  [[nodiscard]] static bool has_next(const Scope& scope) noexcept;

  static void give_up_rest(Reading& scope);

  const std::size_t at_once_;
  mutable std::mutex mutex_;  ///< Guards everything below.
  ScopeIndex names_;          ///< By number, as the next.
  std::deque<Scope> scopes_;
  std::deque<std::uint32_t> turn_;  ///< Scopes with something to hand out, in turn.
  std::deque<std::uint32_t> held_;  ///< Likewise, but they bring more scopes than can wait.
  std::size_t outstanding_ = 0;
  std::uint64_t closed_ = 0;
  std::uint64_t pages_known_ = 0;
  std::uint64_t pages_read_ = 0;
  std::optional<std::string> stopped_;
};

}  // namespace riptide::stages
