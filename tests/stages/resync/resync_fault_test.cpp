#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory_sink.hpp"
#include "octopus_mapping.hpp"
#include "riptide/stages/resync.hpp"

namespace riptide::stages {
namespace {

using simulator::Fault;
using ::testing::HasSubstr;

/// The default kinds without `url`, which has the port of the server in it.
transform::MappingSpec without_url() {
  transform::MappingSpec mapping = octopus_mapping();
  for (auto& resource : mapping.resources)
    std::erase_if(resource.entities[0].properties, [](const auto& property) { return property.first == "url"; });
  return mapping;
}

/// The made-up server, once well and once with every fault: the catalogue must be the same.
class ResyncFaultTest : public ::testing::TestWithParam<unsigned> {};

TEST_P(ResyncFaultTest, FaultsThatPassLeaveNoTrace) {
  simulator::OctopusOptions options{.spaces = 6, .total_records = 3000, .skew = 1};
  options.seed = 7;
  MemoryCatalogue well;
  {
    const auto server = serve(options);
    ResyncSetup setup;
    setup.url = server->url();
    setup.mapping = without_url();
    EXPECT_EQ(run(setup, sinks_of(std::make_unique<MemorySink>(well, SinkLimits{}))).exit_code, 0);
  }
  options.faults.rates = {.too_many_requests = 0.05,
                          .unavailable = 0.08,
                          .reset = 0.06,
                          .short_body = 0.06,
                          .truncated_json = 0.06,
                          .html = 0.06,
                          .drip = 0.02};
  options.faults.retry_after = std::chrono::seconds(0);
  options.faults.max_in_a_row = 3;
  const auto server = serve(options);
  MemoryCatalogue faulty;
  ResyncSetup setup;
  setup.url = server->url();
  setup.mapping = without_url();
  setup.page_size = 25 + GetParam();
  setup.options.source_retry.attempts = 6;
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(faulty, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 0) << (report.errors.empty() ? "" : report.errors[0].message);
  EXPECT_TRUE(faulty.entities == well.entities) << faulty.entities.size() << " and " << well.entities.size();
  const auto stats = server->stats();
  for (const Fault fault : {Fault::kTooManyRequests, Fault::kUnavailable, Fault::kReset, Fault::kShortBody,
                            Fault::kTruncatedJson, Fault::kHtml}) {
    EXPECT_GT(stats.by_fault[static_cast<std::size_t>(fault)], 0u) << simulator::fault_name(fault);
  }
}

INSTANTIATE_TEST_SUITE_P(PageSizes, ResyncFaultTest, ::testing::Values(0u, 1u, 2u));

TEST(ResyncFaults, HtmlForEverNamesTheUrlAndLeavesTheScopeOpen) {
  simulator::OctopusOptions options{.spaces = 3, .total_records = 300};
  options.faults.rules = {{.target = "/Spaces-2/releases", .fault = Fault::kHtml}};
  const auto server = serve(options);
  MemoryCatalogue catalogue;
  ResyncSetup setup;
  setup.url = server->url();
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 3);
  ASSERT_EQ(report.scopes.size(), 1u);
  EXPECT_EQ(report.scopes[0].kind, "release");
  EXPECT_EQ(report.scopes[0].partition, "Spaces-2");
  EXPECT_THAT(report.scopes[0].error, HasSubstr("/api/Spaces-2/releases"));
}

TEST(ResyncFaults, ADeadHostIsOneClearError) {
  MemoryCatalogue catalogue;
  ResyncSetup setup;
  setup.url = "http://127.0.0.1:1";
  setup.options.source_retry.attempts = 2;
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 3);
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_THAT(report.errors[0].message, HasSubstr("127.0.0.1:1"));
}

TEST(ResyncFaults, APageOverTheWholeBudgetIsALimitErrorOfItsScope) {
  simulator::OctopusOptions options{.spaces = 2, .total_records = 0};
  options.kinds = {{.name = "machine", .records_per_space = {10, 400}}};
  const auto server = serve(options);
  MemoryCatalogue catalogue;
  ResyncSetup setup;
  setup.url = server->url();
  setup.page_size = 400;
  setup.mapping.resources = {resource_of("machine", "machine")};
  setup.options.memory_bytes = 512u << 10;
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 3);
  EXPECT_EQ(catalogue.entities.size(), 10u) << "the space with a small page is read";
  ASSERT_EQ(report.scopes.size(), 1u);
  EXPECT_THAT(report.scopes[0].error, HasSubstr("MEMORY"));
}

TEST(ResyncFaults, PagesThatOutgrowTheirCreditAreReadOneAfterAnother) {
  simulator::OctopusOptions options{.spaces = 1, .total_records = 0};
  options.kinds = {{.name = "machine", .records_per_space = {3000}}};
  const auto server = serve(options);
  MemoryCatalogue catalogue;
  ResyncSetup setup;
  setup.url = server->url();
  setup.page_size = 300;  // About 600 KB a page: more than the credit that a first page starts with.
  setup.mapping.resources = {resource_of("machine", "machine")};
  setup.options.memory_bytes = 3u << 20;
  const auto report = run(setup, sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{})));
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(catalogue.entities.size(), 3000u);
}

}  // namespace
}  // namespace riptide::stages
