#include "riptide/stages/resync.hpp"

#include <fmt/format.h>

#include <utility>

#include "flow_run.hpp"
#include "lane_core.hpp"
#include "riptide/pipeline/check.hpp"

namespace riptide::stages {
namespace {

SourceOptions source_options(const ResyncOptions& options) {
  SourceOptions source;
  source.least_in_flight = options.least_in_flight;
  source.retry = options.source_retry;
  source.timeout = options.source_timeout;
  source.verify_tls = options.verify_source_tls;
  source.allow_private_addresses = options.allow_private_source;
  source.http2 = options.source_http2;
  source.wire = options.source_wire;
  return source;
}

/// source -> transform -> sinks.
GraphSpec plain_graph(ResyncParts& parts, const ResyncOptions& options) {
  GraphSpec graph;
  const auto& resources = parts.mapping->spec().resources;
  NodeSpec& source = graph.emplace_back();
  source.type = NodeSpec::Type::kSource;
  source.name = parts.source->type();
  source.source = std::move(parts.source);
  source.source_options = source_options(options);
  for (const std::uint32_t index : options.resources) {
    source.source_options.kinds.push_back({resources.at(index).kind, {}});
  }
  NodeSpec& mapping = graph.emplace_back();
  mapping.type = NodeSpec::Type::kMapping;
  mapping.name = "transform";
  mapping.inputs = {{0, 0}};
  mapping.gives = detail::Carries::kEntities;
  mapping.mapping.emplace(std::move(parts.mapping));
  const double threshold = mapping.mapping->compiled()->spec().deletion_threshold;
  for (std::size_t i = 0; i < parts.sinks.size(); ++i) {
    NodeSpec& sink = graph.emplace_back();
    sink.type = NodeSpec::Type::kSink;
    // Two sinks may have the same specification.
    sink.name = fmt::format("{} ({})", i + 1, parts.sinks[i]->spec());
    sink.inputs = {{1, 0}};
    sink.takes = detail::Carries::kEntities;
    sink.sink = std::move(parts.sinks[i]);
    sink.sink_options = plain_sink(options, threshold);
  }
  return graph;
}

}  // namespace

struct Resync::Impl {
  std::unique_ptr<FlowRun> run;
};

Resync::Resync(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Resync::~Resync() = default;

Result<std::unique_ptr<Resync>> Resync::create(ResyncParts parts, ResyncOptions options) {
  RIPTIDE_CHECK(parts.source != nullptr && parts.mapping != nullptr);
  FlowParts flow;
  flow.title = fmt::format("{} resync", parts.source->type());
  flow.graph = plain_graph(parts, options);
  flow.context = std::move(parts.context);
  flow.state = std::move(parts.state);
  flow.journal = std::move(parts.journal);
  flow.dead_letters = std::move(parts.dead_letters);
  auto run = FlowRun::create(std::move(flow), std::move(options));
  if (!run) return pipeline::unexpected(std::move(run).error());
  return std::unique_ptr<Resync>(new Resync(std::make_unique<Impl>(Impl{std::move(*run)})));
}

pipeline::GraphDescription Resync::describe() const { return impl_->run->describe(); }

Result<pipeline::RunReport> Resync::run(pipeline::Stop& stop, const std::function<int()>& stop_signal) {
  return impl_->run->run(stop, stop_signal);
}

bool Resync::can_be_resumed() const { return impl_->run->can_be_resumed(); }

Progress Resync::progress() const { return impl_->run->progress(); }

}  // namespace riptide::stages
