#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "flow_counts.hpp"
#include "resync/src/messages.hpp"
#include "riptide/pipeline/credits.hpp"

namespace riptide::stages {

inline std::size_t items_of(const ReadPage& page) noexcept { return page.records.spans.size(); }
inline std::size_t items_of(const MappedBlock& block) noexcept { return block.entities.entities.size(); }
std::size_t bytes_of(const ReadPage& page) noexcept;
std::size_t bytes_of(const MappedBlock& block) noexcept;

/// Copies for one of several takers: a page shares its bytes, a block has its own. `credit` is for the copy.
std::shared_ptr<ReadPage> copy_of(const ReadPage& page, pipeline::Credit credit);
std::shared_ptr<MappedBlock> copy_of(const MappedBlock& block, pipeline::Credit credit);
std::size_t credit_of_copy(const ReadPage& page, std::size_t takers) noexcept;
std::size_t credit_of_copy(const MappedBlock& block, std::size_t takers) noexcept;
/// Lets several copies hold what the page holds.
void share(ReadPage& page);
inline void share(MappedBlock&) noexcept {}

/// One output of a node: gives each message to all that take from it. Sinks may see the same block, since they leave it
/// as it is; each of the others gets a message of its own. Built on one thread, then used by any.
template <class Message>
class Outlet {
 public:
  struct Taker {
    std::size_t channel = 0;
    bool shares = false;                   ///< Leaves messages as they are.
    std::function<void(Message&)> arrive;  ///< Called before a message of its own is put; may be null.
    EdgeCounts* edge = nullptr;
  };

  /// `hear` sees each message where somebody has tapped the node.
  void begin(pipeline::CreditPool& pool, Tap& tap, std::function<void(const Message&)> hear) {
    pool_ = &pool;
    tap_ = &tap;
    hear_ = std::move(hear);
  }
  void add(Taker taker) { takers_.push_back(std::move(taker)); }
  [[nodiscard]] bool empty() const noexcept { return takers_.empty(); }

  /// @param put  put(channel, message)
  template <class Put>
  void give(std::shared_ptr<Message> message, const Put& put) const {
    if (items_of(*message) == 0) return;
    if (tap_->open()) hear_(*message);
    for (const Taker& taker : takers_) {
      taker.edge->items.fetch_add(items_of(*message), std::memory_order_relaxed);
      taker.edge->bytes.fetch_add(bytes_of(*message), std::memory_order_relaxed);
    }
    if (takers_.size() == 1) return put_own(takers_.front(), std::move(message), put);
    std::vector<std::pair<const Taker*, std::shared_ptr<Message>>> all;
    share(*message);
    // The first copies are made before anybody can have the original.
    const Taker* last = nullptr;
    for (const Taker& taker : takers_) {
      if (taker.shares) last = &taker;
    }
    const bool shared = last != nullptr;
    if (last == nullptr) last = &takers_.back();
    for (const Taker& taker : takers_) {
      if (shared ? taker.shares : &taker == last) continue;
      all.emplace_back(&taker, copy_of(*message, pool_->take(credit_of_copy(*message, takers_.size()))));
    }
    for (auto& [taker, copy] : all) put_own(*taker, std::move(copy), put);
    if (!shared) return put_own(*last, std::move(message), put);
    for (const Taker& taker : takers_) {
      if (taker.shares && &taker != last) put(taker.channel, message);
    }
    put(last->channel, std::move(message));
  }

 private:
  template <class Put>
  static void put_own(const Taker& taker, std::shared_ptr<Message> message, const Put& put) {
    if (taker.arrive) {
      taker.arrive(*message);
      if (items_of(*message) == 0) return;
    }
    put(taker.channel, std::move(message));
  }

  pipeline::CreditPool* pool_ = nullptr;
  Tap* tap_ = nullptr;
  std::function<void(const Message&)> hear_;
  std::vector<Taker> takers_;
};

}  // namespace riptide::stages
