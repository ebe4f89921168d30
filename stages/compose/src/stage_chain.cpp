#include "stage_chain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace riptide::stages {
namespace {

using detail::ItemState;

/// Adds the time of a body to its node.
class Clocked {
 public:
  explicit Clocked(NodeCounts& counts) : counts_(counts) {}
  ~Clocked() {
    const auto spent = std::chrono::steady_clock::now() - begin_;
    counts_.busy_nanoseconds.fetch_add(
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count()),
        std::memory_order_relaxed);
  }
  Clocked(const Clocked&) = delete;
  Clocked& operator=(const Clocked&) = delete;

 private:
  NodeCounts& counts_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

void came(NodeCounts& counts, std::size_t items) {
  counts.messages_in.fetch_add(1, std::memory_order_relaxed);
  counts.in.fetch_add(items, std::memory_order_relaxed);
}

void left(NodeCounts& counts, std::size_t items) {
  counts.out.fetch_add(items, std::memory_order_relaxed);
  if (items != 0) counts.messages_out.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

template <class Message>
StageChain<Message>::StageChain(FlowContext& context, std::vector<std::size_t> nodes)
    : context_(context), nodes_(std::move(nodes)) {
  const NodeSpec& last = context_.graph[nodes_.back()];
  if (last.type == NodeSpec::Type::kRoute) route_ = &last;
  for (const std::size_t node : nodes_) {
    expands_ = expands_ || context_.graph[node].type == NodeSpec::Type::kExpand;
  }
  for (std::size_t output = 0; output < last.num_outputs(); ++output) {
    const std::size_t node = nodes_.back();
    const std::string name = route_ != nullptr ? last.outputs[output] : std::string();
    outlets_.emplace_back().begin(context_.state.batch_bytes, context_.counts.node(node).tap,
                                  [this, node, name](const Message& message) { hear(context_, node, name, message); });
  }
}

template <class Message>
void StageChain<Message>::run_stages(Workspace& workspace, const Message& message) {
  for (const std::size_t node : nodes_) {
    if (workspace.live.empty()) return;
    if (&context_.graph[node] == route_) return;
    NodeCounts& counts = context_.counts.node(node);
    const Clocked clocked(counts);
    came(counts, workspace.live.size());
    run_stage(node, workspace, message);
    left(counts, workspace.live.size());
    // Between two stages of the chain nobody else takes the items.
    if (node == nodes_.back()) continue;
    const std::size_t next = *(std::find(nodes_.begin(), nodes_.end(), node) + 1);
    EdgeCounts& edge = context_.counts.edge(node, 0, next);
    edge.items.fetch_add(workspace.live.size(), std::memory_order_relaxed);
    std::size_t bytes = 0;
    for (const ItemState* item : workspace.live) bytes += item->size();
    edge.bytes.fetch_add(bytes, std::memory_order_relaxed);
    Tap& tap = counts.tap;
    for (const ItemState* item : workspace.live) {
      if (!tap.open()) break;
      tap.hear({context_.graph[node].name, "", context_.state.kind_of(item->from.resource), item->json()});
    }
  }
}

template <class Message>
void StageChain<Message>::run_stage(std::size_t node, Workspace& workspace, const Message& message) {
  switch (context_.graph[node].type) {
    case NodeSpec::Type::kFilter:
      return filter(node, workspace, message);
    case NodeSpec::Type::kEdit:
      return edit(node, workspace, message);
    case NodeSpec::Type::kExpand:
      return expand(node, workspace, message);
    case NodeSpec::Type::kSource:
    case NodeSpec::Type::kAsync:
    case NodeSpec::Type::kStateful:
    case NodeSpec::Type::kRoute:
    case NodeSpec::Type::kMapping:
    case NodeSpec::Type::kEntities:
    case NodeSpec::Type::kSink:
      break;  // Not in a chain, or no body of one.
  }
}

template <class Message>
void StageChain<Message>::filter(std::size_t node, Workspace& workspace, const Message& message) {
  const detail::FilterBody& body = context_.graph[node].filter;
  std::erase_if(workspace.live, [&](ItemState* item) {
    const auto kept = shielded([&] { return body(Item(item)); });
    if (kept && *kept) return false;
    if (kept) {
      context_.filtered(node, *item, scope_of(message));
    } else {
      context_.failed(node, *item, scope_of(message), kept.error());
    }
    return true;
  });
}

template <class Message>
void StageChain<Message>::edit(std::size_t node, Workspace& workspace, const Message& message) {
  const detail::EditBody& body = context_.graph[node].edit;
  std::erase_if(workspace.live, [&](ItemState* item) {
    auto done = shielded([&] { return body(Item(item)); });
    if (done) done = check_edit(context_, *item, message);
    if (!done) context_.failed(node, *item, scope_of(message), done.error());
    return !done;
  });
}

template <class Message>
void StageChain<Message>::expand(std::size_t node, Workspace& workspace, const Message& message) {
  const detail::ExpandBody& body = context_.graph[node].expand;
  Making making(context_, workspace, [&](ItemState& item) { return check_edit(context_, item, message); });
  workspace.next.clear();
  for (ItemState* item : workspace.live) {
    auto made = making.call(item, item->from, [&](Emit& emit) { return body(Item(item), emit); });
    if (!made) {
      context_.failed(node, *item, scope_of(message), made.error());
      continue;
    }
    if (!made->passed) context_.filtered(node, *item, scope_of(message));
    context_.counts.node(node).made.fetch_add(made->made, std::memory_order_relaxed);
  }
  workspace.live.swap(workspace.next);
}

template <class Message>
void StageChain<Message>::choose(Workspace& workspace, const Message& message) {
  auto& items = workspace.chosen;
  items.resize(outlets_.size());
  for (auto& of_output : items) of_output.clear();
  if (workspace.live.empty()) return;
  const std::size_t node = nodes_.back();
  NodeCounts& counts = context_.counts.node(node);
  const Clocked clocked(counts);
  came(counts, workspace.live.size());
  for (ItemState* item : workspace.live) {
    auto named = shielded([&] { return route_->choose(Item(item)); });
    if (!named) {
      context_.failed(node, *item, scope_of(message), named.error());
      continue;
    }
    std::optional<std::size_t> output = route_->otherwise;
    for (std::size_t i = 0; i < route_->outputs.size(); ++i) {
      if (route_->outputs[i] == *named && i != route_->otherwise) output = i;
    }
    if (output) {
      items[*output].push_back(item);
    } else {
      context_.filtered(node, *item, scope_of(message));
    }
  }
  for (const auto& of_output : items) left(counts, of_output.size());
}

Result<Making::Made> Making::call(ItemState* item, const detail::Provenance& from,
                                  const std::function<Result<void>(Emit&)>& body) {
  Made made;
  const std::size_t before = workspace_.next.size();
  detail::Emitting emitting;
  const auto add = [&](ItemState& one) -> Result<void> {
    if (auto checked = check_(one); !checked) return checked;
    workspace_.next.push_back(&one);
    return {};
  };
  Result<void> refused;
  emitting.pass = [&](const Item& passed) {
    if (passed.state() == item && item != nullptr && !made.passed) {
      made.passed = true;
      workspace_.next.push_back(item);
      return;
    }
    ItemState& copy = workspace_.take();
    copy.copy(*passed.state());
    if (auto added = add(copy); !added) {
      refused = std::move(added);
      return;
    }
    ++made.made;
  };
  emitting.make = [&](std::string_view json) -> Result<void> {
    ItemState& one = workspace_.take();
    if (auto good = one.make(context_.around, from, json); !good) return good;
    if (auto added = add(one); !added) return added;
    ++made.made;
    return {};
  };
  Emit emit(emitting);
  auto done = shielded([&] { return body(emit); });
  // The item itself may have been edited on its way.
  if (done && !refused) done = std::move(refused);
  if (done && made.passed) done = check_(*item);
  if (done) return made;
  workspace_.next.resize(before);
  return pipeline::unexpected(std::move(done).error());
}

template <class Message>
StatefulStage<Message>::StatefulStage(FlowContext& context, std::size_t node)
    : context_(context), node_(node), body_(context.graph[node].stateful) {
  outlet_.begin(context_.state.batch_bytes, context_.counts.node(node).tap,
                [this](const Message& message) { hear(context_, node_, "", message); });
  // Before anything came: the first that could.
  for (std::size_t i = 0; i < context.resources.size(); ++i) {
    const auto resource = static_cast<std::uint32_t>(i);
    const std::size_t from = context.resources.at(resource).mapping;
    const bool reaches = from != SIZE_MAX ? context.ways.leads(from, node)
                                          : context.ways.leads(context.resources.at(resource).source, node);
    if (!reaches) continue;
    last_.resource = resource;
    break;
  }
  auto scope = std::make_shared<ScopeSpec>();
  scope->resources.push_back(last_.resource);
  last_scope_ = std::move(scope);
}

namespace {

void take_place(ReadPage& message, const detail::Provenance& last, const ScopeRef& scope, std::uint32_t source,
                FlowContext& context) {
  message.scope = last.scope;
  message.spec = scope;
  message.source = source;
  message.credit = context.state.batch_bytes.take(0);
}
void take_place(MappedBlock&, const detail::Provenance&, const ScopeRef&, std::uint32_t, FlowContext&) {}

void note_place(const ReadPage& message, ScopeRef& scope, std::uint32_t& source) {
  scope = message.spec;
  source = message.source;
}
void note_place(const MappedBlock&, ScopeRef&, std::uint32_t&) {}

}  // namespace

template <class Message>
void StatefulStage<Message>::process(Workspace& workspace, Message& message) {
  NodeCounts& counts = context_.counts.node(node_);
  const Clocked clocked(counts);
  if (message.call != Call::kNone) return call_between(workspace, message);
  load(context_, message, workspace);
  if (workspace.live.empty()) return;
  came(counts, workspace.live.size());
  last_ = workspace.live.back()->from;
  last_.page = 0;
  note_place(message, last_scope_, last_source_);
  Making making(context_, workspace, [&](ItemState& item) { return check_edit(context_, item, message); });
  for (ItemState* item : workspace.live) {
    auto made = making.call(item, item->from, [&](Emit& emit) { return body_.process(Item(item), emit); });
    if (!made) {
      context_.failed(node_, *item, scope_of(message), made.error());
      continue;
    }
    if (!made->passed) context_.filtered(node_, *item, scope_of(message));
    counts.made.fetch_add(made->made, std::memory_order_relaxed);
  }
  workspace.live.swap(workspace.next);
  left(counts, workspace.live.size());
}

/// A tick, or the end.
template <class Message>
void StatefulStage<Message>::call_between(Workspace& workspace, Message& message) {
  NodeCounts& counts = context_.counts.node(node_);
  take_place(message, last_, last_scope_, last_source_, context_);
  Making making(context_, workspace, [&](ItemState& item) { return check_edit(context_, item, message); });
  const auto& body = message.call == Call::kTick ? body_.tick : body_.finish;
  auto made = making.call(nullptr, last_, body);
  if (!made) {
    context_.state.errors.add(
        {context_.state.kind_of(last_.resource), {}, {}, context_.graph[node_].name, made.error().message, 1});
    counts.failed_calls.fetch_add(1, std::memory_order_relaxed);  // Nobody knows how many items that were.
    return;
  }
  counts.made.fetch_add(made->made, std::memory_order_relaxed);
  workspace.live.swap(workspace.next);
  left(counts, workspace.live.size());
}

/// A message whose items wait for their answers.
template <class Message>
class AsyncStage<Message>::Block final : public detail::Asked, public std::enable_shared_from_this<Block> {
 public:
  Block(AsyncStage& owner, std::shared_ptr<Message> what, Completion how)
      : stage(owner), message(std::move(what)), completion(std::move(how)) {
    load(stage.context_, *message, workspace);
    answers.resize(workspace.live.size(), Answer::kDropped);
    errors.resize(workspace.live.size());
    left = workspace.live.size();
  }

  void answered(std::size_t number, Answer answer, Error error) override {
    answers[number] = answer;
    errors[number] = std::move(error);
    AsyncStage& owner = stage;
    {
      const std::lock_guard lock(owner.mutex_);
      --owner.in_flight_;
    }
    owner.start_some();
    // Last: while this item counts, the graph waits, and everything stands.
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) owner.finish(*this);
  }

  AsyncStage& stage;
  std::shared_ptr<Message> message;
  Completion completion;
  Workspace workspace;
  std::vector<Answer> answers;
  std::vector<Error> errors;
  std::atomic<std::size_t> left{0};
};

template <class Message>
AsyncStage<Message>::AsyncStage(FlowContext& context, std::size_t node)
    : context_(context), node_(node), limit_(std::max<std::size_t>(1, context.graph[node].options.in_flight)) {
  outlet_.begin(context_.state.batch_bytes, context_.counts.node(node).tap,
                [this](const Message& message) { hear(context_, node_, "", message); });
}

template <class Message>
AsyncStage<Message>::~AsyncStage() = default;

template <class Message>
void AsyncStage<Message>::add(std::shared_ptr<Message> message, Completion completion) {
  auto block = std::make_shared<Block>(*this, std::move(message), std::move(completion));
  if (block->answers.empty()) return;
  came(context_.counts.node(node_), block->answers.size());
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(block), 0);
  }
  start_some();
}

/// Hands items over as long as there is room. One thread does, and sees what others make room for.
template <class Message>
void AsyncStage<Message>::start_some() {
  std::unique_lock lock(mutex_);
  if (starting_) return;
  starting_ = true;
  while (in_flight_ < limit_ && !waiting_.empty()) {
    auto& [first, next] = waiting_.front();
    const std::shared_ptr<Block> block = first;
    const std::size_t number = next++;
    if (next == block->answers.size()) waiting_.pop_front();
    ++in_flight_;
    lock.unlock();
    {
      const Clocked clocked(context_.counts.node(node_));
      try {
        context_.graph[node_].ask(Item(block->workspace.live[number]), Reply(block, number));
      } catch (const std::exception& thrown) {
        // The reply has answered when it was let go.
        context_.state.say(LogLevel::kDebug, fmt::format("{} threw: {}", context_.graph[node_].name, thrown.what()));
      } catch (...) {
        context_.state.say(LogLevel::kDebug, fmt::format("{} threw", context_.graph[node_].name));
      }
    }
    lock.lock();
  }
  starting_ = false;
}

template <class Message>
void AsyncStage<Message>::finish(Block& block) {
  NodeCounts& counts = context_.counts.node(node_);
  std::vector<ItemState*> kept;
  for (std::size_t i = 0; i < block.answers.size(); ++i) {
    ItemState& item = *block.workspace.live[i];
    if (block.answers[i] == detail::Asked::Answer::kDropped) {
      context_.filtered(node_, item, scope_of(*block.message));
      continue;
    }
    Result<void> good;
    if (block.answers[i] == detail::Asked::Answer::kFailed) {
      good = pipeline::unexpected(std::move(block.errors[i]));
    } else {
      good = check_edit(context_, item, *block.message);
    }
    if (good) {
      kept.push_back(&item);
    } else {
      context_.failed(node_, item, scope_of(*block.message), good.error());
    }
  }
  left(counts, kept.size());
  Completion completion = std::move(block.completion);
  outlet_.give(store(context_, std::move(block.message), kept),
               [&completion](std::size_t channel, std::shared_ptr<Message> message) {
                 completion.to(channel, std::move(message));
               });
  completion.finish();  // The graph may be gone behind this.
}

template class StageChain<ReadPage>;
template class StageChain<MappedBlock>;
template class StatefulStage<ReadPage>;
template class StatefulStage<MappedBlock>;
template class AsyncStage<ReadPage>;
template class AsyncStage<MappedBlock>;

}  // namespace riptide::stages
