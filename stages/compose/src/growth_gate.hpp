#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "riptide/pipeline/credits.hpp"

namespace riptide {

/// Keeps stages that make more of what comes from filling the memory: while the pool is overdrawn, nothing more grows,
/// but for one thing when nobody else holds anything. At most `at_once` grow together, so that the pool is overdrawn by
/// what so many make. Never waits. Free of TBB; any thread.
class GrowthGate {
 public:
  /// `starved` is called when something has to wait: whoever holds partial batches should let them go.
  GrowthGate(pipeline::CreditPool& pool, std::size_t at_once, std::function<void()> starved)
      : pool_(pool), at_once_(at_once), starved_(std::move(starved)) {}

  /// Calls `go` when there is room: here, or on a thread that gave something back. `held` is the credit of what waits.
  void pass(std::size_t held, std::function<void()> go) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back({held, std::move(go)});
      held_ += held;
    }
    open();
  }
  /// What went through has grown.
  void grown() {
    {
      const std::lock_guard lock(mutex_);
      --growing_;
    }
    open();
  }

  /// Lets through what there is room for: when credit came home.
  void open() {
    std::vector<std::function<void()>> through;
    bool starving = false;
    {
      const std::lock_guard lock(mutex_);
      while (!waiting_.empty() && growing_ < at_once_) {
        const std::size_t taken = pool_.taken();
        if (taken > pool_.capacity() && (growing_ != 0 || taken > held_)) break;
        ++growing_;
        held_ -= waiting_.front().held;
        through.push_back(std::move(waiting_.front().go));
        waiting_.pop_front();
      }
      starving = !waiting_.empty() && growing_ == 0;
    }
    for (auto& go : through) go();
    if (starving) starved_();
  }

 private:
  struct Waiting {
    std::size_t held;
    std::function<void()> go;
  };

  pipeline::CreditPool& pool_;
  const std::size_t at_once_;
  const std::function<void()> starved_;
  std::mutex mutex_;  ///< Guards what follows.
  std::deque<Waiting> waiting_;
  std::size_t held_ = 0;
  std::size_t growing_ = 0;
};

}  // namespace riptide
