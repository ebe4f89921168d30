// A paginator of one's own: an API whose answers name the next one.
//   paged_api http://HOST/path CATALOGUE.ndjson
// It answers {"data": [{"id": ..., "name": ...}, ...], "next": "token" or null} to GET URL?after=token.
#include <iostream>

#include "riptide/riptide.hpp"
#include "riptide/sinks/ndjson_sink.hpp"
#include "riptide/stages/http_client.hpp"

namespace stages = riptide::stages;
using riptide::Result;

// Says what to ask for and how to read the answer, nothing else: sockets, retries, quotas and memory are the graph's.
class PagedApi final : public stages::Source {
 public:
  explicit PagedApi(std::string url) : url_(std::move(url)) {}
  std::string_view type() const noexcept override { return "thing"; }
  Result<std::vector<stages::Request>> start(std::span<const stages::SourceResource> resources) const override {
    std::vector<stages::Request> first;
    for (const stages::SourceResource& resource : resources)
      first.push_back({.scope = std::make_shared<stages::ScopeSpec>(stages::ScopeSpec{.resources = {resource.index}})});
    return first;
  }
  stages::HttpRequest render(const stages::Request& request) const override {
    return {.url = request.cursor.empty() ? url_ : url_ + "?after=" + stages::percent_encoded(request.cursor)};
  }
  Result<stages::PageStep> read(const stages::Request& request, const stages::HttpResponse& response,
                                riptide::json::Document& document) const override {
    if (!response.ok()) return riptide::unexpected(stages::http_error(response));
    const auto root = document.index(response.body->view());
    if (!root) return riptide::unexpected(root.error());
    const auto data = document.find(*root, "data");
    const auto next = document.find(*root, "next");
    if (!data || !*data || !next) return riptide::unexpected(riptide::ErrorKind::kMalformed, "an answer without data");
    stages::PageStep step;
    riptide::json::Document::Elements records(document, **data);
    while (records.next()) {
      const auto record = records.raw_value();  // A span of the body: nothing is copied.
      if (!record) return riptide::unexpected(record.error());
      step.records.add(static_cast<std::uint32_t>(record->data() - response.body->view().data()),
                       static_cast<std::uint32_t>(record->size()));
    }
    if (auto read = records.status(); !read) return riptide::unexpected(read.error());
    const auto token = *next ? document.raw(**next) : Result<std::string_view>("null");
    if (!token) return riptide::unexpected(token.error());
    if (*token != "null") step.next.push_back({.scope = request.scope, .cursor = riptide::json::text_of(*token)});
    return step;
  }

 private:
  const std::string url_;
};

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: paged_api URL CATALOGUE.ndjson\n", 2;
  const auto mapping = riptide::Mapping::parse(R"({"resources": [{
      "kind": "thing",
      "selector": {"query": "true"},
      "port": {"entity": {"mappings": {"identifier": ".id", "title": ".name", "blueprint": "\"thing\""}}}}]})");
  if (!mapping) return std::cerr << mapping.error().message << '\n', 2;

  const stages::HttpRuntime http;
  riptide::Graph graph;
  graph.source("api", std::make_shared<PagedApi>(argv[1]))
      .transform("mapping", *mapping)
      .sink("catalogue", std::make_unique<riptide::sinks::NdjsonSink>(argv[2]));

  riptide::Stop stop;
  const auto report = graph.run(stop);
  if (!report) return std::cerr << report.error().message << '\n', 2;
  std::cout << riptide::to_json(*report);
  return report->exit_code;
}
