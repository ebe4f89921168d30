#include "riptide/cli/graph_tester.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>
#include <utility>

#include "riptide/cli/graph_wiring.hpp"
#include "riptide/pipeline/run_id.hpp"

namespace riptide::cli {
namespace {

using Test = GraphTestFile::Test;

constexpr std::size_t kPageRecords = 100;
/// More failures of one test than this say nothing new.
constexpr std::size_t kMostFailures = 20;

/// Gives the records of a test.
class GivenSource final : public LocalSource {
 public:
  explicit GivenSource(std::map<std::string, std::vector<std::string>> records) : records_(std::move(records)) {}

  [[nodiscard]] std::string_view type() const override { return "given"; }
  Result<std::vector<PageRequest>> start(const std::string& /*kind*/) override { return std::vector{PageRequest{}}; }
  Result<LocalPage> read_page(const std::string& kind, const PageRequest& request) override {
    LocalPage page;
    const auto found = records_.find(kind);
    if (found == records_.end()) return page;
    std::size_t at = request.cursor.empty() ? 0 : std::stoull(request.cursor);
    const std::size_t end = std::min(found->second.size(), at + kPageRecords);
    for (; at < end; ++at) page.records += found->second[at] + "\n";
    if (end < found->second.size()) page.next = std::to_string(end);
    return page;
  }
  [[nodiscard]] std::size_t readers() const override { return 1; }

 private:
  std::map<std::string, std::vector<std::string>> records_;
};

/// Takes everything.
class GivenSink final : public stages::LocalSink {
 public:
  [[nodiscard]] std::string_view spec() const noexcept override { return "test"; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override { return {}; }
  [[nodiscard]] bool takes_any() const noexcept override { return true; }
  [[nodiscard]] bool inline_writes() const noexcept override { return true; }
  [[nodiscard]] Result<void> open() override { return {}; }
  [[nodiscard]] Result<std::vector<stages::Outcome>> write(const stages::Batch& batch) override {
    return std::vector<stages::Outcome>(batch.entities.size());
  }
  [[nodiscard]] Result<void> finish(stages::Finish /*how*/) override { return {}; }
};

class TestRun {
 public:
  TestRun(const GraphFile& graph, const Test& test, const ConfigSources& settings) : file_(graph), test_(test) {
    material_.settings = settings;
    material_.run_id = pipeline::new_run_id();
    material_.other_source = [this](const GraphFile::Node& node) -> std::shared_ptr<LocalSource> {
      const auto given = test_.given.find(node.name);
      return std::make_shared<GivenSource>(
          given == test_.given.end() ? std::map<std::string, std::vector<std::string>>() : given->second);
    };
    material_.other_sink = [](const GraphFile::Node&) { return std::make_unique<GivenSink>(); };
  }

  GraphTestResult run() {
    const auto begin = std::chrono::steady_clock::now();
    result_.name = test_.name;
    run_graph();
    result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return std::move(result_);
  }

 private:
  void fail(std::string why) {
    if (result_.failures.size() < kMostFailures) result_.failures.push_back(std::move(why));
  }

  void run_graph() {
    if (!names_are_known()) return;
    std::vector<Problem> problems;
    GraphParts parts(file_, material_, problems);
    std::optional<Graph> graph;
    if (!any_error(problems)) {
      GraphOptions options = parts.options();
      graph.emplace(std::move(options));
      parts.add_to(*graph, problems);
    }
    for (const Problem& problem : problems) {
      if (problem.level == Problem::Level::kError) fail(to_string(problem));
    }
    if (!result_.failures.empty()) return;
    for (const std::string& name : looked_at()) {
      auto tapped = graph->tap(node_of(name), SIZE_MAX, [this](const TappedItem& item) { note(item); });
      if (!tapped) fail(tapped.error().message);
    }
    pipeline::Stop stop;
    const auto report = graph->run(stop);
    if (!report) return fail("the graph did not run: " + report.error().message);
    check_errors(*report);
    check_items();
    const int code = test_.exit_code.value_or(test_.errors.empty() ? 0 : 1);
    if (report->exit_code != code) {
      fail(fmt::format("expected the exit code {}, got {}{}", code, report->exit_code,
                       report->errors.empty() ? "" : ": " + report->errors.front().message));
    }
  }

  static std::string node_of(const std::string& name) { return name.substr(0, name.find('.')); }

  /// The outputs that the test says something of.
  [[nodiscard]] std::set<std::string> looked_at() const {
    std::set<std::string> nodes;
    for (const auto& [name, items] : test_.items) nodes.insert(node_of(name));
    for (const auto& [name, count] : test_.counts) nodes.insert(node_of(name));
    return nodes;
  }

  bool names_are_known() {
    for (const std::string& name : looked_at()) {
      if (file_.find(name) == nullptr)
        fail(fmt::format("expects something of '{}', which is no node of the graph", name));
    }
    for (const auto& [name, kinds] : test_.given) {
      const GraphFile::Node* const node = file_.find(name);
      if (node == nullptr || node->type->role != NodeRole::kSource) {
        fail(fmt::format("gives records to '{}', which is no source of the graph", name));
      }
    }
    return result_.failures.empty();
  }

  void note(const TappedItem& item) {
    const std::lock_guard lock(mutex_);
    const std::string node(item.node);
    passed_[node].emplace_back(item.json);
    if (!item.output.empty()) passed_[node + "." + std::string(item.output)].emplace_back(item.json);
  }

  void check_errors(const RunReport& report) {
    std::vector<bool> met(test_.errors.size(), false);
    for (const pipeline::ErrorReport& error : report.errors) {
      bool expected = false;
      for (std::size_t i = 0; i < met.size(); ++i) {
        const Test::ExpectedError& wanted = test_.errors[i];
        const bool fits = (wanted.node.empty() || wanted.node == error.stage) &&
                          error.message.find(wanted.message) != std::string::npos;
        if (fits) met[i] = expected = true;
      }
      if (!expected) fail(fmt::format("an error that was not expected, of {}: {}", error.stage, error.message));
    }
    for (std::size_t i = 0; i < met.size(); ++i) {
      if (met[i]) continue;
      fail(fmt::format("expected an error{}{}, and there was none",
                       test_.errors[i].node.empty() ? "" : " of " + test_.errors[i].node,
                       test_.errors[i].message.empty() ? "" : " with '" + test_.errors[i].message + "'"));
    }
  }

  void check_items() {
    for (const auto& [name, count] : test_.counts) {
      if (passed_[name].size() != count)
        fail(fmt::format("{}: expected {} items, got {}", name, count, passed_[name].size()));
    }
    for (const auto& [name, items] : test_.items) check_items_of(name, items, passed_[name]);
  }

  /// Each expected item is one that passed, and each that passed is expected; order does not matter.
  void check_items_of(const std::string& name, const std::vector<Tree>& expected,
                      const std::vector<std::string>& passed) {
    std::vector<Tree> items;
    for (const std::string& json : passed) {
      auto item = read_json(json, "");
      items.push_back(item ? std::move(*item) : Tree());
    }
    std::vector<bool> taken(items.size(), false);
    for (const Tree& one : expected) {
      std::string nearest;
      std::string why;
      bool found = false;
      for (std::size_t i = 0; i < items.size() && !found; ++i) {
        if (taken[i]) continue;
        found = matches(one, items[i], why);
        if (found) taken[i] = true;
        if (!found && nearest.empty()) nearest = why;
      }
      if (!found) {
        fail(fmt::format("{}: line {}: nothing like {}{}", name, one.line, to_json(one),
                         nearest.empty() ? ", and nothing else either" : "\n  " + nearest));
      }
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!taken[i]) fail(fmt::format("{}: not expected: {}", name, passed[i]));
    }
  }

  const GraphFile& file_;
  const Test& test_;
  GraphMaterial material_;
  GraphTestResult result_;
  std::mutex mutex_;                                        ///< Guards passed_ while the graph runs.
  std::map<std::string, std::vector<std::string>> passed_;  ///< Items, by node and node.output.
};

}  // namespace

GraphTestResult run_graph_test(const GraphFile& graph, const Test& test, const ConfigSources& settings) {
  return TestRun(graph, test, settings).run();
}

}  // namespace riptide::cli
