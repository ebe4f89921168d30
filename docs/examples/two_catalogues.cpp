// Fan-out: one read of an Octopus server, everything into one catalogue, healthy machines into another.
//   two_catalogues SERVER_URL API_KEY ALL.db HEALTHY.ndjson
#include <ctime>
#include <iostream>

#include "riptide/riptide.hpp"
#include "riptide/sinks/ndjson_sink.hpp"
#include "riptide/sinks/sqlite_sink.hpp"
#include "riptide/sources/octopus.hpp"
#include "riptide/stages/http_client.hpp"

namespace octopus = riptide::sources::octopus;
namespace sinks = riptide::sinks;

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::string text(sizeof "2026-01-01T00:00:00Z", '\0');
  text.resize(std::strftime(text.data(), text.size(), "%FT%TZ", std::gmtime(&seconds)));
  return text;
}

int main(int argc, char** argv) {
  if (argc != 5) return std::cerr << "usage: two_catalogues SERVER_URL API_KEY ALL.db HEALTHY.ndjson\n", 2;
  auto source = octopus::OctopusSource::create({.server_url = argv[1], .api_key = riptide::pipeline::Secret(argv[2])});
  if (!source) return std::cerr << source.error().message << '\n', 2;
  const auto mapping = riptide::Mapping::parse(R"({"resources": [
      {"kind": "space", "selector": {"query": "true"},
       "port": {"entity": {"mappings": {"identifier": ".Id", "title": ".Name", "blueprint": "\"space\""}}}},
      {"kind": "machine", "selector": {"query": "true"},
       "port": {"entity": {"mappings": {"identifier": ".Id", "title": ".Name", "blueprint": "\"machine\"",
         "properties": {"healthy": ".HealthStatus == \"Healthy\"", "roles": ".Roles"},
         "relations": {"space": ".SpaceId"}}}}}]})");
  if (!mapping) return std::cerr << mapping.error().message << '\n', 2;

  const riptide::stages::HttpRuntime http;
  // Who owns what is written, so that what has disappeared can be told from what is others'.
  const riptide::stages::SinkContext context{.integration = "example", .kinds = {"space", "machine"}};
  riptide::Graph graph({.memory_bytes = 64 << 20, .context = context});
  const auto entities = graph.source("octopus", std::move(*source)).transform("mapping", *mapping);
  entities.sink(
      "everything",
      std::make_unique<sinks::SqliteSink>(sinks::SqliteSink::Options{.path = argv[3], .context = context, .now = now}),
      {.reconcile = riptide::Reconcile::kAll});
  entities.filter("healthy", [](const riptide::Entity& entity) { return entity.text("/properties/healthy") == "true"; })
      .sink("healthy machines", std::make_unique<sinks::NdjsonSink>(argv[4]));

  riptide::Stop stop;
  const auto report = graph.run(stop);
  if (!report) return std::cerr << report.error().message << '\n', 2;
  std::cout << riptide::to_json(*report);
  return report->exit_code;
}
