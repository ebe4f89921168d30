// A plan with generated changes, no network: recorded in batches as a sink that plans answers them, sealed, and read
// through once as its output is.
//
// usage: plan_bench [CHANGES]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "riptide/pipeline/credits.hpp"
#include "riptide/pipeline/peak_memory.hpp"
#include "riptide/stages/plan.hpp"

namespace riptide::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 50;
constexpr std::size_t kBatchMemory = std::size_t{16} << 20;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

void append(pipeline::Batch& batch, std::uint64_t number) {
  pipeline::Entity entity;
  entity.begin = batch.bytes.size();
  const std::string name = fmt::format("Deployments-{}", number);
  std::string json = R"({"identifier":")";
  entity.identifier = {static_cast<std::uint32_t>(json.size() - 1), static_cast<std::uint32_t>(name.size() + 2)};
  json += name + R"(","blueprint":)";
  const std::string blueprint = R"("octopusDeployment")";
  entity.blueprint = {static_cast<std::uint32_t>(json.size()), static_cast<std::uint32_t>(blueprint.size())};
  json += blueprint + R"(,"properties":)";
  const std::string properties = fmt::format(
      R"({{"url":"https://octopus.example/app#/Spaces-1/deployments/{}","state":"Success","created":"2026-01-01"}})",
      name);
  entity.properties = {static_cast<std::uint32_t>(json.size()), static_cast<std::uint32_t>(properties.size())};
  json += properties + "}";
  entity.length = static_cast<std::uint32_t>(json.size());
  entity.identity = pipeline::identity_digest("octopusDeployment", name);
  batch.bytes += json;
  batch.entities.push_back(entity);
}

int run(std::size_t changes) {
  stages::Plan plan({.fields = true, .keep_entities = true, .directory = {}});
  pipeline::CreditPool memory("batch memory", kBatchMemory);
  const stages::Plan::Names names{[](std::uint32_t) { return std::string_view("deployment"); },
                                  [](std::uint32_t) { return std::string("Spaces-1"); }};
  auto begin = Clock::now();
  std::uint64_t bytes = 0;
  for (std::size_t first = 0; first < changes; first += kBatch) {
    pipeline::Batch batch;
    batch.blueprint = "octopusDeployment";
    batch.number = first / kBatch + 1;
    for (std::size_t i = first; i < std::min(changes, first + kBatch); ++i) append(batch, i);
    std::vector<pipeline::Outcome> outcomes(batch.entities.size());
    for (pipeline::Outcome& outcome : outcomes) {
      outcome.changes = R"([{"field":"properties.state","before":"Failed","after":"Success"}])";
    }
    bytes += batch.bytes.size();
    // As a run's budget does: what is not written yet holds its credit.
    while (memory.taken() > kBatchMemory) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    batch.credit = memory.take(batch.bytes.size());
    plan.record(batch, outcomes, names);
  }
  const double recording = seconds_since(begin);
  begin = Clock::now();
  if (auto sealed = plan.seal(); !sealed) {
    fmt::print(stderr, "plan_bench: {}\n", sealed.error().message);
    return 1;
  }
  const double sealing = seconds_since(begin);
  begin = Clock::now();
  std::uint64_t read = 0;
  auto walked = plan.each_change([&read](const stages::PlannedChange& change) {
    read += change.fields.empty() ? 0 : 1;
    return true;
  });
  if (!walked || read != changes || plan.counts().updated != changes) {
    fmt::print(stderr, "plan_bench: changes were lost: {} of {}\n", read, changes);
    return 1;
  }
  fmt::print(
      "{{\"bench\":\"plan\",\"changes\":{},\"entity_bytes\":{},\"record_s\":{:.1f},\"seal_s\":{:.1f},\"read_s\":{:.1f},"
      "\"peak_rss_mib\":{:.1f}}}\n",
      changes, bytes / changes, recording, sealing, seconds_since(begin),
      static_cast<double>(pipeline::peak_rss_bytes()) / 1048576);
  return 0;
}

}  // namespace
}  // namespace riptide::bench

int main(int argc, char** argv) {
  return riptide::bench::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000);
}
