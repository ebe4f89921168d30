// The transform over pages as Octopus serves them, with its floors beside it: copying the page, stage 1 alone, and
// stage 1 with a walk that steps over every record. Run: transform_bench --benchmark_repetitions=10
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "riptide/json/document.hpp"
#include "riptide/json/structurals.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/record.hpp"
#include "riptide/transform/mapping.hpp"

namespace {

std::uint64_t allocations = 0;

}  // namespace

// Counts what the measured loops allocate.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace riptide::transform {
namespace {

/// A machine of Octopus, about 2 KB.
std::string octopus_record(int number) {
  const std::string id = std::to_string(number);
  std::string json = R"({"Id":"Machines-)" + id + R"(","SpaceId":"Spaces-)" + std::to_string(number % 7) +
                     R"(","Name":"pay-web-)" + id + R"(","Slug":"pay-web-)" + id +
                     R"(","Description":"Serves the payment pages; rebuilt nightly.","Roles":["web","pay","eu-west"],)";
  json +=
      R"("EnvironmentIds":["Environments-7","Environments-12"],"TenantIds":[],"TenantTags":["Ring/Early","Region/EU"],)";
  json +=
      R"("TenantedDeploymentParticipation":"Untenanted","HealthStatus":"Healthy","StatusSummary":"Octopus was able to reach it.\r\nNothing to do.",)";
  json +=
      R"("HasLatestCalamari":true,"IsDisabled":false,"IsInProcess":false,"SkipInitialHealthCheck":false,"MachinePolicyId":"MachinePolicies-1",)";
  json +=
      R"("OperatingSystem":"Ubuntu 22.04.4 LTS","OperatingSystemVersion":"22.04","ShellName":"Bash","ShellVersion":"5.1.16","Architecture":"x64",)";
  json += R"("Thumbprint":"3D9AF2C41B7E05D86A93C1F2E4B5D6A7988F0C1B","Uri":"https://10.1.4.)" +
          std::to_string(number % 250) + R"(:10933/",)";
  json +=
      R"("Endpoint":{"CommunicationStyle":"TentaclePassive","DeploymentTargetTypeId":"TentaclePassive","Id":null,"Uri":"https://10.1.4.12:10933/",)";
  json +=
      R"("ProxyId":null,"Thumbprint":"3D9AF2C41B7E05D86A93C1F2E4B5D6A7988F0C1B","CertificateSignatureAlgorithm":"sha256RSA",)";
  json +=
      R"("TentacleVersionDetails":{"UpgradeLocked":false,"Version":"8.1.1893","UpgradeSuggested":false,"UpgradeRequired":false},"LastModifiedOn":null,"LastModifiedBy":null,"Links":{}},)";
  json += R"("Links":{)";
  const char* const kLinks[] = {"Self",        "Connection",  "TasksTemplate", "LatestTask",
                                "Deployments", "RunbookRuns", "Policy",        "Proxy"};
  for (const char* const link : kLinks) {
    if (link != kLinks[0]) json += ',';
    json +=
        '"' + std::string(link) + R"(":"/api/Spaces-2/machines/Machines-)" + id + "/" + link + R"({?skip,take,type}")";
  }
  return json + "}}";
}

struct Input {
  pipeline::Page page;
  pipeline::RecordSet records;
};

Input octopus_page(int num_records) {
  std::string body = R"({"ItemType":"Machine","TotalResults":1000,"ItemsPerPage":100,"LastPageNumber":9,"Items":[)";
  Input input;
  for (int i = 0; i < num_records; ++i) {
    if (i != 0) body += ',';
    const std::string record = octopus_record(1000 + i);
    input.records.add(static_cast<std::uint32_t>(body.size()), static_cast<std::uint32_t>(record.size()));
    input.records.overlay("__url", "\"https://octopus.example.com/app#/Spaces-1/infrastructure/machines/Machines-" +
                                       std::to_string(1000 + i) + "\"");
    body += record;
  }
  input.page = pipeline::make_page(body + "]}");
  return input;
}

/// The default mapping of machines.
ResourceSpec octopus_machines() {
  const auto text = [](std::string path, std::string expression) {
    return ExpressionSpec{std::move(expression), std::move(path), 0, 0};
  };
  ResourceSpec resource;
  resource.kind = "machine";
  resource.selector = text("query", "true");
  EntitySpec& entity = resource.entities.emplace_back();
  entity.identifier = text("identifier", ".Id");
  entity.title = text("title", ".Name");
  entity.blueprint = text("blueprint", "\"octopusMachine\"");
  for (const auto& [name, expression] : std::initializer_list<std::pair<const char*, const char*>>{
           {"roles", ".Roles"},
           {"status", ".HealthStatus"},
           {"url", ".__url"},
           {"isDisabled", ".IsDisabled"},
           {"operatingSystem", ".OperatingSystem"},
           {"architecture", ".Architecture"},
           {"statusSummary", ".StatusSummary"},
           {"endpointType", ".Endpoint.DeploymentTargetTypeId"},
           {"communicationStyle", ".Endpoint.CommunicationStyle"}}) {
    entity.properties.emplace_back(name, text(std::string("properties.") + name, expression));
  }
  entity.relations.emplace_back("space", text("relations.space", ".SpaceId"));
  return resource;
}

void count_work(benchmark::State& state, const Input& input, std::uint64_t allocations_before) {
  const auto records = static_cast<double>(input.records.spans.size());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(input.records.spans.size()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(input.page->size()));
  state.counters["allocs_per_record"] =
      static_cast<double>(allocations - allocations_before) / (static_cast<double>(state.iterations()) * records);
}

void map_with(benchmark::State& state, const Input& input, ResourceSpec resource) {
  MappingSpec spec;
  spec.resources.push_back(std::move(resource));
  auto mapping = Mapping::compile(spec, {});
  if (!mapping) {
    state.SkipWithError(mapping.error().message.c_str());
    return;
  }
  Mapper mapper(*mapping);
  MappedPage out;
  const auto map = [&] {
    out.entities.bytes.clear();
    out.entities.entities.clear();
    out.faults.clear();
    out.misconfigured.clear();
    out.counts.clear();
    mapper.map(0, input.page, input.records, out);
  };
  map();
  if (out.entities.entities.size() != input.records.spans.size()) {
    state.SkipWithError("not every record became an entity");
    return;
  }
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    map();
    benchmark::DoNotOptimize(out.entities.bytes.data());
  }
  count_work(state, input, before);
}

void BM_Transform_Octopus(benchmark::State& state) {
  const Input input = octopus_page(static_cast<int>(state.range(0)));
  map_with(state, input, octopus_machines());
}
BENCHMARK(BM_Transform_Octopus)->Arg(1)->Arg(50)->Arg(100);

void BM_Transform_FloorCopy(benchmark::State& state) {
  const Input input = octopus_page(static_cast<int>(state.range(0)));
  std::string copy(input.page->size(), '\0');
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    std::memcpy(copy.data(), input.page->view().data(), input.page->size());
    benchmark::DoNotOptimize(copy.data());
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_FloorCopy)->Arg(100);

void BM_Transform_FloorStage1(benchmark::State& state) {
  const Input input = octopus_page(static_cast<int>(state.range(0)));
  json::StructuralIndex index;
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    auto built = index.build(input.page->view());
    if (!built) state.SkipWithError("not JSON");
    benchmark::DoNotOptimize(built->size);
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_FloorStage1)->Arg(100);

void BM_Transform_FloorStepOver(benchmark::State& state) {
  const Input input = octopus_page(static_cast<int>(state.range(0)));
  json::StructuralIndex index;
  json::Brackets brackets;
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    auto built = index.build(input.page->view());
    if (!built || json::step_over(*built, 0, brackets, nullptr) != built->size) state.SkipWithError("not JSON");
  }
  count_work(state, input, before);
}
BENCHMARK(BM_Transform_FloorStepOver)->Arg(100);

}  // namespace
}  // namespace riptide::transform

BENCHMARK_MAIN();
