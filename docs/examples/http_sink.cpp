// A sink of one's own: an HTTP endpoint with a batch format of its own.
//   http_sink URL [ENTITIES]
// It is sent {"upsert": [entity, ...]} and answers {"failed": [{"index": 0, "why": "..."}, ...]}.
#include <iostream>

#include "riptide/json/document.hpp"
#include "riptide/riptide.hpp"
#include "riptide/stages/http_client.hpp"

namespace json = riptide::json;
namespace stages = riptide::stages;
using riptide::Result;
using stages::Outcome;

// A member as text; empty if it is not there.
std::string member(const json::Document& document, json::Value object, std::string_view key) {
  const auto found = document.find(object, key);
  if (!found || !*found) return {};
  const auto raw = document.raw(**found);
  return raw ? json::text_of(*raw) : std::string();
}

// Says how a batch is written and how its answer is read: sockets, retries, halving and accounting are the graph's.
class BulkEndpoint final : public stages::RemoteSink {
 public:
  explicit BulkEndpoint(std::string url) : url_(std::move(url)) {}
  std::string_view spec() const noexcept override { return "bulk"; }
  stages::SinkLimits limits() const noexcept override {
    return {.max_records = 100, .max_bytes = 1 << 20, .envelope_bytes = 13, .separator_bytes = 1, .max_in_flight = 4};
  }

  stages::HttpRequest encode(const stages::Batch& batch) const override {
    std::string body;
    for (const stages::Entity& entity : batch.entities) body.append(body.empty() ? "" : ",").append(batch.json(entity));
    return {.method = stages::Method::kPost,
            .url = url_,
            .headers = {{"Content-Type", "application/json"}},
            .body = R"({"upsert":[)" + body + "]}",
            .retryable = true};  // The same batch twice does what once does.
  }

  Result<stages::UploadAnswer> read(const stages::Batch& batch, const stages::HttpResponse& response,
                                    json::Document& document) const override {
    if (response.status == 413) return stages::UploadAnswer{.split = true};  // Comes again in halves.
    if (!response.ok()) return riptide::unexpected(stages::http_error(response));
    stages::UploadAnswer answer{.outcomes = std::vector<Outcome>(batch.entities.size())};
    const auto root = document.index(response.body->view());
    const auto failed = root ? document.find(*root, "failed") : riptide::unexpected(root.error());
    if (!failed || !*failed) return riptide::unexpected(riptide::ErrorKind::kMalformed, "an answer without 'failed'");
    json::Document::Elements failures(document, **failed);
    while (failures.next()) {
      const auto index = json::to_uint64(member(document, failures.value(), "index"));
      if (index && *index < batch.entities.size())
        answer.outcomes[*index] = {Outcome::Kind::kRejected, member(document, failures.value(), "why"), {}};
    }
    if (auto all = failures.status(); !all) return riptide::unexpected(all.error());
    return answer;
  }

 private:
  const std::string url_;
};

// Makes up entities: 500 a page.
class MadeUp final : public riptide::LocalSource {
 public:
  explicit MadeUp(long count) : count_(count) {}
  std::string_view type() const override { return "service"; }
  Result<std::vector<riptide::PageRequest>> start(const std::string&) override {
    return std::vector<riptide::PageRequest>(1);
  }
  Result<riptide::LocalPage> read_page(const std::string&, const riptide::PageRequest& request) override {
    const long begin = request.cursor.empty() ? 0 : std::stol(request.cursor);
    const long end = std::min(begin + 500, count_);
    riptide::LocalPage page;
    for (long i = begin; i < end; ++i)
      page.records += R"({"identifier":"service-)" + std::to_string(i) + R"(","blueprint":"service"})" + '\n';
    if (end < count_) page.next = std::to_string(end);
    return page;
  }

 private:
  const long count_;
};

int main(int argc, char** argv) {
  if (argc < 2) return std::cerr << "usage: http_sink URL [ENTITIES]\n", 2;

  const stages::HttpRuntime http;
  riptide::Graph graph;
  graph.source("made up", std::make_shared<MadeUp>(argc > 2 ? std::stol(argv[2]) : 1000))
      .entities("entities")
      .sink("bulk", std::make_unique<BulkEndpoint>(argv[1]));

  riptide::Stop stop;
  const auto report = graph.run(stop);
  if (!report) return std::cerr << report.error().message << '\n', 2;
  std::cout << riptide::to_json(*report);
  return report->exit_code;
}
