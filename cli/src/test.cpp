#include <fmt/format.h>

#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/graph_file.hpp"
#include "riptide/cli/graph_test.hpp"
#include "riptide/cli/graph_tester.hpp"
#include "riptide/cli/resync_runner.hpp"
#include "riptide/cli/verbs.hpp"
#include "riptide/stages/http_client.hpp"

namespace riptide::cli {
namespace {

/// The tests of one file. Nothing if it, or its graph, is wrong: that was said.
std::optional<std::vector<GraphTestResult>> run_file(const std::string& file, const TestFlags& flags,
                                                     const ConfigSources& settings, Terminal& terminal) {
  std::vector<Problem> problems;
  auto text = read_file(file);
  if (!text) problems.push_back({Problem::Level::kError, file, 0, 0, "", text.error().message});
  std::optional<GraphTestFile> tests;
  if (text) tests = read_graph_tests(*text, file, problems);
  std::optional<GraphFileReading> graph;
  if (tests) {
    auto graph_text = read_file(tests->graph);
    if (graph_text) {
      graph = read_graph_file(*graph_text, tests->graph, variables_of(settings));
      terminal.hide(graph->graph.secrets);
      problems.insert(problems.end(), graph->problems.begin(), graph->problems.end());
    } else {
      problems.push_back({Problem::Level::kError, file, 0, 0, "graph", graph_text.error().message});
    }
  }
  if (print_problems(problems, terminal)) return std::nullopt;
  std::vector<GraphTestResult> results;
  for (const GraphTestFile::Test& test : tests->tests) {
    if (!flags.name.empty() && test.name.find(flags.name) == std::string::npos) continue;
    GraphTestResult result = run_graph_test(graph->graph, test, settings);
    terminal.print(fmt::format("{}  {} ({:.0f} ms)", result.failures.empty() ? "ok    " : "FAILED", result.name,
                               result.seconds * 1000));
    for (const std::string& failure : result.failures) terminal.print("        " + failure);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace

int run_test(const TestFlags& flags) {
  Terminal terminal(2);
  const stages::HttpRuntime http;
  std::vector<Problem> problems;
  ConfigSources settings = gather_sources(flags.common.config, problems);
  settings.flags = settings_of(flags.common);
  if (print_problems(problems, terminal)) return kExitUsage;
  std::vector<GraphTestResult> all;
  for (const std::string& file : flags.files) {
    auto results = run_file(file, flags, settings, terminal);
    if (!results) return kExitUsage;
    all.insert(all.end(), results->begin(), results->end());
  }
  if (!flags.junit.empty()) {
    const std::string suite = flags.files.size() == 1 ? flags.files.front() : "riptide test";
    if (auto written = write_file_atomically(flags.junit, terminal.redacted(junit_xml(suite, all))); !written) {
      terminal.print("riptide: " + written.error().message);
      return kExitUsage;
    }
  }
  std::size_t failed = 0;
  for (const GraphTestResult& result : all) failed += result.failures.empty() ? 0 : 1;
  terminal.print(fmt::format("riptide: {} tests, {} failed", all.size(), failed));
  if (all.empty()) return kExitUsage;  // a test run that tests nothing is a mistake
  return failed == 0 ? kExitComplete : 1;
}

}  // namespace riptide::cli
