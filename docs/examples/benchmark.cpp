// A benchmark graph: generate -> transform -> null. Prints what it passes in a second.
//   benchmark [RECORDS] [THREADS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "riptide/riptide.hpp"
#include "riptide/sinks/null_sink.hpp"

using riptide::Result;

// Pages of 500 records of 2 KB, in eight partitions that are generated side by side.
class Generate final : public riptide::LocalSource {
 public:
  static constexpr long kPartitions = 8;
  static constexpr long kPage = 500;

  explicit Generate(long pages) : pages_(pages) {}
  std::string_view type() const override { return "machine"; }
  Result<std::vector<riptide::PageRequest>> start(const std::string&) override {
    std::vector<riptide::PageRequest> first;
    for (long i = 0; i < std::min(kPartitions, pages_); ++i)
      first.push_back({.partition = std::to_string(i), .cursor = std::to_string(i)});
    return first;
  }
  Result<riptide::LocalPage> read_page(const std::string&, const riptide::PageRequest& request) override {
    const long number = std::stol(request.cursor);
    riptide::LocalPage page;
    page.records.reserve(kPage * (filler_.size() + 160));
    for (long i = number * kPage; i < (number + 1) * kPage; ++i) {
      const std::string id = std::to_string(i);
      page.records += R"({"Id":"Machines-)" + id + R"(","Name":"web-)" + id + R"(","SpaceId":"Spaces-)" +
                      request.partition + R"(","IsDisabled":false,"Roles":["web","prod"],)";
      page.records += filler_;
    }
    if (number + kPartitions < pages_) page.next = std::to_string(number + kPartitions);
    return page;
  }

 private:
  const long pages_;
  const std::string filler_ = R"("Thumbprint":")" + std::string(1800, 'A') + "\"}\n";
};

int main(int argc, char** argv) {
  const long records = argc > 1 ? std::atol(argv[1]) : 1'000'000;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 0;
  const auto mapping = riptide::Mapping::parse(R"json({"resources": [{
      "kind": "machine",
      "selector": {"query": ".IsDisabled | not"},
      "port": {"entity": {"mappings": {
          "identifier": ".Id", "title": ".Name", "blueprint": "\"machine\"",
          "properties": {"roles": ".Roles", "production": ".Roles | any(. == \"prod\")"},
          "relations": {"space": ".SpaceId"}}}}}]})json");
  if (!mapping) return std::cerr << mapping.error().message << '\n', 2;

  riptide::Graph graph({.memory_bytes = 64 << 20, .threads = threads});
  graph.source("generate", std::make_shared<Generate>((records + Generate::kPage - 1) / Generate::kPage))
      .transform("mapping", *mapping)
      .sink("null", std::make_unique<riptide::sinks::NullSink>());

  riptide::Stop stop;
  const auto began = std::chrono::steady_clock::now();
  const auto report = graph.run(stop);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (!report) return std::cerr << report.error().message << '\n', 2;
  std::uint64_t passed = 0;
  std::uint64_t bytes = 0;
  for (const auto& kind : report->kinds) {
    passed += kind.records;
    bytes += kind.bytes_in;
  }
  std::printf("%.0f records in %.2f s: %.0f records/s, %.0f MB/s, peak memory %.0f MB\n", static_cast<double>(passed),
              took.count(), static_cast<double>(passed) / took.count(), static_cast<double>(bytes) / took.count() / 1e6,
              static_cast<double>(report->peak_rss_bytes) / 1e6);
  return report->exit_code;
}
