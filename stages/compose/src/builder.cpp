#include "builder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "riptide/pipeline/loan_pool.hpp"

namespace riptide::detail {
namespace {

using Type = NodeSpec::Type;

NodeSpec stage_of(Type type, Carries carries, std::string name, StageOptions options) {
  NodeSpec node;
  node.type = type;
  node.name = std::move(name);
  node.takes = node.gives = carries;
  node.says = options.says;
  node.options = std::move(options);
  return node;
}

stages::ResyncOptions run_options(const GraphOptions& options) {
  stages::ResyncOptions run;
  run.version = options.version.empty() ? "library" : options.version;
  run.started_at = options.started_at;
  run.memory_bytes = options.memory_bytes;
  run.in_flight = options.in_flight;
  run.threads = options.threads;
  run.plan = options.plan;
  run.carry_out = options.carry_out;
  run.log = options.log;
  return run;
}

/// Runs a program on an item and gives what comes out.
Result<void> run_program(const transform::jq::Program& program, transform::jq::Evaluator& evaluator, const Item& item,
                         Emit& emit) {
  using transform::jq::Next;
  if (auto loaded = evaluator.load(item.json()); !loaded) return loaded;
  Result<void> given;
  std::string json;
  const auto outcome = evaluator.run(program, [&](transform::jq::ValueRef value) {
    json.clear();
    value.append_json(json);
    given = emit(json);
    return given ? Next::kContinue : Next::kStop;
  });
  if (!given) return given;
  if (!outcome.ok()) return unexpected(ErrorKind::kMalformed, outcome.message);
  return {};
}

}  // namespace

Origin Builder::add(const std::shared_ptr<Builder>& self, const Origin* from, NodeSpec node) {
  if (run != nullptr) problems.push_back(fmt::format("{} came after the graph was ready", node.name));
  if (from != nullptr) node.inputs = from->outputs;
  if (node.type == Type::kRoute) node.outputs.clear();
  graph.push_back(std::move(node));
  return {self, {{graph.size() - 1, 0}}};
}

Result<void> Builder::ready() {
  if (run != nullptr) return {};
  if (!failure_ && !problems.empty()) {
    failure_ = Error(ErrorKind::kConfig, fmt::format("{}", fmt::join(problems, "\n")));
  }
  if (failure_) return unexpected(*failure_);
  stages::FlowParts parts;
  parts.title = options.title;
  parts.graph = std::move(graph);
  parts.context = options.context;
  parts.state = options.state;
  parts.journal = options.journal;
  parts.dead_letters = options.dead_letters;
  parts.remembered_pages = options.remembered_pages;
  auto made = stages::FlowRun::create(std::move(parts), run_options(options));
  if (!made) {
    failure_ = std::move(made).error();
    return unexpected(*failure_);
  }
  run = std::move(*made);
  return {};
}

Origin add_filter(const Origin& from, Carries carries, std::string name, FilterBody body, StageOptions options) {
  NodeSpec node = stage_of(Type::kFilter, carries, std::move(name), std::move(options));
  node.filter = std::move(body);
  return from.builder->add(from.builder, &from, std::move(node));
}

Origin add_edit(const Origin& from, Carries carries, std::string name, EditBody body, StageOptions options) {
  NodeSpec node = stage_of(Type::kEdit, carries, std::move(name), std::move(options));
  node.edit = std::move(body);
  return from.builder->add(from.builder, &from, std::move(node));
}

Origin add_expand(const Origin& from, Carries carries, std::string name, ExpandBody body, StageOptions options) {
  NodeSpec node = stage_of(Type::kExpand, carries, std::move(name), std::move(options));
  node.expand = std::move(body);
  return from.builder->add(from.builder, &from, std::move(node));
}

Origin add_async(const Origin& from, Carries carries, std::string name, AskBody body, StageOptions options) {
  NodeSpec node = stage_of(Type::kAsync, carries, std::move(name), std::move(options));
  node.ask = std::move(body);
  return from.builder->add(from.builder, &from, std::move(node));
}

Origin add_stateful(const Origin& from, Carries carries, std::string name, StatefulBody body, StageOptions options) {
  NodeSpec node = stage_of(Type::kStateful, carries, std::move(name), std::move(options));
  node.stateful = std::move(body);
  return from.builder->add(from.builder, &from, std::move(node));
}

Origin add_route(const Origin& from, Carries carries, std::string name, ChooseBody body, StageOptions options) {
  NodeSpec node = stage_of(Type::kRoute, carries, std::move(name), std::move(options));
  node.choose = std::move(body);
  return from.builder->add(from.builder, &from, std::move(node));
}

Origin add_output(const Origin& route, std::optional<std::string> name) {
  const std::size_t number = route.outputs.front().node;
  if (number >= route.builder->graph.size()) {  // The graph has begun.
    route.builder->problems.emplace_back("an output was asked for after the graph was ready");
    return route;
  }
  NodeSpec& node = route.builder->graph[number];
  if (!name) {
    if (!node.otherwise) {
      node.otherwise = node.outputs.size();
      node.outputs.emplace_back("otherwise");
    }
    return {route.builder, {{number, *node.otherwise}}};
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == *name && i != node.otherwise) return {route.builder, {{number, i}}};
  }
  node.outputs.push_back(*std::move(name));
  return {route.builder, {{number, node.outputs.size() - 1}}};
}

Origin add_jq(const Origin& from, Carries carries, std::string name,
              std::shared_ptr<const transform::jq::Program> program, StageOptions options) {
  if (program == nullptr) {
    from.builder->problems.push_back(fmt::format("{} has no program", name));
    return from;
  }
  auto evaluators =
      std::make_shared<pipeline::LoanPool<transform::jq::Evaluator>>([] { return transform::jq::Evaluator(); });
  return add_expand(
      from, carries, std::move(name),
      [program = std::move(program), evaluators = std::move(evaluators)](const Item& item, Emit& emit) {
        return run_program(*program, *evaluators->borrow(), item, emit);
      },
      std::move(options));
}

Origin add_mapping(const Origin& from, std::string name, Mapping mapping, std::string says) {
  NodeSpec node = stage_of(Type::kMapping, Carries::kRecords, std::move(name), {.says = std::move(says)});
  node.gives = Carries::kEntities;
  if (mapping.compiled() == nullptr) {
    from.builder->problems.push_back(fmt::format("{} has no mapping", node.name));
    return from;
  }
  node.mapping.emplace(std::move(mapping));
  return from.builder->add(from.builder, &from, std::move(node));
}

Origin add_entities(const Origin& from, std::string name, std::string says) {
  NodeSpec node = stage_of(Type::kEntities, Carries::kRecords, std::move(name), {.says = std::move(says)});
  node.gives = Carries::kEntities;
  return from.builder->add(from.builder, &from, std::move(node));
}

void add_sink(const Origin& from, Carries carries, std::string name, std::unique_ptr<stages::Sink> sink,
              SinkOptions options) {
  NodeSpec node;
  node.type = Type::kSink;
  node.name = std::move(name);
  node.takes = node.gives = carries;
  node.sink = std::move(sink);
  node.sink_options = std::move(options);
  (void)from.builder->add(from.builder, &from, std::move(node));
}

}  // namespace riptide::detail

namespace riptide {

using detail::Builder;

Graph::Graph(GraphOptions options) : builder_(std::make_shared<Builder>(std::move(options))) {}
Graph::~Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;

Stream<Record> Graph::source(std::string name, std::shared_ptr<const stages::Source> source, SourceOptions options) {
  NodeSpec node;
  node.type = NodeSpec::Type::kSource;
  node.name = std::move(name);
  node.source = std::move(source);
  node.source_options = std::move(options);
  return Stream<Record>(builder_->add(builder_, nullptr, std::move(node)));
}

Stream<Record> Graph::source(std::string name, std::shared_ptr<LocalSource> source, SourceOptions options) {
  NodeSpec node;
  node.type = NodeSpec::Type::kSource;
  node.name = std::move(name);
  node.local_source = std::move(source);
  node.source_options = std::move(options);
  return Stream<Record>(builder_->add(builder_, nullptr, std::move(node)));
}

Result<void> Graph::check() { return builder_->ready(); }

Result<GraphDescription> Graph::describe() {
  if (auto ready = builder_->ready(); !ready) return unexpected(std::move(ready).error());
  return builder_->run->describe();
}

Result<RunReport> Graph::run(Stop& stop, const std::function<int()>& stop_signal) {
  if (auto ready = builder_->ready(); !ready) return unexpected(std::move(ready).error());
  return builder_->run->run(stop, stop_signal);
}

stages::Progress Graph::progress() const {
  return builder_->run != nullptr ? builder_->run->progress() : stages::Progress();
}

LiveGraph Graph::live() const { return builder_->run != nullptr ? builder_->run->live() : LiveGraph(); }

Result<void> Graph::tap(std::string_view node, std::size_t count, std::function<void(const TappedItem&)> hear) {
  if (auto ready = builder_->ready(); !ready) return unexpected(std::move(ready).error());
  return builder_->run->tap(node, count, std::move(hear));
}

bool Graph::can_be_resumed() const { return builder_->run != nullptr && builder_->run->can_be_resumed(); }

}  // namespace riptide
