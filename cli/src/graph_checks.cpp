#include "riptide/cli/graph_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "riptide/cli/spelling.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;
using Node = GraphFile::Node;
using Input = GraphFile::Input;

class Checks {
 public:
  explicit Checks(GraphFileReading& reading) : reading_(reading), nodes_(reading.graph.nodes) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) index_.emplace(nodes_[i].name, i);
  }

  void run() {
    for (Node& node : nodes_) inputs(node);
    if (!order()) return;
    for (const std::size_t i : order_) types(nodes_[i]);
    dead_ends();
    for (const Node& node : nodes_) bounds(node);
    for (const Node& node : nodes_) batches(node);
    for (const Node& node : nodes_) reconciling(node);
    files();
    ends();
    std::vector<Node> sorted;
    for (const std::size_t i : order_) sorted.push_back(std::move(nodes_[i]));
    nodes_ = std::move(sorted);
  }

 private:
  void say(Level level, int line, int column, const std::string& where, std::string message) {
    reading_.problems.push_back({level, reading_.graph.origin, line, column, where, std::move(message)});
  }
  void wrong(const Node& node, std::string message, std::string_view field = {}) {
    const Tree* const at = field.empty() ? nullptr : node.fields.find(field);
    say(Level::kError, at != nullptr ? at->line : node.line, at != nullptr ? at->column : node.column,
        "nodes." + node.name + (field.empty() ? std::string() : "." + std::string(field)), std::move(message));
  }
  void wrong(const Node& node, const Input& input, std::string message) {
    say(Level::kError, input.line, input.column, "nodes." + node.name + ".inputs", std::move(message));
  }

  static std::vector<std::string> outputs_of(const Node& node) {
    std::vector<std::string> outputs;
    if (const Tree* const routes = node.fields.find("routes")) {
      for (const auto& [name, program] : routes->members) outputs.push_back(name);
    }
    outputs.emplace_back("otherwise");
    return outputs;
  }

  /// Removes inputs that name nothing, after saying so.
  void inputs(Node& node) {
    std::vector<std::string> names;
    for (const Node& other : nodes_) {
      if (other.type->role != NodeRole::kSink && &other != &node) names.push_back(other.name);
    }
    std::set<std::pair<std::string, std::string>> had;
    std::erase_if(node.inputs, [&](const Input& input) {
      const auto found = index_.find(input.node);
      if (found == index_.end()) {
        wrong(node, input, fmt::format("there is no node '{}'{}", input.node, did_you_mean(input.node, names)));
        return true;
      }
      const Node& from = nodes_[found->second];
      if (from.type->role == NodeRole::kSink) {
        wrong(node, input, fmt::format("'{}' is a sink: nothing comes out of it", input.node));
        return true;
      }
      if (!had.emplace(input.node, input.output).second) {
        wrong(node, input, "is there twice: every item would come twice; remove one");
        return true;
      }
      if (from.type->role != NodeRole::kRoute) {
        if (input.output.empty()) return false;
        wrong(node, input, fmt::format("'{}' has one output: write `{}`", input.node, input.node));
        return true;
      }
      const std::vector<std::string> outputs = outputs_of(from);
      if (input.output.empty()) {
        wrong(node, input,
              fmt::format("'{}' is a route: name one of its outputs, {}.{}", input.node, input.node, outputs.front()));
        return true;
      }
      if (std::find(outputs.begin(), outputs.end(), input.output) != outputs.end()) return false;
      wrong(node, input,
            fmt::format("'{}' has no output '{}', only {}{}", input.node, input.output, listed(outputs),
                        did_you_mean(input.output, outputs)));
      return true;
    });
  }

  /// Puts the nodes in order; false, after saying so, if there is a circle.
  bool order() {
    enum class Mark { kNew, kOpen, kDone };
    std::vector<Mark> marks(nodes_.size(), Mark::kNew);
    std::vector<std::pair<std::size_t, std::size_t>> path;  // node, next input
    for (std::size_t start = 0; start < nodes_.size(); ++start) {
      if (marks[start] != Mark::kNew) continue;
      path.emplace_back(start, 0);
      marks[start] = Mark::kOpen;
      while (!path.empty()) {
        auto& [at, next] = path.back();
        if (next == nodes_[at].inputs.size()) {
          marks[at] = Mark::kDone;
          order_.push_back(at);
          path.pop_back();
          continue;
        }
        const Input& input = nodes_[at].inputs[next++];
        const std::size_t from = index_.at(input.node);
        if (marks[from] == Mark::kDone) continue;
        if (marks[from] == Mark::kOpen) {
          circle(path, from, input);
          return false;
        }
        marks[from] = Mark::kOpen;
        path.emplace_back(from, 0);
      }
    }
    return true;
  }

  void circle(const std::vector<std::pair<std::size_t, std::size_t>>& path, std::size_t from, const Input& input) {
    std::string round = nodes_[from].name;
    for (auto step = path.rbegin(); step != path.rend(); ++step) {
      round += " -> " + nodes_[step->first].name;
      if (step->first == from) break;
    }
    const Node& node = nodes_[path.back().first];
    wrong(node, input, fmt::format("the graph goes round in a circle: {}; remove one of these inputs", round));
  }

  void types(Node& node) {
    std::set<Carries> in;
    for (const Input& input : node.inputs) in.insert(nodes_[index_.at(input.node)].gives);
    in.erase(Carries::kNothing);  // was said
    if (in.size() > 1) {
      wrong(node, "gets records from one input and entities from another: put a `mapping` before it, or use two nodes");
    }
    const Carries what = in.empty() ? Carries::kNothing : *in.begin();
    node.gives = node.type->gives == Carries::kSame ? what : node.type->gives;
    if (in.size() != 1 || node.type->takes == Carries::kAny || node.type->takes == what) return;
    const Input& input = node.inputs.front();
    if (node.type->takes == Carries::kEntities) {
      wrong(node, input,
            fmt::format("{} takes entities, and '{}' gives records: put a `mapping` between them", node.type->name,
                        input.node));
    } else {
      wrong(node, input,
            fmt::format("{} takes records, and '{}' gives entities, which were mapped before; remove one "
                        "of the mappings, or use `jq`",
                        node.type->name, input.node));
    }
  }

  /// Outputs that nobody takes.
  void dead_ends() {
    std::set<std::pair<std::string, std::string>> taken;
    for (const Node& node : nodes_) {
      for (const Input& input : node.inputs) taken.emplace(input.node, input.output);
    }
    for (const Node& node : nodes_) {
      if (node.type->role == NodeRole::kSink) continue;
      if (node.type->role != NodeRole::kRoute) {
        if (!taken.contains({node.name, ""})) {
          wrong(node, fmt::format("is a dead end: nothing takes what comes out; name it in the `inputs` of a sink (a "
                                  "`null` sink throws it away), or remove it"));
        }
        continue;
      }
      for (const std::string& output : outputs_of(node)) {
        if (taken.contains({node.name, output})) continue;
        if (output == "otherwise") {
          say(Level::kWarning, node.line, node.column, "nodes." + node.name,
              fmt::format("what no route takes is dropped and counted as filtered: say so with a `null` sink for "
                          "`{}.otherwise`",
                          node.name));
        } else {
          wrong(
              node,
              fmt::format("the route '{0}' is a dead end: name `{1}.{0}` in the `inputs` of a node", output, node.name),
              "routes");
        }
      }
    }
  }

  /// What must be said so that a node keeps no more than it should.
  void bounds(const Node& node) {
    const auto given = [&](std::string_view field) { return node.fields.find(field) != nullptr; };
    if (node.type->name == "sample") {
      const int ways = int{given("fraction")} + int{given("every")} + int{given("first")};
      if (ways != 1) wrong(node, "needs exactly one of `fraction`, `every` and `first`");
    }
    if (node.type->name == "mapping" && given("file") && given("inline")) {
      wrong(node, "has a `file` and an `inline` mapping; remove one", "inline");
    }
    if (node.type->name == "batch" && !given("records") && !given("bytes")) {
      wrong(node, "has no bound: say how full a batch may get, with `records` or `bytes`");
    }
    if (node.type->name == "window" && reading_.graph.memory_bytes && node.integer("count") > 0) {
      // Items of 64 bytes are about the smallest there are.
      if (static_cast<std::size_t>(node.integer("count")) * 64 > *reading_.graph.memory_bytes) {
        wrong(node, "a window of so many items cannot fit into `memory`: make it smaller", "count");
      }
    }
    if (node.type->role == NodeRole::kSource && node.type->name != "generate" && node.fields.find("kinds") == nullptr) {
      kinds_known(node);
    }
  }

  /// A source reads what the mappings right behind it ask for, or what its `kinds` say.
  void kinds_known(const Node& node) {
    for (const Node& other : nodes_) {
      for (const Input& input : other.inputs) {
        if (input.node != node.name || other.type->name == "mapping") continue;
        wrong(node, fmt::format("needs `kinds`: '{}' behind it is no mapping that says what to read", other.name));
        return;
      }
    }
  }

  void batches(const Node& node) {
    if (node.type->role != NodeRole::kBatch) return;
    for (const Node& other : nodes_) {
      for (const Input& input : other.inputs) {
        if (input.node != node.name) continue;
        if (other.type->role != NodeRole::kSink) {
          wrong(other, input, "a batch stands right before its sink: nothing can come between them");
        } else if (other.inputs.size() > 1) {
          wrong(other, input, "a sink with a batch has it as its only input: let the others go into the batch");
        }
      }
    }
  }

  /// What a sink deletes is what it did not see: behind a node that lets only some items through it sees only some.
  void reconciling(const Node& node) {
    if (node.type->role != NodeRole::kSink || node.type->find("reconcile") == nullptr) return;
    if (node.text("reconcile") == "never") return;
    std::set<std::string> seen;
    std::vector<std::string> open;
    for (const Input& input : node.inputs) open.push_back(input.node);
    while (!open.empty()) {
      const std::string name = std::move(open.back());
      open.pop_back();
      if (!seen.insert(name).second) continue;
      const Node& before = nodes_[index_.at(name)];
      if (before.type->name == "sample" || before.type->name == "window") {
        wrong(node,
              fmt::format("must be `never` behind '{}', which lets only some items through: all others would be "
                          "deleted",
                          name),
              "reconcile");
        return;
      }
      for (const Input& input : before.inputs) open.push_back(input.node);
    }
  }

  void files() {
    std::map<std::string, std::string> writers;
    for (const Node& node : nodes_) {
      if (node.type->role != NodeRole::kSink || node.fields.find("path") == nullptr) continue;
      const std::string path = node.text("path");
      const auto [other, fresh] = writers.emplace(path, node.name);
      if (!fresh)
        wrong(node, fmt::format("'{}' writes to the same file: let both flow into one sink", other->second), "path");
    }
  }

  void ends() {
    const auto any = [&](NodeRole role) {
      return std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& node) { return node.type->role == role; });
    };
    if (nodes_.empty()) return;
    if (!any(NodeRole::kSource)) say(Level::kError, 0, 0, "nodes", "there is no source: nothing would be read");
    if (!any(NodeRole::kSink)) say(Level::kError, 0, 0, "nodes", "there is no sink: nothing would be kept");
  }

  GraphFileReading& reading_;
  std::vector<Node>& nodes_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<std::size_t> order_;
};

}  // namespace

void check_graph(GraphFileReading& reading) { Checks(reading).run(); }

}  // namespace riptide::cli
