#include "riptide/pipeline/graph.hpp"

#include <fmt/format.h>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

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
using StageNode = flow::multifunction_node<Message, std::tuple<Message>, flow::queueing>;
using AsyncNode = flow::async_node<Message, Message, flow::queueing>;

/// What one node did. Written by any worker.
struct Counters {
  std::atomic<std::uint64_t> messages_in{0};
  std::atomic<std::uint64_t> messages_out{0};
  std::atomic<std::uint64_t> busy_nanoseconds{0};
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
    std::vector<std::size_t> successors;
    std::unique_ptr<StageNode> stage;
    std::unique_ptr<AsyncNode> async;

    [[nodiscard]] flow::receiver<Message>& input() {
      if (stage) return *stage;
      return *async;
    }
    [[nodiscard]] flow::sender<Message>& output() {
      if (stage) return flow::output_port<0>(*stage);
      return flow::output_port<0>(*async);
    }
  };

  /// Puts through a stage's output port, on the worker that runs the body.
  class StagePort : public detail::Port {
   public:
    StagePort(NodeState& node, StageNode::output_ports_type& ports) : node_(node), ports_(ports) {}
    void put(Message message) noexcept override {
      node_.owner->deliver(node_, std::get<0>(ports_), std::move(message));
    }

   private:
    NodeState& node_;
    StageNode::output_ports_type& ports_;
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
    void put(Message message) noexcept override { node_.owner->deliver(node_, gateway_, std::move(message)); }

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
  template <class Target>
  void deliver(NodeState& node, Target& target, Message message) noexcept {
    node.counters.messages_out.fetch_add(1, std::memory_order_relaxed);
    if (node.successors.empty()) return;
    try {
      if (target.try_put(std::move(message))) return;
      options.stop->request(
          Error(ErrorKind::kInternal, fmt::format("a message was refused behind stage {}", node.spec.name)));
    } catch (...) {
      options.stop->request(
          Error(ErrorKind::kInternal, fmt::format("a message could not be delivered behind stage {}", node.spec.name)));
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
      [&node, body = std::move(body)](const Message& message, StageNode::output_ports_type& ports) {
        node.owner->guarded(node, [&] {
          Impl::StagePort port(node, ports);
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

void Graph::add_edge(std::size_t from, std::size_t to, std::string carries) {
  Impl::NodeState& a = *impl_->nodes.at(from);
  Impl::NodeState& b = *impl_->nodes.at(to);
  flow::make_edge(a.output(), b.input());
  a.successors.push_back(to);
  impl_->edges.push_back({from, to, std::move(carries), false});
}

std::size_t Graph::describe_phase(NodeSpec spec) {
  impl_->phases.push_back(std::move(spec));
  return impl_->nodes.size() + impl_->phases.size() - 1;
}

void Graph::describe_edge(std::size_t from, std::size_t to, std::string carries, bool back) {
  impl_->edges.push_back({from, to, std::move(carries), back});
}

void Graph::put_message(std::size_t node, Message message) {
  Impl::NodeState& state = *impl_->nodes.at(node);
  if (!state.input().try_put(std::move(message))) {
    impl_->options.stop->request(
        Error(ErrorKind::kInternal, fmt::format("stage {} refused a message", state.spec.name)));
  }
}

void Graph::wait() {
  impl_->arena.execute([this] { impl_->graph->wait_for_all(); });
}

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
    rows.push_back({node->spec.name, node->counters.messages_in.load(), node->counters.messages_out.load(),
                    static_cast<double>(node->counters.busy_nanoseconds.load()) / 1e9,
                    node->spec.waiting_on ? node->spec.waiting_on() : std::string()});
  }
  return rows;
}

}  // namespace riptide::pipeline
