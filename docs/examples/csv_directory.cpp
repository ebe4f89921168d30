// A source of one's own: every CSV file of a directory is a partition, read side by side with the others.
//   csv_directory DIRECTORY CATALOGUE.ndjson
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "riptide/json/document.hpp"
#include "riptide/riptide.hpp"
#include "riptide/sinks/ndjson_sink.hpp"

namespace fs = std::filesystem;
using riptide::Result;

std::vector<std::string> columns_of(const std::string& line) {
  std::vector<std::string> columns;
  std::istringstream in(line);
  for (std::string column; std::getline(in, column, ',');) columns.push_back(column);
  return columns;
}

// A line with the names of the columns, then a record a line. No quoting: this is an example.
class CsvDirectory final : public riptide::LocalSource {
 public:
  explicit CsvDirectory(fs::path directory) : directory_(std::move(directory)) {}
  std::string_view type() const override { return "csv"; }

  Result<std::vector<riptide::PageRequest>> start(const std::string&) override {
    std::vector<riptide::PageRequest> files;
    std::error_code failed;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory_, failed))
      if (entry.path().extension() == ".csv") files.push_back({.partition = entry.path().filename(), .cursor = {}});
    if (failed) return riptide::unexpected(riptide::ErrorKind::kConfig, "cannot list: " + directory_.string());
    return files;
  }

  // The cursor is where in the file the next page begins.
  Result<riptide::LocalPage> read_page(const std::string&, const riptide::PageRequest& request) override {
    std::ifstream file(directory_ / request.partition);
    std::string line;
    if (!std::getline(file, line))
      return riptide::unexpected(riptide::ErrorKind::kTransport, "cannot read: " + request.partition);
    const std::vector<std::string> names = columns_of(line);
    if (!request.cursor.empty()) file.seekg(std::stoll(request.cursor));
    riptide::LocalPage page;
    for (int records = 0; records < 500 && std::getline(file, line); ++records) {
      const std::vector<std::string> values = columns_of(line);
      for (std::size_t i = 0; i < names.size(); ++i)
        page.records += (i == 0 ? '{' : ',') + riptide::json::quoted(names[i]) + ':' +
                        (i < values.size() ? riptide::json::quoted(values[i]) : "null");
      page.records += "}\n";
    }
    if (file.good()) page.next = std::to_string(file.tellg());
    return page;
  }

 private:
  const fs::path directory_;
};

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: csv_directory DIRECTORY CATALOGUE.ndjson\n", 2;
  const auto mapping = riptide::Mapping::parse(R"({"resources": [{
      "kind": "csv",
      "selector": {"query": ".name != \"\""},
      "port": {"entity": {"mappings": {
          "identifier": ".id", "title": ".name", "blueprint": "\"service\"", "properties": {"owner": ".owner"}}}}}]})");
  if (!mapping) return std::cerr << mapping.error().message << '\n', 2;

  riptide::Graph graph;
  graph.source("files", std::make_shared<CsvDirectory>(argv[1]))
      .transform("mapping", *mapping)
      .sink("catalogue", std::make_unique<riptide::sinks::NdjsonSink>(argv[2]));

  riptide::Stop stop;
  const auto report = graph.run(stop);
  if (!report) return std::cerr << report.error().message << '\n', 2;
  std::cout << riptide::to_json(*report);
  return report->exit_code;
}
