#include <gtest/gtest.h>

#include "memory_sink.hpp"
#include "octopus_mapping.hpp"
#include "riptide/sinks/null_sink.hpp"
#include "riptide/stages/resync.hpp"

namespace riptide::stages {
namespace {

/// A whole source of one's own: one listing, no pages. What docs/ promises in under forty lines.
class MachinesOfOneSpace : public Source {
 public:
  explicit MachinesOfOneSpace(std::string server) : server_(std::move(server)) {}
  [[nodiscard]] std::string_view type() const noexcept override { return "one-space"; }
  [[nodiscard]] Result<std::vector<Request>> start(std::span<const SourceResource> resources) const override {
    Request request;
    ScopeSpec scope;
    for (const SourceResource& resource : resources) scope.resources.push_back(resource.index);
    request.scope = std::make_shared<const ScopeSpec>(std::move(scope));
    return std::vector<Request>{request};
  }
  [[nodiscard]] HttpRequest render(const Request&) const override {
    HttpRequest http;
    http.url = server_ + "/api/Spaces-1/machines/all";
    return http;
  }
  [[nodiscard]] Result<PageStep> read(const Request&, const HttpResponse& response,
                                      json::Document& document) const override {
    if (!response.ok()) return pipeline::unexpected(http_error(response));
    auto root = document.index(response.body->view());
    if (!root) return pipeline::unexpected(root.error());
    PageStep step;
    json::Document::Elements machines(document, *root);
    while (machines.next()) {
      auto raw = machines.raw_value();
      if (!raw) return pipeline::unexpected(raw.error());
      step.records.add(static_cast<std::uint32_t>(raw->data() - response.body->view().data()),
                       static_cast<std::uint32_t>(raw->size()));
    }
    if (auto read = machines.status(); !read) return pipeline::unexpected(read.error());
    return step;
  }

 private:
  std::string server_;
};

TEST(CustomParts, ASourceOfOnesOwnRunsInTheSameGraph) {
  simulator::OctopusOptions options{.spaces = 1, .total_records = 0};
  options.kinds = {{.name = "machine", .records_per_space = {120}}};
  const auto server = serve(options);
  const HttpRuntime runtime;
  MemoryCatalogue catalogue;
  transform::MappingSpec mapping;
  mapping.resources = {resource_of("machine", "machine")};
  ResyncParts parts;
  parts.source = std::make_shared<MachinesOfOneSpace>(server->url());
  parts.mapping = compiled(mapping);
  parts.sinks = sinks_of(std::make_unique<MemorySink>(catalogue, SinkLimits{}), std::make_unique<sinks::NullSink>());
  auto resync = Resync::create(std::move(parts), {.version = "test", .threads = 2});
  ASSERT_TRUE(resync);
  pipeline::Stop stop;
  const auto report = (*resync)->run(stop, [] { return 0; });
  ASSERT_TRUE(report);
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_EQ(catalogue.entities.size(), 120u);
  EXPECT_EQ(total(*report, 1).updated, 120u);
}

}  // namespace
}  // namespace riptide::stages
