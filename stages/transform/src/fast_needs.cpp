// What a program can see of the record. An expression that the evaluator has to run mostly looks at one or two paths
// (`.fields.summary | gsub(..)`); then only these are made values, not the whole record.
#include <array>
#include <string_view>

#include "fast_path.hpp"

namespace riptide::transform::fast {

using jq::ast::Kind;
using jq::ast::Node;

namespace {

constexpr int kDeepest = 64;

/// Builtins that do not look at their input.
constexpr std::array<std::string_view, 6> kBlind = {"true", "false", "null", "empty", "env", "now"};
/// Builtins that only hand their input on to their arguments.
constexpr std::array<std::string_view, 6> kHandOn = {"first", "last", "limit", "isempty", "error", "range"};

template <std::size_t kSize>
bool is_one_of(std::string_view name, const std::array<std::string_view, kSize>& names) {
  for (const std::string_view known : names) {
    if (known == name) return true;
  }
  return false;
}

}  // namespace

/// Follows the paths of a program through the trie. `kNone` as a place: a value that has nothing to do with the record,
/// or that has been consumed.
class Needs {
 public:
  explicit Needs(PathTrie& trie) : trie_(trie) {}

  /// False: the program can see all of the record.
  bool program(const Node* node) {
    consume(visit(node, PathTrie::kRoot));
    return !everything_;
  }

  std::vector<PathTrie::NodeId> touched;  ///< Whose type decides about errors.
  std::vector<PathTrie::NodeId> whole;    ///< Seen with all that is in them.

 private:
  using NodeId = PathTrie::NodeId;

  void consume(NodeId place) {
    if (place == PathTrie::kRoot) everything_ = true;
    if (place != PathTrie::kNone) whole.push_back(place);
  }

  /// The place of a member or element; where the trie cannot have it, all of what it lies in is needed.
  NodeId step(NodeId place, NodeId child) {
    if (place == PathTrie::kNone) return place;
    if (child == PathTrie::kNone) {
      consume(place);
      return child;
    }
    touched.push_back(child);
    return child;
  }

  NodeId step_to(NodeId place, std::string_view name) {
    return place == PathTrie::kNone ? place : step(place, trie_.member(place, name));
  }

  void consume_children(const Node& node, NodeId input) {
    for (const auto& child : node.children) {
      if (child) consume(visit(child.get(), input));
    }
  }

  /// Returns the place that `node` comes to if it is a path, and consumes all else that it looks at.
  NodeId visit(const Node* node, NodeId input) {
    if (node == nullptr) return PathTrie::kNone;
    if (depth_ >= kDeepest) {
      everything_ = true;
      return PathTrie::kNone;
    }
    ++depth_;
    const NodeId place = dispatch(*node, input);
    --depth_;
    return place;
  }

  NodeId dispatch(const Node& node, NodeId input) {
    switch (node.kind) {
      case Kind::kIdentity:
        return input;
      case Kind::kField:
      case Kind::kIndex:
        return navigation(node, input);
      case Kind::kPipe:
        return visit(node.child(1), visit(node.child(0), input));
      case Kind::kTry:
        if (node.children.size() == 1) return visit(node.child(0), input);
        consume(visit(node.child(0), input));
        consume(visit(node.child(1), PathTrie::kNone));
        return PathTrie::kNone;
      case Kind::kIf:
        consume_children(node, input);
        if (node.child(2) == nullptr) consume(input);
        return PathTrie::kNone;
      case Kind::kIterate:
      case Kind::kTemplate:
      case Kind::kSlice:
      case Kind::kArray:
      case Kind::kNegate:
      case Kind::kComma:
      case Kind::kBinary:
      case Kind::kAnd:
      case Kind::kOr:
      case Kind::kAlternative:
      case Kind::kLabel:
        consume_children(node, input);
        return PathTrie::kNone;
      case Kind::kObject:
        return object(node, input);
      case Kind::kBind:
        consume(visit(node.child(0), input));
        consume_patterns(node, input);
        return visit(node.child(1), input);
      case Kind::kReduce:
      case Kind::kForeach:
        consume(visit(node.child(0), input));
        consume(visit(node.child(1), input));
        consume_patterns(node, input);
        consume(visit(node.child(2), PathTrie::kNone));
        consume(visit(node.child(3), PathTrie::kNone));
        return PathTrie::kNone;
      case Kind::kCall:
        return call(node, input);
      case Kind::kNumber:
      case Kind::kString:
      case Kind::kVariable:
      case Kind::kLocation:
      case Kind::kBreak:
        return PathTrie::kNone;
      case Kind::kFunctions:  // a body can be run on anything
        everything_ = true;
        return PathTrie::kNone;
      case Kind::kRecurse:
      case Kind::kFormat:
      case Kind::kAssign:
      case Kind::kUpdate:
      case Kind::kUpdateOp:
        consume(input);
        return PathTrie::kNone;
    }
    everything_ = true;
    return PathTrie::kNone;
  }

  NodeId navigation(const Node& node, NodeId input) {
    const NodeId of = visit(node.child(0), input);
    const Node* const by = node.child(1);
    if (by != nullptr && by->kind == Kind::kString) return step_to(of, by->text);
    consume(of);
    consume(visit(by, input));
    return PathTrie::kNone;
  }

  NodeId object(const Node& node, NodeId input) {
    for (const jq::ast::ObjectEntry& entry : node.entries) {
      if (entry.value != nullptr) {
        consume(visit(entry.key.get(), input));
        consume(visit(entry.value.get(), input));
      } else if (entry.key != nullptr && entry.key->kind == Kind::kString) {
        consume(step_to(input, entry.key->text));
      } else if (entry.key == nullptr || entry.key->kind != Kind::kVariable) {
        consume(input);
      }
    }
    return PathTrie::kNone;
  }

  /// Patterns may hold keys that are computed from the input.
  void consume_patterns(const Node& node, NodeId input) {
    for (const jq::ast::Pattern& pattern : node.patterns) {
      if (pattern.kind != jq::ast::Pattern::Kind::kVariable) consume(input);
    }
  }

  NodeId call(const Node& node, NodeId input) {
    if (node.children.empty() && is_one_of(node.text, kBlind)) return PathTrie::kNone;
    if (node.text == "select" && node.children.size() == 1) {
      consume(visit(node.child(0), input));
      return input;
    }
    if (!node.children.empty() && is_one_of(node.text, kHandOn)) {
      consume_children(node, input);
      return PathTrie::kNone;
    }
    // Whatever the arguments are run on is a part of the input.
    consume(input);
    return PathTrie::kNone;
  }

  PathTrie& trie_;
  int depth_ = 0;
  bool everything_ = false;
};

bool Plan::see(const jq::ast::Module& module) {
  PathTrie before = trie_;
  Needs needs(trie_);
  if (!needs.program(module.body.get())) {
    trie_ = std::move(before);
    return false;
  }
  for (const PathTrie::NodeId node : needs.touched) trie_.need(node, PathTrie::Need::kType);
  for (const PathTrie::NodeId node : needs.whole) trie_.need(node, PathTrie::Need::kWhole);
  return true;
}

}  // namespace riptide::transform::fast
