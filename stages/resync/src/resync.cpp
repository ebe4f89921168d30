#include "riptide/stages/resync.hpp"

#include <fmt/format.h>

#include <utility>

#include "lane_core.hpp"
#include "riptide/graph.hpp"
#include "riptide/pipeline/check.hpp"

namespace riptide::stages {
namespace {

SourceOptions source_options(const ResyncParts& parts, const ResyncOptions& options) {
  SourceOptions source;
  for (const std::uint32_t index : options.resources) {
    source.kinds.push_back({parts.mapping->spec().resources.at(index).kind, {}});
  }
  source.least_in_flight = options.least_in_flight;
  source.retry = options.source_retry;
  source.timeout = options.source_timeout;
  source.verify_tls = options.verify_source_tls;
  source.allow_private_addresses = options.allow_private_source;
  source.http2 = options.source_http2;
  source.wire = options.source_wire;
  return source;
}

GraphOptions graph_options(ResyncParts& parts, const ResyncOptions& options) {
  GraphOptions graph;
  graph.title = fmt::format("{} resync", parts.source->type());
  graph.memory_bytes = options.memory_bytes;
  graph.threads = options.threads;
  graph.in_flight = options.in_flight;
  graph.context = std::move(parts.context);
  graph.log = options.log;
  graph.version = options.version;
  graph.started_at = options.started_at;
  graph.state = std::move(parts.state);
  graph.dead_letters = std::move(parts.dead_letters);
  graph.remembered_pages = std::move(parts.remembered_pages);
  graph.journal = std::move(parts.journal);
  graph.plan = options.plan;
  graph.carry_out = options.carry_out;
  return graph;
}

/// source -> transform -> sinks: a graph as anybody may build it.
Graph graph_of(ResyncParts parts, const ResyncOptions& options) {
  Graph graph(graph_options(parts, options));
  const SinkOptions sink_options = plain_sink(options, parts.mapping->spec().deletion_threshold);
  const std::string type(parts.source->type());
  const auto entities = graph.source(type, parts.source, source_options(parts, options))
                            .transform("transform", Mapping(std::move(parts.mapping)));
  for (std::size_t i = 0; i < parts.sinks.size(); ++i) {
    // Two sinks may have the same specification.
    const std::string name = fmt::format("{} ({})", i + 1, parts.sinks[i]->spec());
    entities.sink(name, std::move(parts.sinks[i]), sink_options);
  }
  return graph;
}

}  // namespace

struct Resync::Impl {
  Graph graph;
};

Resync::Resync(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Resync::~Resync() = default;

Result<std::unique_ptr<Resync>> Resync::create(ResyncParts parts, ResyncOptions options) {
  RIPTIDE_CHECK(parts.source != nullptr && parts.mapping != nullptr);
  if (parts.sinks.empty()) return pipeline::unexpected(ErrorKind::kConfig, "no sink was given");
  auto impl = std::make_unique<Impl>(Impl{graph_of(std::move(parts), options)});
  if (auto checked = impl->graph.check(); !checked) return pipeline::unexpected(std::move(checked).error());
  return std::unique_ptr<Resync>(new Resync(std::move(impl)));
}

pipeline::GraphDescription Resync::describe() const {
  auto description = impl_->graph.describe();
  RIPTIDE_CHECK(description.has_value());  // It was checked.
  return *std::move(description);
}

Result<pipeline::RunReport> Resync::run(pipeline::Stop& stop, const std::function<int()>& stop_signal) {
  return impl_->graph.run(stop, stop_signal);
}

bool Resync::can_be_resumed() const { return impl_->graph.can_be_resumed(); }

Progress Resync::progress() const { return impl_->graph.progress(); }

}  // namespace riptide::stages
