#include "octopus_mapping.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "riptide/sources/octopus.hpp"

namespace riptide::stages {

transform::ResourceSpec resource_of(std::string kind, std::string blueprint, std::string query) {
  transform::ResourceSpec resource;
  resource.kind = std::move(kind);
  resource.selector.text = std::move(query);
  transform::EntitySpec entity;
  entity.identifier = transform::ExpressionSpec{".Id", "identifier"};
  entity.blueprint = transform::ExpressionSpec{"\"" + blueprint + "\"", "blueprint"};
  entity.title = transform::ExpressionSpec{".Name", "title"};
  entity.has_properties = true;
  entity.properties.emplace_back("url", transform::ExpressionSpec{".__url", "properties.url"});
  entity.properties.emplace_back(
      "description", transform::ExpressionSpec{".Description // .ReleaseNotes // .Comments // .StatusSummary",
                                               "properties.description"});
  entity.has_relations = true;
  entity.relations.emplace_back("space", transform::ExpressionSpec{".SpaceId", "relations.space"});
  resource.entities.push_back(std::move(entity));
  return resource;
}

transform::MappingSpec octopus_mapping() {
  transform::MappingSpec spec;
  spec.origin = "test";
  for (const char* kind : {"space", "project", "release", "deployment", "machine"})
    spec.resources.push_back(resource_of(kind, kind));
  return spec;
}

std::shared_ptr<const transform::Mapping> compiled(const transform::MappingSpec& spec) {
  auto mapping = transform::Mapping::compile(spec, {});
  EXPECT_TRUE(mapping) << mapping.error().message;
  return *mapping;
}

std::unique_ptr<simulator::OctopusServer> serve(simulator::OctopusOptions options) {
  auto started = simulator::OctopusServer::start(std::move(options));
  if (auto* server = std::get_if<0>(&started)) return std::move(*server);
  ADD_FAILURE() << std::get<1>(started);
  return nullptr;
}

ResyncSetup::ResyncSetup() {
  options.version = "test";
  options.threads = 2;
  options.source_retry = {.attempts = 4, .base = milliseconds(2), .cap = milliseconds(20)};
  options.sink_retry = options.source_retry;
}

Result<std::unique_ptr<Resync>> make_resync(const ResyncSetup& setup, std::vector<std::unique_ptr<Sink>> sinks) {
  sources::octopus::Options source_options;
  source_options.server_url = setup.url;
  source_options.api_key = pipeline::Secret("API-KEY");
  source_options.page_size = setup.page_size;
  source_options.deployment_limit = setup.deployment_limit;
  auto source = sources::octopus::OctopusSource::create(std::move(source_options));
  if (!source) return pipeline::unexpected(std::move(source).error());
  ResyncParts parts;
  parts.source = std::move(*source);
  parts.mapping = compiled(setup.mapping);
  parts.sinks = std::move(sinks);
  parts.context.integration = "test";
  parts.remembered_pages = setup.remembered_pages;
  return Resync::create(std::move(parts), setup.options);
}

pipeline::RunReport run(const ResyncSetup& setup, std::vector<std::unique_ptr<Sink>> sinks, pipeline::Stop* stop,
                        int signal) {
  const HttpRuntime runtime;
  pipeline::Stop own;
  auto resync = make_resync(setup, std::move(sinks));
  if (!resync) {
    ADD_FAILURE() << resync.error().message;
    return {};
  }
  auto report = (*resync)->run(stop != nullptr ? *stop : own, [signal] { return signal; });
  if (!report) {
    ADD_FAILURE() << report.error().message;
    return {};
  }
  for (const std::string& fault : pipeline::check_accounting(*report)) ADD_FAILURE() << fault;
  for (const auto& error : report->errors) EXPECT_NE(error.stage, "accounting") << error.message;
  EXPECT_EQ(report->status, pipeline::status_of(report->exit_code));
  return std::move(*report);
}

pipeline::Tally total(const pipeline::RunReport& report, std::size_t sink) {
  pipeline::Tally sum;
  for (const auto& kind : report.sinks.at(sink).kinds) sum += kind.tally;
  return sum;
}

std::size_t listed(const simulator::OctopusServer& server) {
  std::size_t sum = server.spaces().size();
  for (const char* kind : {"project", "release", "deployment", "machine"}) sum += server.total(kind);
  return sum;
}

}  // namespace riptide::stages
