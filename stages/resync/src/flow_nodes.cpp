#include "flow_nodes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "compose/src/record_ends.hpp"

namespace riptide::stages {
namespace {

using Type = NodeSpec::Type;

constexpr std::string_view kMappingSays = "maps records to entities, drops repeats, frees the page";

bool runs_in_chains(const NodeSpec& node) {
  switch (node.type) {
    case Type::kFilter:
    case Type::kEdit:
    case Type::kExpand:
    case Type::kRoute:
      return !node.options.serial;
    case Type::kSource:
    case Type::kAsync:
    case Type::kStateful:
    case Type::kMapping:
    case Type::kEntities:
    case Type::kSink:
      return false;
  }
  return false;
}

std::string says_of(const NodeSpec& node) { return node.options.says.empty() ? node.says : node.options.says; }

/// Tells the gate when a body is through, however it ends.
class Growing {
 public:
  explicit Growing(GrowthGate* gate) noexcept : gate_(gate) {}
  ~Growing() {
    if (gate_ != nullptr) gate_->grown();
  }
  Growing(const Growing&) = delete;
  Growing& operator=(const Growing&) = delete;

 private:
  GrowthGate* gate_;
};

template <class Message, class Sender>
auto putter(const Sender& sender) {
  return [&sender](std::size_t channel, std::shared_ptr<Message> message) { sender.to(channel, std::move(message)); };
}

}  // namespace

FlowNodes::FlowNodes(FlowContext& context, const ScopeBook& book, PageBudget& budget, const Lanes& lanes,
                     std::size_t threads, std::function<void()> starved)
    : context_(context),
      book_(book),
      budget_(budget),
      lanes_(lanes),
      gate_(context.state.batch_bytes, threads, std::move(starved)) {
  std::size_t lane = 0;
  for (std::size_t i = 0; i < context.graph.size(); ++i) {
    if (context.graph[i].is_source()) source_number_.emplace(i, source_number_.size());
    if (context.graph[i].is_sink()) lane_of_[i] = lanes[lane++].get();
  }
  find_chains();
}

/// Whether a node runs in the body of the one before it: where nobody else takes from that.
bool FlowNodes::joins_before(std::size_t node) const {
  const NodeSpec& spec = context_.graph[node];
  if (!runs_in_chains(spec) || spec.inputs.size() != 1) return false;
  const std::size_t before = spec.inputs.front().node;
  const NodeSpec& other = context_.graph[before];
  return runs_in_chains(other) && other.type != Type::kRoute && context_.ways.takers(before, 0).size() == 1;
}

void FlowNodes::find_chains() {
  chain_.resize(context_.graph.size());
  for (std::size_t i = 0; i < context_.graph.size(); ++i) {
    head_.push_back(joins_before(i) ? head_[context_.graph[i].inputs.front().node] : i);
    chain_[head_[i]].push_back(i);
  }
}

std::string FlowNodes::free_name(std::string name) {
  while (!names_.insert(name).second) name += " (stage)";
  return name;
}

void FlowNodes::build(pipeline::Graph& graph) {
  graph_ = &graph;
  for (const char* const name : {"frontier", "fetch", "paginate", "budget", "reconcile"}) names_.emplace(name);
  for (const auto& [node, lane] : lane_of_) {
    const std::string suffix = lane_of_.size() == 1 ? std::string() : " " + context_.graph[node].name;
    for (const char* const name : {"collect", "diff", "batch", "upload", "settle"}) names_.insert(name + suffix);
  }
  for (std::size_t i = 0; i < context_.graph.size(); ++i) {
    const std::size_t before = graph.size();
    build_node(i);
    // Of a chain the last is the one that others wait for.
    const std::size_t owner = chain_[i].empty() ? i : chain_[i].back();
    for (std::size_t below = before; below < graph.size(); ++below) owners_.emplace_back(below, owner);
  }
  for (std::size_t i = 0; i < context_.graph.size(); ++i) connect(i);
}

void FlowNodes::build_node(std::size_t node) {
  const NodeSpec& spec = context_.graph[node];
  switch (spec.type) {
    case Type::kSource: {
      Outlet<ReadPage>& outlet = budget_.outlet(source_number_[node]);
      outlet.begin(context_.state.batch_bytes, context_.counts.node(node).tap,
                   [this, node](const ReadPage& page) { hear(context_, node, "", page); });
      return set({node, 0}, outlet);
    }
    case Type::kMapping:
      return build_mapping(node);
    case Type::kEntities:
      return build_record_end(node);
    case Type::kSink:
      lane_of_[node]->build(*graph_, lane_of_.size() == 1 ? std::string() : " " + spec.name);
      if (spec.takes == detail::Carries::kRecords) build_record_end(node);
      return;
    case Type::kFilter:
    case Type::kEdit:
    case Type::kExpand:
    case Type::kAsync:
    case Type::kStateful:
    case Type::kRoute:
      if (head_[node] != node) return;
      if (spec.takes == detail::Carries::kRecords) {
        build_stage<ReadPage>(node);
      } else {
        build_stage<MappedBlock>(node);
      }
      return;
  }
}

void FlowNodes::build_mapping(std::size_t node) {
  const NodeSpec& spec = context_.graph[node];
  MappingSide& mapping = mappings_.emplace_back(context_, book_, node);
  mapping.build(*graph_, free_name(spec.name), spec.says.empty() ? std::string(kMappingSays) : spec.says);
  mapping.given_to(context_.ways.takers(node, 0).size());
  mapping_of_[node] = &mapping;
  set({node, 0}, mapping.outlet());
}

void FlowNodes::build_record_end(std::size_t node) {
  const NodeSpec& spec = context_.graph[node];
  if (spec.is_sink()) {
    SinkLane& lane = *lane_of_[node];
    built_[node].between = graph_->stage<ReadPage, MappedBlock>(
        {.name = "collect" + (lane_of_.size() == 1 ? std::string() : " " + spec.name),
         .says = "takes records as they are, frees the page"},
        [this, &lane](std::shared_ptr<ReadPage> page, pipeline::Emit<MappedBlock> emit) {
          auto block = objects_of(context_, *page);
          lane.arrive(*block);
          if (!block->entities.entities.empty()) emit(std::move(block));
        });
    return lane.feed_from(*built_[node].between);
  }
  Outlet<MappedBlock>& outlet = ends_.emplace_back();
  outlet.begin(context_.state.batch_bytes, context_.counts.node(node).tap,
               [this, node](const MappedBlock& block) { hear(context_, node, "", block); });
  built_[node].between = graph_->stage<ReadPage, MappedBlock>(
      {.name = free_name(spec.name), .says = spec.says},
      [this, node, &outlet](std::shared_ptr<ReadPage> page, pipeline::Emit<MappedBlock> emit) {
        outlet.give(entities_of(context_, node, *page), putter<MappedBlock>(emit));
      });
  set({node, 0}, outlet);
}

void FlowNodes::set(std::size_t node, const pipeline::Node<ReadPage, ReadPage>& in,
                    const pipeline::Node<ReadPage, ReadPage>& out) {
  built_[node].records_in = in;
  built_[node].records = out;
}

void FlowNodes::set(std::size_t node, const pipeline::Node<MappedBlock, MappedBlock>& in,
                    const pipeline::Node<MappedBlock, MappedBlock>& out) {
  built_[node].entities_in = in;
  built_[node].entities = out;
}

template <class Message>
void FlowNodes::build_stage(std::size_t node) {
  const NodeSpec& spec = context_.graph[node];
  if (spec.type == Type::kStateful) {
    auto& stage = std::get<std::deque<StatefulStage<Message>>>(statefuls_).emplace_back(context_, node);
    const auto below = graph_->stage<Message, Message>(
        {.name = free_name(spec.name), .says = says_of(spec), .concurrency = pipeline::Concurrency::kSerial},
        [&stage](std::shared_ptr<Message> message, pipeline::Emit<Message> emit) {
          stage.run(std::move(message), putter<Message>(emit));
        });
    set(Place{node, 0}, stage.outlet());
    return set(node, below, below);
  }
  if (spec.type == Type::kAsync) {
    auto& stage = std::get<std::deque<AsyncStage<Message>>>(asyncs_).emplace_back(context_, node);
    const auto below = graph_->async<Message, Message>(
        {.name = free_name(spec.name),
         .says = says_of(spec),
         .waiting_on = [name = spec.name] { return "the answers of " + name; }},
        [&stage](std::shared_ptr<Message> message, pipeline::Completion<Message> completion) {
          stage.add(std::move(message), std::move(completion));
        });
    set(Place{node, 0}, stage.outlet());
    return set(node, below, below);
  }
  (void)build_chain<Message>(node);
}

template <class Message>
pipeline::Node<Message, Message> FlowNodes::build_chain(std::size_t node) {
  const NodeSpec& spec = context_.graph[node];
  auto& chain = std::get<std::deque<StageChain<Message>>>(chains_).emplace_back(context_, chain_[node]);
  std::vector<std::string> names;
  for (const std::size_t part : chain.nodes()) names.push_back(context_.graph[part].name);
  const bool gated = chain.expands();
  const auto below = graph_->stage<Message, Message>(
      {.name = free_name(fmt::format("{}", fmt::join(names, " + "))),
       .says = says_of(spec),
       .concurrency = spec.options.serial ? pipeline::Concurrency::kSerial : pipeline::Concurrency::kUnlimited},
      [this, &chain, gated](std::shared_ptr<Message> message, pipeline::Emit<Message> emit) {
        const Growing growing(gated ? &gate_ : nullptr);
        chain.run(std::move(message), putter<Message>(emit));
      });
  if (chain.nodes().size() > 1) made_of_[below.index()] = chain.nodes();
  for (std::size_t output = 0; output < context_.graph[chain.nodes().back()].num_outputs(); ++output) {
    set(Place{chain.nodes().back(), output}, chain.outlet(output));
  }
  if (gated) {
    build_gate(node, below);
  } else {
    set(node, below, below);
  }
  return below;
}

/// What makes more of what comes waits while memory is short.
template <class Message>
void FlowNodes::build_gate(std::size_t node, const pipeline::Node<Message, Message>& behind) {
  const auto before = graph_->async<Message, Message>(
      {.name = free_name("room for " + context_.graph[node].name),
       .says = "waits while memory is overdrawn",
       .waiting_on = [] { return std::string("batch memory"); }},
      [this](std::shared_ptr<Message> message, pipeline::Completion<Message> completion) {
        const std::size_t held = message->credit.amount();
        auto shared = std::make_shared<pipeline::Completion<Message>>(std::move(completion));
        gate_.pass(held, [message = std::move(message), shared]() mutable {
          shared->emit(std::move(message));
          shared->finish();
        });
      });
  graph_->edge(before, behind, "items");
  channels_[before.index()] = 1;
  part_of_[before.index()] = behind.index();
  set(node, before, behind);
}

template <class From>
void FlowNodes::connect_records(const pipeline::Node<From, ReadPage>& from, std::size_t node, std::size_t output) {
  Outlet<ReadPage>& outlet = *record_outlets_.at({node, output});
  for (const Ways::Taker& taker : context_.ways.takers(node, output)) {
    const NodeSpec& spec = context_.graph[taker.node];
    if (head_[taker.node] != taker.node) continue;  // In the same body.
    const std::size_t channel = next_channel(from.index());
    const std::string carries =
        spec.is_mapping() && context_.graph[node].is_source() ? "page + record spans" : "records";
    if (spec.is_mapping()) {
      graph_->edge(from, mapping_of_.at(taker.node)->transform(), carries, channel);
    } else if (spec.is_sink() || spec.type == Type::kEntities) {
      graph_->edge(from, *built_.at(taker.node).between, carries, channel);
    } else {
      graph_->edge(from, *built_.at(taker.node).records_in, carries, channel);
    }
    outlet.add({.channel = channel, .edge = &context_.counts.edge(node, output, taker.node)});
    if (!context_.graph[node].is_source()) continue;
    if (spec.is_mapping()) {
      budget_.expect(source_number_[node], [mapping = mapping_of_.at(taker.node)](std::size_t page_bytes) {
        return mapping->expected_entity_bytes(page_bytes);
      });
    } else {
      budget_.expect(source_number_[node], [](std::size_t page_bytes) { return page_bytes; });
    }
  }
}

template <class From>
void FlowNodes::connect_entities(const pipeline::Node<From, MappedBlock>& from, std::size_t node, std::size_t output) {
  Outlet<MappedBlock>& outlet = *entity_outlets_.at({node, output});
  for (const Ways::Taker& taker : context_.ways.takers(node, output)) {
    if (head_[taker.node] != taker.node) continue;
    const std::size_t channel = next_channel(from.index());
    Outlet<MappedBlock>::Taker takes{.channel = channel, .edge = &context_.counts.edge(node, output, taker.node)};
    if (context_.graph[taker.node].is_sink()) {
      SinkLane* const lane = lane_of_.at(taker.node);
      lane->feed_from(from, channel);
      takes.shares = lane->options().direct && !lane->options().own_seen;
      if (!takes.shares) takes.arrive = [lane](MappedBlock& block) { lane->arrive(block); };
    } else {
      graph_->edge(from, *built_.at(taker.node).entities_in, "entities", channel);
    }
    outlet.add(std::move(takes));
  }
}

void FlowNodes::connect(std::size_t node) {
  const NodeSpec& spec = context_.graph[node];
  for (std::size_t output = 0; output < spec.num_outputs(); ++output) {
    const bool records = record_outlets_.contains({node, output});
    if (!records && !entity_outlets_.contains({node, output})) continue;  // In the middle of a body.
    if (spec.is_source()) {
      connect_records(budget_.node(), node, output);
    } else if (spec.is_mapping()) {
      connect_entities(mapping_of_.at(node)->transform(), node, output);
    } else if (spec.type == Type::kEntities) {
      connect_entities(*built_.at(node).between, node, output);
    } else if (records) {
      connect_records(*built(node).records, node, output);
    } else {
      connect_entities(*built(node).entities, node, output);
    }
  }
}

void FlowNodes::put_call(std::size_t node, Call call) {
  const Built& below = built_.at(node);
  if (below.records_in) {
    auto message = std::make_shared<ReadPage>();
    message->call = call;
    graph_->put(*below.records_in, std::move(message));
  } else {
    auto message = std::make_shared<MappedBlock>();
    message->call = call;
    graph_->put(*below.entities_in, std::move(message));
  }
}

std::vector<std::unique_ptr<Ticker>> FlowNodes::start_clocks() {
  std::vector<std::unique_ptr<Ticker>> clocks;
  for (std::size_t i = 0; i < context_.graph.size(); ++i) {
    const auto& every = context_.graph[i].stateful.tick_every;
    if (context_.graph[i].type != Type::kStateful || !every) continue;
    clocks.push_back(std::make_unique<Ticker>(std::max(milliseconds(1), *every), [this, i] {
      // Once all is read the graph must come to rest: `finish` follows.
      if (!book_.idle()) put_call(i, Call::kTick);
    }));
  }
  return clocks;
}

void FlowNodes::finish_stages(const std::function<void()>& wait) {
  for (std::size_t i = 0; i < context_.graph.size(); ++i) {
    if (context_.graph[i].type != Type::kStateful) continue;
    put_call(i, Call::kFinish);
    wait();
  }
}

void FlowNodes::fill_buffers(const std::vector<pipeline::NodeStats>& below, LiveGraph& live) const {
  for (const auto& [node, owner] : owners_) {
    if (node >= below.size()) continue;
    live.nodes[owner].waiting += below[node].waiting;
    live.nodes[owner].most_waiting += below[node].most_waiting;
    if (!context_.graph[owner].is_stage()) live.nodes[owner].busy_seconds += below[node].busy_seconds;
  }
}

std::string FlowNodes::shown_as(std::size_t below, const std::string& name) const {
  for (const auto& [node, owner] : owners_) {
    if (node == below) return context_.graph[owner].name;
  }
  return name;
}

pipeline::GraphDescription FlowNodes::described(pipeline::GraphDescription description) const {
  if (made_of_.empty() && part_of_.empty()) return description;
  pipeline::GraphDescription shown;
  shown.title = description.title;
  std::vector<std::size_t> first(description.nodes.size());
  std::vector<std::size_t> last(description.nodes.size());
  std::vector<pipeline::GraphDescription::Edge> inside;
  for (std::size_t i = 0; i < description.nodes.size(); ++i) {
    if (part_of_.contains(i)) continue;
    first[i] = shown.nodes.size();
    const auto made_of = made_of_.find(i);
    if (made_of == made_of_.end()) {
      shown.nodes.push_back(description.nodes[i]);
    } else {
      for (const std::size_t node : made_of->second) {
        if (node != made_of->second.front())
          inside.push_back({shown.nodes.size() - 1, shown.nodes.size(), "items", false});
        auto& part = shown.nodes.emplace_back(description.nodes[i]);
        part.name = context_.graph[node].name;
        part.says = says_of(context_.graph[node]);
      }
    }
    last[i] = shown.nodes.size() - 1;
  }
  for (const auto& [part, whole] : part_of_) first[part] = last[part] = first[whole];
  for (auto edge : description.edges) {
    const auto whole = part_of_.find(edge.from);
    if (whole != part_of_.end() && whole->second == edge.to) continue;
    shown.edges.push_back({last[edge.from], first[edge.to], edge.carries, edge.back});
  }
  shown.edges.insert(shown.edges.end(), inside.begin(), inside.end());
  return shown;
}

}  // namespace riptide::stages
