#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "compose/src/flow_context.hpp"
#include "compose/src/growth_gate.hpp"
#include "compose/src/outlet.hpp"
#include "compose/src/stage_chain.hpp"
#include "mapping_side.hpp"
#include "page_budget.hpp"
#include "riptide/live.hpp"
#include "riptide/pipeline/graph.hpp"
#include "sink_lane.hpp"
#include "ticker.hpp"

namespace riptide::stages {

/// The nodes between the budget and the end of a graph, made of what its user described: which stages run in one body,
/// who takes from whom, and on which channel. Built once; then used by the graph's bodies.
class FlowNodes {
 public:
  using Lanes = std::vector<std::unique_ptr<SinkLane>>;

  /// All is borrowed. The lanes are those of the graph's sinks, in their order.
  /// `starved` lets partial batches go.
  FlowNodes(FlowContext& context, const ScopeBook& book, PageBudget& budget, const Lanes& lanes, std::size_t threads,
            std::function<void()> starved);

  /// Adds the nodes and edges behind the budget, which is in the graph.
  void build(pipeline::Graph& graph);

  /// The mappings of the graph, in order.
  [[nodiscard]] std::deque<MappingSide>& mappings() noexcept { return mappings_; }
  /// Credit of what is on its way came home.
  void credit_came_home() {
    if (!part_of_.empty()) gate_.open();
  }
  /// Starts the clocks of stages that want one; they stop when the result dies.
  [[nodiscard]] std::vector<std::unique_ptr<Ticker>> start_clocks();
  /// Tells the stages with a state that all has come, one after the other; `wait` waits for the graph.
  void finish_stages(const std::function<void()>& wait);
  /// Enters into `live` what waits before each node, as told by the nodes below.
  void fill_buffers(const std::vector<pipeline::NodeStats>& below, LiveGraph& live) const;
  /// The user's node that a node below belongs to; its own name if it is nobody's.
  [[nodiscard]] std::string shown_as(std::size_t below, const std::string& name) const;
  /// The picture: what runs in one body is shown as what it is made of.
  [[nodiscard]] pipeline::GraphDescription described(pipeline::GraphDescription description) const;

 private:
  /// A node of the graph below, for one or several of the user's. Of what comes and what goes one is set each.
  struct Built {
    std::optional<pipeline::Node<ReadPage, ReadPage>> records_in;
    std::optional<pipeline::Node<ReadPage, ReadPage>> records;
    std::optional<pipeline::Node<MappedBlock, MappedBlock>> entities_in;
    std::optional<pipeline::Node<MappedBlock, MappedBlock>> entities;
    std::optional<pipeline::Node<ReadPage, MappedBlock>> between;  ///< Records come, entities go.
  };
  using Place = std::pair<std::size_t, std::size_t>;  ///< A node and one of its outputs.

  void find_chains();
  [[nodiscard]] bool joins_before(std::size_t node) const;
  [[nodiscard]] std::string free_name(std::string name);
  void build_node(std::size_t node);
  void build_mapping(std::size_t node);
  void build_record_end(std::size_t node);
  template <class Message>
  void build_stage(std::size_t node);
  template <class Message>
  pipeline::Node<Message, Message> build_chain(std::size_t node);
  template <class Message>
  void build_gate(std::size_t node, const pipeline::Node<Message, Message>& behind);
  void connect(std::size_t node);
  template <class From>
  void connect_records(const pipeline::Node<From, ReadPage>& from, std::size_t node, std::size_t output);
  template <class From>
  void connect_entities(const pipeline::Node<From, MappedBlock>& from, std::size_t node, std::size_t output);
  [[nodiscard]] std::size_t next_channel(std::size_t below) { return channels_[below]++; }
  void put_call(std::size_t node, Call call);

  // By the kind of message.
  Built& built(std::size_t node) { return built_[head_[node]]; }
  void set(std::size_t node, const pipeline::Node<ReadPage, ReadPage>& in,
           const pipeline::Node<ReadPage, ReadPage>& out);
  void set(std::size_t node, const pipeline::Node<MappedBlock, MappedBlock>& in,
           const pipeline::Node<MappedBlock, MappedBlock>& out);
  void set(const Place& place, Outlet<ReadPage>& outlet) { record_outlets_[place] = &outlet; }
  void set(const Place& place, Outlet<MappedBlock>& outlet) { entity_outlets_[place] = &outlet; }

  FlowContext& context_;
  const ScopeBook& book_;
  PageBudget& budget_;
  const Lanes& lanes_;
  GrowthGate gate_;
  pipeline::Graph* graph_ = nullptr;
  std::unordered_set<std::string> names_;        ///< Of nodes below.
  std::vector<std::vector<std::size_t>> chain_;  ///< By node: what runs in its body, if it is the first there.
  std::vector<std::size_t> head_;                ///< By node: the first that runs in the same body.
  std::map<std::size_t, std::size_t> source_number_;
  std::map<std::size_t, SinkLane*> lane_of_;
  std::map<std::size_t, Built> built_;
  std::map<std::size_t, MappingSide*> mapping_of_;
  std::map<std::size_t, std::size_t> channels_;  ///< That are taken, by node below.
  std::map<Place, Outlet<ReadPage>*> record_outlets_;
  std::map<Place, Outlet<MappedBlock>*> entity_outlets_;
  std::deque<MappingSide> mappings_;
  std::deque<Outlet<MappedBlock>> ends_;  ///< Of nodes that make entities of records without a mapping.
  std::tuple<std::deque<StageChain<ReadPage>>, std::deque<StageChain<MappedBlock>>> chains_;
  std::tuple<std::deque<StatefulStage<ReadPage>>, std::deque<StatefulStage<MappedBlock>>> statefuls_;
  std::tuple<std::deque<AsyncStage<ReadPage>>, std::deque<AsyncStage<MappedBlock>>> asyncs_;
  // For the picture, by node below.
  std::map<std::size_t, std::vector<std::size_t>> made_of_;  ///< Several of the user's nodes.
  std::map<std::size_t, std::size_t> part_of_;               ///< Shown as another one.
  std::vector<std::pair<std::size_t, std::size_t>> owners_;  ///< A node below, and the user's that it works for.
};

}  // namespace riptide::stages
