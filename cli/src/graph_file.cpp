#include "riptide/cli/graph_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "riptide/cli/graph_checks.hpp"
#include "riptide/cli/references.hpp"
#include "riptide/cli/settings.hpp"
#include "riptide/cli/spelling.hpp"
#include "riptide/pipeline/check.hpp"

namespace riptide::cli {
namespace {

using Level = Problem::Level;
using Node = GraphFile::Node;

class GraphReader {
 public:
  GraphReader(const std::string& origin, const EnvironmentLookup& environment) : environment_(environment) {
    reading_.graph.origin = origin;
  }

  GraphFileReading read(std::string_view text) {
    auto tree = read_yaml_or_json(text, reading_.graph.origin, reading_.problems);
    if (!tree) {
      reading_.problems.push_back({Level::kError, reading_.graph.origin, 0, 0, "", tree.error().message});
      return std::move(reading_);
    }
    if (tree->kind != Tree::Kind::kMap) {
      wrong(*tree, "",
            fmt::format("a graph is `nodes:` with a block for each node below it, not {}", name_of(tree->kind)));
      return std::move(reading_);
    }
    resolve_references(*tree, reading_.graph.origin, environment_, reading_.graph.secrets, reading_.problems);
    top(*tree);
    check_graph(reading_);
    return std::move(reading_);
  }

 private:
  void wrong(const Tree& at, const std::string& where, std::string message) {
    reading_.problems.push_back({Level::kError, reading_.graph.origin, at.line, at.column, where, std::move(message)});
  }

  void unknown_keys(const Tree& map, const std::string& where, const std::vector<std::string>& known,
                    std::string_view of) {
    for (const auto& [key, member] : map.members) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string hint = did_you_mean(key, known);
      wrong(member, where.empty() ? key : where + "." + key,
            fmt::format("is not a field of {}{}", of, hint.empty() ? "; it has " + listed(known) : hint));
    }
  }

  void top(const Tree& map) {
    GraphFile& graph = reading_.graph;
    unknown_keys(map, "", {"name", "memory", "threads", "in_flight", "nodes"}, "a graph");
    if (const Tree* const name = map.find("name")) {
      if (name->scalar()) {
        graph.name = python_text(*name);
      } else {
        wrong(*name, "name", fmt::format("must be a text, not {}", name_of(name->kind)));
      }
    }
    const auto value = [&](std::string_view name, const NodeField& field) {
      const Tree* const given = map.find(name);
      return given != nullptr && fits(*given, std::string(name), field) ? given : nullptr;
    };
    if (const Tree* const given =
            value("memory", {.name = "memory", .type = FieldType::kSize, .says = {}, .least = 1 << 20})) {
      graph.memory_bytes = *parse_size(python_text(*given));
    }
    if (const Tree* const given =
            value("threads", {.name = "threads", .type = FieldType::kInteger, .says = {}, .most = 4096})) {
      graph.threads = static_cast<int>(*parse_integer(python_text(*given)));
    }
    if (const Tree* const given = value(
            "in_flight", {.name = "in_flight", .type = FieldType::kInteger, .says = {}, .least = 1, .most = 65536})) {
      graph.in_flight = static_cast<std::size_t>(*parse_integer(python_text(*given)));
    }
    const Tree* const nodes = map.find("nodes");
    if (nodes == nullptr) return wrong(map, "nodes", "is required: a block for each node, by name");
    if (nodes->kind != Tree::Kind::kMap) {
      return wrong(*nodes, "nodes",
                   fmt::format("must be a block with a node each, by name, not {}", name_of(nodes->kind)));
    }
    if (nodes->members.empty()) wrong(*nodes, "nodes", "is empty: a graph has a source and a sink at least");
    for (const auto& [name, member] : nodes->members) node(name, member);
  }

  void node(const std::string& name, const Tree& map) {
    const std::string where = "nodes." + name;
    if (name.empty() || name.find('.') != std::string::npos) {
      wrong(map, where, "a node's name is not empty and has no dot: `a.b` is the output b of the node a");
    }
    if (map.kind != Tree::Kind::kMap) {
      return wrong(map, where, fmt::format("must be a block with `type`, not {}", name_of(map.kind)));
    }
    std::vector<std::string> types;
    for (const NodeType& type : node_types()) types.emplace_back(type.name);
    const Tree* const type_name = map.find("type");
    if (type_name == nullptr) return wrong(map, where + ".type", "is required: one of " + listed(types));
    const std::string written = type_name->scalar() ? python_text(*type_name) : std::string();
    // `null` is a word of YAML, and a type of ours.
    const NodeType* const type = find_node_type(type_name->kind == Tree::Kind::kNull ? "null" : written);
    if (type == nullptr) {
      const std::string hint = did_you_mean(written, types);
      return wrong(*type_name, where + ".type",
                   fmt::format("there is no type '{}'{}", written, hint.empty() ? ", only " + listed(types) : hint));
    }
    Node out;
    out.name = name;
    out.type = type;
    out.line = map.line;
    out.column = map.column;
    if (const Tree* const given = map.find("inputs")) {
      inputs(*given, where + ".inputs", out);
    } else if (type->role != NodeRole::kSource) {
      wrong(map, where + ".inputs", "is required: the nodes whose items come in");
    }
    if (type->role == NodeRole::kSource && map.find("inputs") != nullptr) {
      wrong(*map.find("inputs"), where + ".inputs", "a source has none; remove it");
      out.inputs.clear();
    }
    fields(map, where, out);
    reading_.graph.nodes.push_back(std::move(out));
  }

  void inputs(const Tree& given, const std::string& where, Node& out) {
    const auto add = [&](const Tree& item, const std::string& place) {
      if (!item.scalar() || item.kind == Tree::Kind::kNull) {
        return wrong(item, place, fmt::format("must be the name of a node, not {}", name_of(item.kind)));
      }
      const std::string text = python_text(item);
      const std::size_t dot = text.find('.');
      GraphFile::Input input;
      input.node = text.substr(0, dot);
      if (dot != std::string::npos) input.output = text.substr(dot + 1);
      input.line = item.line;
      input.column = item.column;
      out.inputs.push_back(std::move(input));
    };
    if (given.kind == Tree::Kind::kList) {
      for (std::size_t i = 0; i < given.items.size(); ++i) add(given.items[i], fmt::format("{}[{}]", where, i));
      if (given.items.empty()) wrong(given, where, "is empty: name the nodes whose items come in");
    } else {
      add(given, where);
    }
  }

  void fields(const Tree& map, const std::string& where, Node& out) {
    std::vector<std::string> known = {"type", "inputs"};
    for (const NodeField& field : out.type->fields) known.emplace_back(field.name);
    unknown_keys(map, where, known, fmt::format("{} `{}`", name_of(out.type->role), out.type->name));
    out.fields.kind = Tree::Kind::kMap;
    out.fields.line = map.line;
    out.fields.column = map.column;
    for (const NodeField& field : out.type->fields) {
      const Tree* const given = map.find(field.name);
      const std::string place = fmt::format("{}.{}", where, field.name);
      if (given == nullptr) {
        if (field.required) wrong(map, place, fmt::format("is required: {}", field.says));
        if (field.type == FieldType::kExpression && !field.fallback.empty()) {
          compile(Tree{.kind = Tree::Kind::kString, .text = std::string(field.fallback)}, place,
                  std::string(field.name), out);
        }
        continue;
      }
      if (!fits(*given, place, field)) continue;
      out.fields.members.emplace_back(field.name, *given);
      if (field.type == FieldType::kExpression) compile(*given, place, std::string(field.name), out);
      if (field.type == FieldType::kExpressionMap) {
        for (const auto& [name, program] : given->members) {
          compile(program, place + "." + name, fmt::format("{}.{}", field.name, name), out);
        }
      }
    }
  }

  void compile(const Tree& given, const std::string& where, std::string key, Node& out) {
    transform::jq::CompileError error;
    auto program =
        transform::jq::Program::compile(given.kind == Tree::Kind::kBool ? given.text : python_text(given), {}, &error);
    if (program) {
      out.programs.emplace(std::move(key), std::move(*program));
      return;
    }
    Tree at = given;
    if (given.text_line > 0) {
      at.line = given.text_line + error.line - 1;
      at.column =
          error.line == 1 || given.text_line != given.line ? given.text_column + error.column - 1 : error.column;
    } else if (given.line > 0) {
      at.line = given.line + error.line - 1;
      at.column = error.line == 1 ? given.column + error.column - 1 : error.column;
    }
    wrong(at, where, fmt::format("does not compile: {}\n    {}", error.message, given.text));
  }

  /// Whether a value has the shape of its field; says so if not.
  bool fits(const Tree& given, const std::string& where, const NodeField& field) {
    const auto must_be = [&](std::string_view what) {
      // The value itself may be a secret.
      wrong(given, where,
            fmt::format("must be {}{}", what,
                        given.scalar() && given.kind != Tree::Kind::kNull
                            ? std::string()
                            : fmt::format(", not {}", name_of(given.kind))));
      return false;
    };
    const bool is_text = given.scalar() && given.kind != Tree::Kind::kNull;
    const auto within = [&](double value) { return value >= field.least && value <= field.most; };
    const std::string text = is_text ? python_text(given) : std::string();
    switch (field.type) {
      case FieldType::kText:
        return is_text || must_be("a text");
      case FieldType::kPath:
        return (is_text && !text.empty()) || must_be("the path of a file");
      case FieldType::kUrl:
        if (is_text && checked_url(text)) return true;
        return must_be("an http or https URL with a host");
      case FieldType::kExpression:
        return is_text || must_be("a jq program");
      case FieldType::kBool:
        return (is_text && parse_boolean(text)) || must_be("true or false");
      case FieldType::kInteger: {
        const auto value = is_text ? parse_integer(text) : std::nullopt;
        if (value && within(static_cast<double>(*value))) return true;
        return must_be(range("a whole number", field));
      }
      case FieldType::kNumber: {
        const auto value = is_text ? parse_number(text) : std::nullopt;
        if (value && within(*value)) return true;
        return must_be(range("a number", field));
      }
      case FieldType::kSize: {
        const auto value = is_text ? parse_size(text) : std::nullopt;
        if (value && within(static_cast<double>(*value))) return true;
        return must_be(fmt::format("a size of at least {:.0f} bytes, e.g. 64MiB", field.least));
      }
      case FieldType::kDuration: {
        const auto value = is_text ? parse_duration(text) : std::nullopt;
        if (value && within(static_cast<double>(value->count()) / 1000)) return true;
        return must_be("a duration, e.g. 30s or 500ms");
      }
      case FieldType::kChoice:
        return choice(given, text, where, field);
      case FieldType::kTexts:
        return texts(given, must_be);
      case FieldType::kTextMap:
      case FieldType::kExpressionMap: {
        const bool all = given.kind == Tree::Kind::kMap && !given.members.empty() &&
                         std::all_of(given.members.begin(), given.members.end(), [](const auto& member) {
                           return member.second.scalar() && member.second.kind != Tree::Kind::kNull;
                         });
        return all || must_be(field.type == FieldType::kTextMap ? "a block of texts by name"
                                                                : "a block of jq programs by name");
      }
      case FieldType::kKinds:
        return kinds(given, where);
      case FieldType::kBlock:
        return given.kind == Tree::Kind::kMap || must_be("a block");
    }
    return false;
  }

  static std::string range(std::string_view what, const NodeField& field) {
    if (field.most < 9e15) return fmt::format("{} from {} to {}", what, field.least, field.most);
    return fmt::format("{} of at least {}", what, field.least);
  }

  bool choice(const Tree& given, const std::string& text, const std::string& where, const NodeField& field) {
    std::vector<std::string> choices;
    for (std::string_view rest = field.choices; !rest.empty();) {
      const std::size_t end = std::min(rest.find('|'), rest.size());
      choices.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (std::find(choices.begin(), choices.end(), text) != choices.end()) return true;
    wrong(given, where, fmt::format("must be one of {}{}", listed(choices), did_you_mean(text, choices)));
    return false;
  }

  template <class MustBe>
  static bool texts(const Tree& given, const MustBe& must_be) {
    if (given.scalar() && given.kind != Tree::Kind::kNull) return true;
    const bool all = given.kind == Tree::Kind::kList && !given.items.empty() &&
                     std::all_of(given.items.begin(), given.items.end(),
                                 [](const Tree& item) { return item.scalar() && item.kind != Tree::Kind::kNull; });
    return all || must_be("a text or a list of texts");
  }

  bool kinds(const Tree& given, const std::string& where) {
    if (given.kind != Tree::Kind::kList || given.items.empty()) {
      wrong(given, where, "must be a list of kinds: names, or blocks with `kind` and `selector`");
      return false;
    }
    bool good = true;
    for (std::size_t i = 0; i < given.items.size(); ++i) {
      const Tree& item = given.items[i];
      const std::string place = fmt::format("{}[{}]", where, i);
      if (item.scalar() && item.kind != Tree::Kind::kNull) continue;
      const Tree* const kind = item.kind == Tree::Kind::kMap ? item.find("kind") : nullptr;
      const Tree* const selector = item.find("selector");
      if (kind == nullptr || !kind->scalar() || kind->kind == Tree::Kind::kNull ||
          (selector != nullptr && selector->kind != Tree::Kind::kMap)) {
        wrong(item, place, "must be the name of a kind, or a block with `kind` and `selector`");
        good = false;
        continue;
      }
      unknown_keys(item, place, {"kind", "selector"}, "a kind");
    }
    return good;
  }

  const EnvironmentLookup& environment_;
  GraphFileReading reading_;
};

}  // namespace

const Node* GraphFile::find(std::string_view node) const noexcept {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const Node& n) { return n.name == node; });
  return found == nodes.end() ? nullptr : &*found;
}

bool Node::has(std::string_view field) const { return fields.find(field) != nullptr; }

std::string Node::text(std::string_view field) const {
  if (const Tree* const given = fields.find(field)) return python_text(*given);
  const NodeField* const known = type->find(field);
  RIPTIDE_CHECK(known != nullptr);
  return std::string(known->fallback);
}

std::vector<std::string> Node::texts(std::string_view field) const {
  std::vector<std::string> out;
  const Tree* const given = fields.find(field);
  if (given == nullptr) return out;
  if (given->scalar()) return {python_text(*given)};
  for (const Tree& item : given->items) out.push_back(python_text(item));
  return out;
}

std::int64_t Node::integer(std::string_view field) const { return parse_integer(text(field)).value_or(0); }
double Node::number(std::string_view field) const { return parse_number(text(field)).value_or(0); }
std::size_t Node::bytes(std::string_view field) const { return parse_size(text(field)).value_or(0); }
std::chrono::milliseconds Node::duration(std::string_view field) const {
  return parse_duration(text(field)).value_or(std::chrono::milliseconds(0));
}

GraphFileReading read_graph_file(std::string_view text, const std::string& origin,
                                 const EnvironmentLookup& environment) {
  return GraphReader(origin, environment).read(text);
}

bool is_graph_file(const Tree& tree) noexcept { return tree.find("nodes") != nullptr; }

}  // namespace riptide::cli
