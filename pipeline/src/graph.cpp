#include "riptide/pipeline/graph.hpp"

#include <fmt/format.h>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <tuple>

#include "riptide/pipeline/check.hpp"

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace riptide::pipeline {
namespace {

namespace flow = oneapi::tbb::flow;
using detail::Message;
// What a body emits goes straight to its successors' inputs, by channel: nodes have no edges of oneTBB's.
using StageNode = flow::multifunction_node<Message, std::tuple<Message>, flow::queueing>;
using AsyncNode = flow::async_node<Message, Message, flow::queueing>;

/// What one node did. Written by any worker.
struct Counters {
  std::atomic<std::uint64_t> messages_in{0};
  std::atomic<std::uint64_t> messages_out{0};
  std::atomic<std::uint64_t> busy_nanoseconds{0};
  std::atomic<std::uint64_t> put{0};  ///< Into its input.
  std::atomic<std::uint64_t> most_waiting{0};
};

/// The hand-over between bodies happens inside oneTBB, which Debian does not build for ThreadSanitizer. These tell it
/// that bodies are ordered by their messages; a race between bodies is still seen.
class BodyFence {
 public:
  explicit BodyFence([[maybe_unused]] void* address) noexcept : address_(address) {
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(address_);
#endif
  }
  ~BodyFence() {
#if defined(__SANITIZE_THREAD__)
    __tsan_release(address_);
#endif
  }
  BodyFence(const BodyFence&) = delete;
  BodyFence& operator=(const BodyFence&) = delete;

 private:
  [[maybe_unused]] void* address_;
};

}  // namespace

struct Graph::Impl {
  struct NodeState {
    NodeState(NodeSpec node_spec, Graph::Impl* graph) : spec(std::move(node_spec)), owner(graph) {}
    NodeSpec spec;
    Graph::Impl* owner;
    Counters counters;
    std::vector<std::vector<NodeState*>> successors;  ///< By channel.
    std::unique_ptr<StageNode> stage;
    std::unique_ptr<AsyncNode> async;

    [[nodiscard]] flow::receiver<Message>& input() {
      if (stage) return *stage;
      return *async;
    }
  };

  /// Puts on the worker that runs the body.
  class StagePort : public detail::Port {
   public:
    explicit StagePort(NodeState& node) : node_(node) {}
    void put(Message message, std::size_t channel) noexcept override {
      node_.owner->deliver(node_, std::move(message), channel);
    }

   private:
    NodeState& node_;
  };

  /// Keeps the graph waiting for an asynchronous message: reserve on creation, release exactly once.
  class GatewayHold : public detail::Hold, public detail::Port {
   public:
    GatewayHold(NodeState& node, AsyncNode::gateway_type& gateway) : node_(node), gateway_(gateway) {
      gateway_.reserve_wait();
    }
    ~GatewayHold() override {
      // After this the graph may be gone.
      gateway_.release_wait();
    }
    GatewayHold(const GatewayHold&) = delete;
    GatewayHold& operator=(const GatewayHold&) = delete;
    detail::Port& port() noexcept override { return *this; }
    void put(Message message, std::size_t channel) noexcept override {
      node_.owner->deliver(node_, std::move(message), channel);
    }

   private:
    NodeState& node_;
    AsyncNode::gateway_type& gateway_;
  };

  explicit Impl(Graph::Options graph_options)
      : options(std::move(graph_options)),
        limit(oneapi::tbb::global_control::max_allowed_parallelism,
              static_cast<std::size_t>(std::max(1, options.threads))),
        arena(std::max(1, options.threads)) {
    RIPTIDE_CHECK(options.stop != nullptr);
    // A graph belongs to the arena where it was constructed.
    arena.execute([this] { graph = std::make_unique<flow::graph>(); });
  }

  /// The one way out of a body: counts, and never loses a message unseen.
  void deliver(NodeState& node, Message message, std::size_t channel) noexcept {
    node.counters.messages_out.fetch_add(1, std::memory_order_relaxed);
    if (channel >= node.successors.size()) return;
    const auto& successors = node.successors[channel];
    for (std::size_t i = 0; i < successors.size(); ++i) {
      // The last one may be given the message for good.
      put(*successors[i], i + 1 < successors.size() ? Message(message) : std::move(message));
    }
  }

  void put(NodeState& node, Message message) noexcept {
    Counters& counters = node.counters;
    const std::uint64_t waiting =
        counters.put.fetch_add(1, std::memory_order_relaxed) + 1 - counters.messages_in.load(std::memory_order_relaxed);
    std::uint64_t most = counters.most_waiting.load(std::memory_order_relaxed);
    while (most < waiting && waiting < (std::uint64_t{1} << 63) &&
           !counters.most_waiting.compare_exchange_weak(most, waiting, std::memory_order_relaxed)) {
    }
    try {
      if (node.input().try_put(std::move(message))) return;
      options.stop->request(Error(ErrorKind::kInternal, fmt::format("stage {} refused a message", node.spec.name)));
    } catch (...) {
      options.stop->request(
          Error(ErrorKind::kInternal, fmt::format("a message could not be put to stage {}", node.spec.name)));
    }
  }

  /// Runs a body: time, counts, and whatever it throws becomes a stop instead of a cancelled graph.
  template <class Body>
  void guarded(NodeState& node, Body&& body) noexcept {
    node.counters.messages_in.fetch_add(1, std::memory_order_relaxed);
    const BodyFence fence(this);
    const auto begin = std::chrono::steady_clock::now();
    try {
      body();
    } catch (const std::exception& thrown) {
      options.stop->request(
          Error(ErrorKind::kInternal, fmt::format("stage {} threw: {}", node.spec.name, thrown.what())));
    } catch (...) {
      options.stop->request(
          Error(ErrorKind::kInternal, fmt::format("stage {} threw something that is no exception", node.spec.name)));
    }
    const auto spent = std::chrono::steady_clock::now() - begin;
    node.counters.busy_nanoseconds.fetch_add(
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count()),
        std::memory_order_relaxed);
  }

  NodeState& add(NodeSpec spec) {
    for (const auto& node : nodes) RIPTIDE_CHECK(node->spec.name != spec.name);
    return *nodes.emplace_back(std::make_unique<NodeState>(std::move(spec), this));
  }

  [[nodiscard]] static std::size_t limit_of(const NodeSpec& spec) {
    return spec.concurrency == Concurrency::kSerial ? static_cast<std::size_t>(flow::serial)
                                                    : static_cast<std::size_t>(flow::unlimited);
  }

  Graph::Options options;
  oneapi::tbb::global_control limit;
  oneapi::tbb::task_arena arena;
  std::unique_ptr<flow::graph> graph;  // Before the nodes: they must die first.
  std::vector<std::unique_ptr<NodeState>> nodes;
  std::vector<NodeSpec> phases;
  std::vector<GraphDescription::Edge> edges;
};

Graph::Graph(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Graph::~Graph() {
  impl_->arena.execute([this] {
    impl_->graph->wait_for_all();
    impl_->nodes.clear();
    impl_->graph.reset();
  });
}

std::size_t Graph::add_stage(NodeSpec spec, detail::StageBody body) {
  Impl::NodeState& node = impl_->add(std::move(spec));
  node.stage = std::make_unique<StageNode>(
      *impl_->graph, Impl::limit_of(node.spec),
      [&node, body = std::move(body)](const Message& message, StageNode::output_ports_type&) {
        node.owner->guarded(node, [&] {
          Impl::StagePort port(node);
          body(message, port);
        });
      });
  return impl_->nodes.size() - 1;
}

std::size_t Graph::add_async(NodeSpec spec, detail::AsyncBody body) {
  Impl::NodeState& node = impl_->add(std::move(spec));
  node.async = std::make_unique<AsyncNode>(
      *impl_->graph, Impl::limit_of(node.spec),
      [&node, body = std::move(body)](const Message& message, AsyncNode::gateway_type& gateway) {
        node.owner->guarded(node, [&] { body(message, std::make_unique<Impl::GatewayHold>(node, gateway)); });
      });
  return impl_->nodes.size() - 1;
}

void Graph::add_edge(std::size_t from, std::size_t to, std::string carries, std::size_t channel) {
  Impl::NodeState& a = *impl_->nodes.at(from);
  if (a.successors.size() <= channel) a.successors.resize(channel + 1);
  a.successors[channel].push_back(impl_->nodes.at(to).get());
  impl_->edges.push_back({from, to, std::move(carries), false});
}

std::size_t Graph::describe_phase(NodeSpec spec) {
  impl_->phases.push_back(std::move(spec));
  return impl_->nodes.size() + impl_->phases.size() - 1;
}

void Graph::describe_edge(std::size_t from, std::size_t to, std::string carries, bool back) {
  impl_->edges.push_back({from, to, std::move(carries), back});
}

void Graph::put_message(std::size_t node, Message message) { impl_->put(*impl_->nodes.at(node), std::move(message)); }

void Graph::wait() {
  impl_->arena.execute([this] { impl_->graph->wait_for_all(); });
}

std::size_t Graph::size() const noexcept { return impl_->nodes.size(); }

GraphDescription Graph::describe() const {
  GraphDescription description;
  description.title = impl_->options.title;
  for (const auto& node : impl_->nodes) {
    description.nodes.push_back({node->spec.name, node->spec.says,
                                 node->async ? GraphDescription::Kind::kAsync : GraphDescription::Kind::kStage,
                                 node->spec.concurrency});
  }
  for (const NodeSpec& phase : impl_->phases) {
    description.nodes.push_back({phase.name, phase.says, GraphDescription::Kind::kPhase, Concurrency::kSerial});
  }
  description.edges = impl_->edges;
  return description;
}

std::vector<NodeStats> Graph::stats() const {
  std::vector<NodeStats> rows;
  for (const auto& node : impl_->nodes) {
    NodeStats& row = rows.emplace_back();
    const Counters& counters = node->counters;
    row.name = node->spec.name;
    row.messages_in = counters.messages_in.load();
    row.messages_out = counters.messages_out.load();
    row.busy_seconds = static_cast<double>(counters.busy_nanoseconds.load()) / 1e9;
    row.waiting_on = node->spec.waiting_on ? node->spec.waiting_on() : std::string();
    row.waiting = counters.put.load() - std::min(row.messages_in, counters.put.load());
    row.most_waiting = counters.most_waiting.load();
  }
  return rows;
}

}  // namespace riptide::pipeline
