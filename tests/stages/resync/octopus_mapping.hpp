#pragma once

#include <memory>
#include <string>
#include <vector>

#include "riptide/simulator/octopus_server.hpp"
#include "riptide/stages/resync.hpp"
#include "riptide/transform/mapping.hpp"

namespace riptide::stages {

/// A resource block: records of `kind` become entities of `blueprint`, identified by `.Id`.
transform::ResourceSpec resource_of(std::string kind, std::string blueprint, std::string query = "true");

/// The five kinds of Octopus, with a few fields each.
transform::MappingSpec octopus_mapping();

std::shared_ptr<const transform::Mapping> compiled(const transform::MappingSpec& spec);

/// Starts a made-up server or fails the test.
std::unique_ptr<simulator::OctopusServer> serve(simulator::OctopusOptions options);

/// A resync of that server into these sinks, with short retries.
struct ResyncSetup {
  std::string url;
  transform::MappingSpec mapping = octopus_mapping();
  std::uint32_t page_size = 50;
  std::uint64_t deployment_limit = 0;
  ResyncOptions options;
  std::shared_ptr<RememberedPages> remembered_pages;
  ResyncSetup();
};
Result<std::unique_ptr<Resync>> make_resync(const ResyncSetup& setup, std::vector<std::unique_ptr<Sink>> sinks);

/// Creates, runs and checks what every run must keep: the accounting equation, the status for the code.
pipeline::RunReport run(const ResyncSetup& setup, std::vector<std::unique_ptr<Sink>> sinks,
                        pipeline::Stop* stop = nullptr, int signal = 0);

/// The sum over all kinds of the first sink.
pipeline::Tally total(const pipeline::RunReport& report, std::size_t sink = 0);

template <class... Sinks>
std::vector<std::unique_ptr<Sink>> sinks_of(Sinks... sinks) {
  std::vector<std::unique_ptr<Sink>> all;
  (all.push_back(std::move(sinks)), ...);
  return all;
}

/// All records that the server lists now, over the five kinds.
std::size_t listed(const simulator::OctopusServer& server);

}  // namespace riptide::stages
