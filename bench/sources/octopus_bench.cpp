// Reading a page of Octopus records, beside indexing the page and stepping over all of it once.

#include <benchmark/benchmark.h>

#include <string>

#include "riptide/sources/octopus.hpp"

namespace riptide::bench {
namespace {

constexpr std::int64_t kRecords = 100;

stages::HttpResponse response_of(std::string_view body) {
  stages::HttpResponse response;
  response.status = 200;
  response.body = pipeline::make_page(body);
  response.safe_url = "https://octopus.test/api";
  return response;
}

// A page of machines, about 2 KB each.
stages::HttpResponse machines() {
  std::string body =
      R"({"ItemType":"Machine","TotalResults":200000,"ItemsPerPage":100,"LastPageNumber":1999,"Items":[)";
  for (std::int64_t i = 0; i < kRecords; ++i) {
    if (i != 0) body += ',';
    const std::string number = std::to_string(i);
    body += R"({"Id":"Machines-)" + number + R"(","SpaceId":"Spaces-2","Name":"pay-web-)" + number +
            R"(","Slug":"pay-web","Roles":["web","pay"],"EnvironmentIds":["Environments-7"],"TenantIds":[],)"
            R"("TenantTags":[],"TenantedDeploymentParticipation":"Untenanted","HealthStatus":"Healthy",)"
            R"("StatusSummary":"Octopus was able to reach it.","HasLatestCalamari":true,"IsDisabled":false,)"
            R"("IsInProcess":false,"MachinePolicyId":"MachinePolicies-1","OperatingSystem":"Ubuntu 22.04.4 LTS",)"
            R"("ShellName":"Bash","ShellVersion":"5.1.16","Architecture":"x64","Uri":"https://10.1.4.12:10933/",)"
            R"("Endpoint":{"CommunicationStyle":"TentaclePassive","DeploymentTargetTypeId":"TentaclePassive",)"
            R"("Id":null,"Links":{}},"Links":{"Self":"/api/Spaces-2/machines/Machines-)" +
            number + R"("},"Notes":")" + std::string(1100, 'x') + "\"}";
  }
  return response_of(body + R"(],"Links":{"Self":"/api/Spaces-2/machines?skip=0&take=100"}})");
}

void count(benchmark::State& state, const stages::HttpResponse& page) {
  state.SetItemsProcessed(state.iterations() * kRecords);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(page.body->size()));
}

void BM_Octopus_Floor(benchmark::State& state) {
  const stages::HttpResponse page = machines();
  json::Document document;
  for (auto _ : state) {
    const auto root = document.index(page.body->view());
    if (!root || !document.raw(*root)) return state.SkipWithError("the page is not JSON");
  }
  count(state, page);
}

void BM_Octopus_Read(benchmark::State& state) {
  sources::octopus::Options options;
  options.server_url = "https://octopus.test";
  options.api_key = pipeline::Secret("key");
  options.page_size = static_cast<std::uint32_t>(kRecords);
  const auto source = sources::octopus::OctopusSource::create(std::move(options));
  if (!source) return state.SkipWithError("no source");
  const std::vector<stages::SourceResource> resources = {{0, "machine", {}}};
  json::Document document;
  const auto spaces = (*source)->start(resources);
  const auto listed =
      (*source)->read(spaces->front(), response_of(R"({"TotalResults":1,"Items":[{"Id":"Spaces-2"}]})"), document);
  if (!listed || listed->next.size() != 1) return state.SkipWithError("no request for the machines");
  const stages::Request request = listed->next.front();
  const stages::HttpResponse page = machines();
  const auto first = (*source)->read(request, page, document);
  if (!first || first->records.spans.size() != kRecords || first->extent->last_offset != 199'900) {
    return state.SkipWithError("the page is read wrongly");
  }
  for (auto _ : state) benchmark::DoNotOptimize((*source)->read(request, page, document));
  count(state, page);
}

BENCHMARK(BM_Octopus_Floor);
BENCHMARK(BM_Octopus_Read);

}  // namespace
}  // namespace riptide::bench
