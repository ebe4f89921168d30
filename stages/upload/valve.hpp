#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "riptide/pipeline/credits.hpp"
#include "riptide/pipeline/graph.hpp"

namespace riptide::stages {

/// Lets messages pass when a pool has credit for them, in order: what makes a fast source wait for a slow sink without
/// blocking a worker. `Message` has a member `pipeline::Credit credit`, which carries the credit on.
/// The body of a `Graph::async` node. Free of TBB; any thread.
template <class Message>
class Valve {
 public:
  /// `starved` is called when a message has to wait: whoever holds partial batches should let them go.
  Valve(pipeline::CreditPool& pool, std::function<void()> starved) : pool_(pool), starved_(std::move(starved)) {
    pool_.on_release([this] { open(); });
  }
  using Pass = std::function<void(std::shared_ptr<Message>, const pipeline::Completion<Message>&)>;
  /// The same; `pass` lets a message through, and whoever made the valve calls `open` when credit came home.
  Valve(pipeline::CreditPool& pool, std::function<void()> starved, Pass pass)
      : pool_(pool), starved_(std::move(starved)), pass_(std::move(pass)) {}

  /// Passes `message` on as soon as `amount` is free, at most the whole pool.
  void pass(std::shared_ptr<Message> message, std::size_t amount, pipeline::Completion<Message> completion) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back({std::move(message), amount, std::move(completion)});
    }
    open();
  }

  /// Lets pass what there is credit for.
  void open() {
    std::vector<Waiting> through;
    bool starving = false;
    {
      const std::lock_guard lock(mutex_);
      while (!waiting_.empty()) {
        auto credit = pool_.try_take(waiting_.front().amount);
        if (!credit) break;
        waiting_.front().message->credit = std::move(*credit);
        through.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
      starving = !waiting_.empty();
    }
    for (Waiting& passed : through) {
      if (pass_) {
        pass_(std::move(passed.message), passed.completion);
      } else {
        passed.completion.emit(std::move(passed.message));
      }
    }
    if (starving) starved_();
  }

 private:
  struct Waiting {
    std::shared_ptr<Message> message;
    std::size_t amount;
    pipeline::Completion<Message> completion;
  };

  pipeline::CreditPool& pool_;
  const std::function<void()> starved_;
  const Pass pass_;
  std::mutex mutex_;  ///< Guards waiting_.
  std::deque<Waiting> waiting_;
};

}  // namespace riptide::stages
