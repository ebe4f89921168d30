#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "journal/coverage.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/run_report.hpp"

namespace riptide::stages {

/// Told when pages settle. Under a lock of the caller's: quick, and no call back.
class SettledPages {
 public:
  struct Seen {
    std::uint32_t resource = 0;
    std::vector<SeenEntry> entries;
  };
  struct Read {
    std::uint32_t resource = 0;
    pipeline::Tally tally;  ///< read, filtered, invalid, duplicate.
  };
  struct Sunk {
    std::uint32_t sink = 0;
    std::uint32_t resource = 0;
    pipeline::Tally tally;
    std::uint64_t bytes_out = 0;
  };
  /// What a page came to.
  struct Result {
    std::vector<Seen> seen;  ///< What was not told by `delivered`.
    std::vector<Read> read;
    std::vector<Sunk> sunk;
  };

  virtual ~SettledPages() = default;
  /// Entities of a page are at every sink. Its others may still be on their way. False: it was not noted, and the page
  /// will not count as settled.
  virtual bool delivered(const ReadPageFacts& page, std::uint32_t resource, const std::vector<SeenEntry>& entries) = 0;
  /// All entities of a page have a final outcome at every sink. False: it was not noted, and counts as not settled.
  virtual bool confirmed(const ReadPageFacts& page, const Result& result) = 0;
  /// The page need not be read again: it is confirmed, and so is whatever its repeats were first read on.
  virtual void covered(const ReadPageFacts& page) = 0;
};

/// What a batch's outcomes mean for the pages that its entities came from.
struct BatchSettlement {
  struct Part {
    std::uint32_t ticket = 0;
    std::uint32_t resource = 0;
    std::uint32_t entities = 0;
    bool abandoned = false;  ///< One of them is not settled, and will not be in this run.
    std::vector<SeenEntry> delivered;
    std::vector<SeenEntry> rejected;
    pipeline::Tally tally;
    std::uint64_t bytes_out = 0;
  };
  std::uint32_t sink = 0;
  std::vector<Part> parts;
};
BatchSettlement settlement_of(const pipeline::EntityBuffer& batch, const std::vector<pipeline::Outcome>& outcomes,
                              std::uint32_t sink);
/// Of entities of `buffer` that need not be sent.
BatchSettlement settlement_of_unchanged(const pipeline::EntityBuffer& buffer,
                                        const std::vector<pipeline::Entity>& entities, std::uint32_t sink);
/// Of a batch whose entities were all given up.
BatchSettlement abandonment_of(const pipeline::EntityBuffer& batch, std::uint32_t sink);

/// The pages that were read and whose entities are on their way: a ticket each, which its entities carry. A page is
/// settled when all its entities have a final outcome at every sink, or none came of it. As many tickets exist as pages
/// whose entities hold memory. Any thread; a leaf lock but for `SettledPages`.
class PageTickets {
 public:
  /// `settled` is borrowed, and may be null.
  PageTickets(std::size_t sinks, SettledPages* settled) : sinks_(sinks), settled_(settled) {}
  PageTickets(const PageTickets&) = delete;
  PageTickets& operator=(const PageTickets&) = delete;

  /// Whether `Mapped::seen` is wanted.
  [[nodiscard]] bool wants_seen() const noexcept { return settled_ != nullptr && sinks_ > 1; }

  /// Gives a page its ticket (never 0). `mapped` must follow.
  [[nodiscard]] std::uint32_t open(ReadPageFacts page);

  /// What mapping a page came to.
  struct Mapped {
    std::vector<SettledPages::Seen> seen;  ///< With several sinks: nobody but the page knows when all have an entity.
    std::vector<SettledPages::Read> read;
    std::size_t entities = 0;  ///< Which will have an outcome at each sink.
    bool repeats = false;      ///< Some went no further, because another page had them first.
    bool spoiled = false;      ///< Not settled, whatever becomes of its entities: an identity could not be computed.
  };
  /// Before the page's first entity can have an outcome.
  void mapped(std::uint32_t ticket, Mapped mapped);

  /// Enters outcomes. Entities without a ticket (0) are left out.
  void settled(const BatchSettlement& settlement);

  /// Adds an identity that only the target could tell. Before the entity's outcome is entered.
  void found(std::uint32_t ticket, std::uint32_t resource, const SeenEntry& entry);
  /// The page will not count as settled. Before the entity's outcome is entered.
  void spoil(std::uint32_t ticket);

  /// What was asked to get the page of a ticket; for an entity on its way.
  [[nodiscard]] Request request_of(std::uint32_t ticket) const;

 private:
  struct Ticket {
    ReadPageFacts page;
    SettledPages::Result result;
    std::uint64_t number = 0;  ///< In the order in which pages were read.
    std::size_t awaited = 0;   ///< Outcomes.
    bool repeats = false;
    bool spoiled = false;
  };
  struct Waiting {
    std::uint64_t for_all_up_to = 0;  ///< Pages with these numbers.
    ReadPageFacts page;
  };
  struct OpenPages {
    std::set<std::uint64_t> unconfirmed;  ///< Numbers of pages.
    std::vector<Waiting> waiting;
  };

  void finish(std::uint32_t ticket);
  void let_go_of_waiting(OpenPages& scope);

  const std::size_t sinks_;
  SettledPages* const settled_;
  mutable std::mutex mutex_;  ///< Guards all below.
  std::deque<Ticket> tickets_;
  std::vector<std::uint32_t> free_;
  std::map<std::uint32_t, OpenPages> scopes_;  ///< By number in the book; only those with open pages.
  std::uint64_t next_number_ = 0;
};

}  // namespace riptide::stages
