#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "riptide/pipeline/stop.hpp"

namespace riptide::pipeline {

/// How many calls of one node's body run at once.
enum class Concurrency : std::uint8_t { kSerial, kUnlimited };

/// Names a node, for the picture, the report and the messages.
struct NodeSpec {
  std::string name;  ///< e.g. "paginate"; unique in the graph.
  std::string says;  ///< One line for the picture: what it does here, and its bound.
  Concurrency concurrency = Concurrency::kUnlimited;
  std::function<std::string()> waiting_on;  ///< For the report: what it mostly waited on. May be null.
};

/// One row of the report's `stages`.
struct NodeStats {
  std::string name;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  double busy_seconds = 0;  ///< In bodies, summed over threads.
  std::string waiting_on;
  std::uint64_t waiting = 0;       ///< Messages that were put and have not come to the body yet.
  std::uint64_t most_waiting = 0;  ///< The most that ever were.
  /// Of a stage that a user named: its items. Always in + made == out + filtered + failed.
  struct Items {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    std::uint64_t made = 0;
    std::uint64_t filtered = 0;
    std::uint64_t failed = 0;
    std::string concurrency;  ///< "parallel", "serial" or "16 in flight".
  };
  std::optional<Items> items;
};

/// A graph as data: what `describe` returns and the drawings are made from.
struct GraphDescription {
  enum class Kind : std::uint8_t { kStage, kAsync, kPhase };
  /// A stage, or a phase that is none.
  struct Node {
    std::string name;
    std::string says;
    Kind kind = Kind::kStage;
    Concurrency concurrency = Concurrency::kUnlimited;
  };
  /// Which way messages go; both are indexes of `nodes`.
  struct Edge {
    std::size_t from = 0;
    std::size_t to = 0;
    std::string carries;  ///< What travels: "page", "batch".
    bool back = false;    ///< Flows against the others (new requests, tokens).
  };
  std::string title;
  std::vector<Node> nodes;
  std::vector<Edge> edges;
};

namespace detail {
using Message = std::shared_ptr<void>;

/// Where a body puts what it makes. Puts to all successors of the node on that channel.
class Port {
 public:
  virtual ~Port() = default;
  virtual void put(Message message, std::size_t channel) noexcept = 0;
};

/// Keeps the graph waiting for one asynchronous completion; the last owner lets it go.
class Hold {
 public:
  virtual ~Hold() = default;
  virtual Port& port() noexcept = 0;
};

using StageBody = std::function<void(Message, Port&)>;
using AsyncBody = std::function<void(Message, std::unique_ptr<Hold>)>;
}  // namespace detail

/// Emits messages from a stage's body; valid during the call.
template <class Out>
class Emit {
 public:
  explicit Emit(detail::Port& port) noexcept : port_(&port) {}
  void operator()(std::shared_ptr<Out> message) const noexcept { port_->put(std::move(message), 0); }
  /// Emits to the edges of one channel only.
  void to(std::size_t channel, std::shared_ptr<Out> message) const noexcept { port_->put(std::move(message), channel); }

 private:
  detail::Port* port_;
};

/// The right and duty to finish one asynchronous message. While it lives, `Graph::wait` waits. Emit any number of
/// messages, then let it go; after that the graph must not be touched through it. Move-only; any thread.
template <class Out>
class Completion {
 public:
  explicit Completion(std::unique_ptr<detail::Hold> hold) noexcept : hold_(std::move(hold)) {}
  void emit(std::shared_ptr<Out> message) noexcept { hold_->port().put(std::move(message), 0); }
  /// Emits to the edges of one channel only.
  void to(std::size_t channel, std::shared_ptr<Out> message) const noexcept {
    hold_->port().put(std::move(message), channel);
  }
  /// Gives up without a message.
  void finish() noexcept { hold_.reset(); }

 private:
  std::unique_ptr<detail::Hold> hold_;
};

/// A node of a graph with its message types: `In` comes, `Out` goes (void: nothing).
template <class In, class Out>
class Node {
 public:
  [[nodiscard]] std::size_t index() const noexcept { return index_; }

 private:
  friend class Graph;
  explicit Node(std::size_t index) noexcept : index_(index) {}
  std::size_t index_;
};

/// A graph of stages with typed edges, run by worker threads (a oneTBB flow graph inside). Build it, run it once, throw
/// it away.
///
/// Messages are `shared_ptr`s. A channel with one successor hands over ownership: its body may consume the message.
/// With several successors all see the same message and must leave it as it is. Edges are unbounded queues: what bounds
/// a graph is the credits that its messages hold. Bodies never block (no I/O, no sleep, no lock across a call-out).
/// Whatever a body throws is caught, becomes an Error{kInternal} and asks for the stop; messages that follow are still
/// delivered, so that nothing is lost unseen.
///
/// `stage`, `async` and `edge` are for building, on one thread. `put` from any thread while a body runs, a `Completion`
/// lives or before `wait`. `wait` on the building thread, which works as one of the workers meanwhile.
class Graph {
 public:
  /// What a graph runs on.
  struct Options {
    std::string title;
    int threads = 1;       ///< Workers, the waiting thread included.
    Stop* stop = nullptr;  ///< Asked when a body throws. Borrowed; required.
  };
  explicit Graph(Options options);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// A node whose body maps one message to any number: body(std::shared_ptr<In>, Emit<Out>).
  template <class In, class Out, class Body>
  Node<In, Out> stage(NodeSpec spec, Body body) {
    return Node<In, Out>(
        add_stage(std::move(spec), [body = std::move(body)](detail::Message message, detail::Port& port) {
          body(std::static_pointer_cast<In>(std::move(message)), Emit<Out>(port));
        }));
  }

  /// A node whose body starts something elsewhere (an I/O thread) and returns: body(std::shared_ptr<In>,
  /// Completion<Out>).
  template <class In, class Out, class Body>
  Node<In, Out> async(NodeSpec spec, Body body) {
    return Node<In, Out>(add_async(
        std::move(spec), [body = std::move(body)](detail::Message message, std::unique_ptr<detail::Hold> hold) {
          body(std::static_pointer_cast<In>(std::move(message)), Completion<Out>(std::move(hold)));
        }));
  }

  /// Sends everything that `from` emits on `channel` to `to`. `carries` names it in the picture.
  template <class A, class B, class C>
  void edge(const Node<A, B>& from, const Node<B, C>& to, std::string carries, std::size_t channel = 0) {
    add_edge(from.index(), to.index(), std::move(carries), channel);
  }

  /// Adds to the picture what is not an edge of messages: a phase after the graph, or a flow against it.
  std::size_t describe_phase(NodeSpec spec);
  void describe_edge(std::size_t from, std::size_t to, std::string carries, bool back);

  /// Puts a message into a node from outside.
  template <class In, class Out>
  void put(const Node<In, Out>& node, std::shared_ptr<In> message) {
    put_message(node.index(), std::move(message));
  }

  /// Works until no message is on its way and no `Completion` lives. May be called again after more `put`s.
  void wait();

  [[nodiscard]] GraphDescription describe() const;
  /// How many nodes it has so far.
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::vector<NodeStats> stats() const;

 private:
  struct Impl;
  std::size_t add_stage(NodeSpec spec, detail::StageBody body);
  std::size_t add_async(NodeSpec spec, detail::AsyncBody body);
  void add_edge(std::size_t from, std::size_t to, std::string carries, std::size_t channel);
  void put_message(std::size_t node, detail::Message message);
  std::unique_ptr<Impl> impl_;
};

}  // namespace riptide::pipeline
