#include "riptide/cli/sync_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "riptide/cli/settings.hpp"
#include "riptide/json/document.hpp"
#include "riptide/pipeline/check.hpp"

namespace riptide::cli {
namespace {

using Node = GraphFile::Node;

Tree text_tree(std::string text) {
  Tree tree;
  tree.kind = Tree::Kind::kString;
  tree.text = std::move(text);
  return tree;
}

Node node_of(std::string name, std::string_view type, const std::vector<std::string>& inputs) {
  Node node;
  node.name = std::move(name);
  node.type = find_node_type(type);
  RIPTIDE_CHECK(node.type != nullptr);
  node.gives = node.type->gives;
  node.fields.kind = Tree::Kind::kMap;
  for (const std::string& input : inputs) node.inputs.push_back({input, "", 0, 0});
  return node;
}

void set(Node& node, std::string field, Tree value) {
  RIPTIDE_CHECK(node.type->find(field) != nullptr);
  node.fields.members.emplace_back(std::move(field), std::move(value));
}

std::string_view type_of(sinks::SinkSpec::Kind kind) {
  switch (kind) {
    case sinks::SinkSpec::Kind::kPort:
      return "port";
    case sinks::SinkSpec::Kind::kSqlite:
      return "sqlite";
    case sinks::SinkSpec::Kind::kNdjson:
      return "ndjson";
    case sinks::SinkSpec::Kind::kNull:
      return "null";
  }
  return "null";
}

/// A text as a plain word of YAML where that reads back as the same text, else in quotes.
std::string yaml_text(std::string_view text) {
  const bool plain =
      !text.empty() &&
      text.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
          "0123456789_./-") == std::string_view::npos &&
      (std::isalpha(static_cast<unsigned char>(text.front())) != 0 || text.front() == '/' || text.starts_with("./"));
  std::vector<Problem> problems;
  if (plain) {
    const auto read = read_yaml(text, "", problems);
    if (read && read->kind == Tree::Kind::kString && read->text == text) return std::string(text);
  }
  return json::quoted(text);
}

void append(const Tree& tree, int indent, std::string& out);

void append_member(const std::string& key, const Tree& tree, int indent, std::string& out) {
  out += std::string(static_cast<std::size_t>(indent), ' ') + yaml_text(key) + ":";
  if (tree.kind == Tree::Kind::kMap && !tree.members.empty()) {
    out += '\n';
    for (const auto& [name, member] : tree.members) append_member(name, member, indent + 2, out);
    return;
  }
  out += ' ';
  append(tree, indent, out);
  out += '\n';
}

/// What stands behind a key or in a list: on one line.
void append(const Tree& tree, int indent, std::string& out) {
  switch (tree.kind) {
    case Tree::Kind::kNull:
      out += "null";
      return;
    case Tree::Kind::kBool:
    case Tree::Kind::kNumber:
      out += tree.text;
      return;
    case Tree::Kind::kString:
      out += yaml_text(tree.text);
      return;
    case Tree::Kind::kList:
      out += '[';
      for (const Tree& item : tree.items) {
        if (&item != tree.items.data()) out += ", ";
        append(item, indent, out);
      }
      out += ']';
      return;
    case Tree::Kind::kMap:
      out += to_json(tree);
      return;
  }
}

}  // namespace

GraphFile sync_as_graph(const SyncFlags& flags, const Config& config, const std::vector<sinks::SinkSpec>& specs) {
  GraphFile graph;
  graph.name = config.type() + " resync";
  if (config.given("riptide.memory")) graph.memory_bytes = config.bytes("riptide.memory");
  if (config.given("riptide.in_flight"))
    graph.in_flight = static_cast<std::size_t>(config.integer("riptide.in_flight"));
  if (config.given("riptide.threads")) graph.threads = static_cast<int>(config.integer("riptide.threads"));

  Node source = node_of(config.type(), config.type(), {});
  if (!flags.kinds.empty()) {
    Tree kinds;
    kinds.kind = Tree::Kind::kList;
    for (const std::string& kind : flags.kinds) kinds.items.push_back(text_tree(kind));
    set(source, "kinds", std::move(kinds));
  }
  graph.nodes.push_back(std::move(source));

  Node mapping = node_of("transform", "mapping", {config.type()});
  if (!flags.mapping.empty()) set(mapping, "file", text_tree(flags.mapping));
  graph.nodes.push_back(std::move(mapping));

  for (const sinks::SinkSpec& spec : specs) {
    const std::string_view type = type_of(spec.kind);
    std::string name(type);
    for (int number = 2; graph.find(name) != nullptr; ++number) name = fmt::format("{} {}", type, number);
    Node sink = node_of(name, type, {"transform"});
    if (!spec.path.empty()) set(sink, "path", text_tree(spec.path));
    if (sink.type->find("reconcile") != nullptr) {
      set(sink, "reconcile", text_tree(flags.no_delete ? "never" : flags.delete_scope));
      if (!flags.max_delete.empty()) set(sink, "max_delete", text_tree(flags.max_delete));
    }
    graph.nodes.push_back(std::move(sink));
  }
  return graph;
}

GraphFile with_absolute_paths(GraphFile graph) {
  for (Node& node : graph.nodes) {
    for (const NodeField& field : node.type->fields) {
      Tree* const given = field.type == FieldType::kPath ? node.fields.find(field.name) : nullptr;
      if (given == nullptr || given->text == "-") continue;
      std::error_code failed;
      const std::filesystem::path absolute = std::filesystem::absolute(given->text, failed);
      if (!failed) given->text = absolute.lexically_normal().string();
    }
  }
  return graph;
}

std::string to_yaml(const GraphFile& graph) {
  std::string out;
  if (!graph.name.empty()) out += "name: " + yaml_text(graph.name) + "\n";
  if (graph.memory_bytes) out += fmt::format("memory: {}\n", *graph.memory_bytes);
  if (graph.threads) out += fmt::format("threads: {}\n", *graph.threads);
  if (graph.in_flight) out += fmt::format("in_flight: {}\n", *graph.in_flight);
  out += "nodes:\n";
  for (const Node& node : graph.nodes) {
    out += "  " + yaml_text(node.name) + ":\n    type: " + yaml_text(node.type->name) + "\n";
    if (!node.inputs.empty()) {
      out += "    inputs: ";
      if (node.inputs.size() > 1) out += '[';
      for (const GraphFile::Input& input : node.inputs) {
        if (&input != node.inputs.data()) out += ", ";
        out += yaml_text(input.output.empty() ? input.node : input.node + "." + input.output);
      }
      out += node.inputs.size() > 1 ? "]\n" : "\n";
    }
    for (const auto& [key, value] : node.fields.members) append_member(key, value, 4, out);
  }
  return out;
}

}  // namespace riptide::cli
