#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "flow_context.hpp"
#include "outlet.hpp"
#include "riptide/pipeline/graph.hpp"

namespace riptide::stages {

/// Stages that run one behind the other in one body of the graph, since handing a page over costs more than a small
/// stage does: each keeps counts of its own. The last one may be a route.
/// @tparam Message  ReadPage or MappedBlock.
template <class Message>
class StageChain {
 public:
  StageChain(FlowContext& context, std::vector<std::size_t> nodes);

  /// The outlet of an output of the last node.
  [[nodiscard]] Outlet<Message>& outlet(std::size_t output) { return outlets_[output]; }
  [[nodiscard]] const std::vector<std::size_t>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] bool expands() const noexcept { return expands_; }

  /// @param put  put(channel, message)
  template <class Put>
  void run(std::shared_ptr<Message> message, const Put& put) {
    auto workspace = context_.workspaces.borrow();
    workspace->clear();
    load(context_, *message, *workspace);
    run_stages(*workspace, *message);
    if (route_ == nullptr) {
      outlets_.front().give(store(context_, std::move(message), workspace->live), put);
    } else {
      choose(*workspace, *message);
      give_parts(*workspace, std::move(message), put);
    }
    workspace->clear();
  }

 private:
  void run_stages(Workspace& workspace, const Message& message);
  void run_stage(std::size_t node, Workspace& workspace, const Message& message);
  void filter(std::size_t node, Workspace& workspace, const Message& message);
  void edit(std::size_t node, Workspace& workspace, const Message& message);
  void expand(std::size_t node, Workspace& workspace, const Message& message);
  void choose(Workspace& workspace, const Message& message);

  template <class Put>
  void give_parts(Workspace& workspace, std::shared_ptr<Message> message, const Put& put) {
    std::size_t parts = 0;
    for (const auto& items : workspace.chosen) parts += items.empty() ? 0 : 1;
    for (std::size_t output = 0; output < outlets_.size(); ++output) {
      const auto& items = workspace.chosen[output];
      if (items.empty()) continue;
      if (parts == 1) return outlets_[output].give(store(context_, std::move(message), items), put);
      outlets_[output].give(store_part(context_, *message, items, parts), put);
    }
  }

  FlowContext& context_;
  const std::vector<std::size_t> nodes_;
  const NodeSpec* route_ = nullptr;
  bool expands_ = false;
  std::deque<Outlet<Message>> outlets_;
};

/// Runs a body that makes items of items: what it gives is taken back if it fails.
class Making {
 public:
  Making(FlowContext& context, Workspace& workspace, std::function<Result<void>(detail::ItemState&)> check)
      : context_(context), workspace_(workspace), check_(std::move(check)) {}

  struct Made {
    bool passed = false;   ///< The item itself went on.
    std::size_t made = 0;  ///< Items beside it.
  };
  /// Calls `body` for an item; `item` null: for none. What it gives goes behind `workspace.next`.
  Result<Made> call(detail::ItemState* item, const detail::Provenance& from,
                    const std::function<Result<void>(Emit&)>& body);

 private:
  FlowContext& context_;
  Workspace& workspace_;
  const std::function<Result<void>(detail::ItemState&)> check_;
};

/// A stage with a state: one message at a time, and calls between them.
template <class Message>
class StatefulStage {
 public:
  StatefulStage(FlowContext& context, std::size_t node);

  [[nodiscard]] Outlet<Message>& outlet() noexcept { return outlet_; }

  template <class Put>
  void run(std::shared_ptr<Message> message, const Put& put) {
    auto workspace = context_.workspaces.borrow();
    workspace->clear();
    process(*workspace, *message);
    message->call = Call::kNone;  // What was made in a call is items like others.
    outlet_.give(store(context_, std::move(message), workspace->live), put);
    workspace->clear();
  }

 private:
  void process(Workspace& workspace, Message& message);
  void call_between(Workspace& workspace, Message& message);

  FlowContext& context_;
  const std::size_t node_;
  const detail::StatefulBody& body_;
  Outlet<Message> outlet_;
  // Of the last message: where what is made between messages comes from. Touched by one body at a time.
  detail::Provenance last_;
  ScopeRef last_scope_;
  std::uint32_t last_source_ = 0;
};

/// A stage whose bodies answer later.
template <class Message>
class AsyncStage {
 public:
  using Completion = pipeline::Completion<Message>;
  AsyncStage(FlowContext& context, std::size_t node);
  ~AsyncStage();

  [[nodiscard]] Outlet<Message>& outlet() noexcept { return outlet_; }
  void add(std::shared_ptr<Message> message, Completion completion);

 private:
  class Block;
  void start_some();
  void finish(Block& block);

  FlowContext& context_;
  const std::size_t node_;
  const std::size_t limit_;
  Outlet<Message> outlet_;
  std::mutex mutex_;                                                    ///< Guards what follows.
  std::deque<std::pair<std::shared_ptr<Block>, std::size_t>> waiting_;  ///< A block, and its first item to be started.
  std::size_t in_flight_ = 0;
  bool starting_ = false;
};

}  // namespace riptide::stages
