#include "jq/view.hpp"

#include <algorithm>
#include <array>

namespace riptide::transform::jq {
namespace {

using ast::Kind;
using ast::Node;

constexpr int kDeepest = 64;
constexpr std::size_t kMostMembers = 32;  ///< They are searched one by one.

/// Builtins that do not look at their input.
constexpr std::array<std::string_view, 6> kBlind = {"true", "false", "null", "empty", "env", "now"};
/// Builtins that only hand their input on to their arguments.
constexpr std::array<std::string_view, 6> kHandOn = {"first", "last", "limit", "isempty", "error", "range"};

bool is_one_of(std::string_view name, const std::array<std::string_view, 6>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A place is the view of a part of the input; null: a value that has nothing to do with the input.
class Viewer {
 public:
  std::unique_ptr<const View> run(const ast::Module& module) {
    auto root = std::make_unique<View>();
    consume(visit(module.body.get(), root.get()));
    if (everything_ || root->whole) return nullptr;
    return root;
  }

 private:
  static void consume(View* place) {
    if (place != nullptr) place->whole = true;
  }

  View* member(View* place, std::string_view name) {
    if (place == nullptr) return nullptr;
    for (auto& [known, view] : place->members) {
      if (known == name) return view.get();
    }
    if (place->members.size() >= kMostMembers) {
      consume(place);
      return nullptr;
    }
    return place->members.emplace_back(std::string(name), std::make_unique<View>()).second.get();
  }

  void consume_children(const Node& node, View* input) {
    for (const ast::NodePtr& child : node.children) consume(visit(child.get(), input));
  }

  // Returns the place that `node` comes to if it is a path, and consumes all else that it looks at.
  View* visit(const Node* node, View* input) {
    if (node == nullptr) return nullptr;
    if (depth_ >= kDeepest) {
      everything_ = true;
      return nullptr;
    }
    ++depth_;
    View* const place = dispatch(*node, input);
    --depth_;
    return place;
  }

  View* dispatch(const Node& node, View* input) {
    switch (node.kind) {
      case Kind::kIdentity:
        return input;
      case Kind::kField:
      case Kind::kIndex:
        return navigation(node, input);
      case Kind::kPipe:
        return visit(node.child(1), visit(node.child(0), input));
      case Kind::kTry:
        if (node.child(1) == nullptr) return visit(node.child(0), input);
        consume(visit(node.child(0), input));
        consume(visit(node.child(1), nullptr));
        return nullptr;
      case Kind::kIf:
        consume_children(node, input);
        if (node.child(2) == nullptr) consume(input);
        return nullptr;
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
        return nullptr;
      case Kind::kObject:
        object(node, input);
        return nullptr;
      case Kind::kBind:
        consume(visit(node.child(0), input));
        patterns(node, input);
        return visit(node.child(1), input);
      case Kind::kReduce:
      case Kind::kForeach:
        consume(visit(node.child(0), input));
        consume(visit(node.child(1), input));
        patterns(node, input);
        consume(visit(node.child(2), nullptr));
        consume(visit(node.child(3), nullptr));
        return nullptr;
      case Kind::kCall:
        return call(node, input);
      case Kind::kNumber:
      case Kind::kString:
      case Kind::kVariable:
      case Kind::kLocation:
      case Kind::kBreak:
        return nullptr;
      case Kind::kFunctions:  // a body can be run on anything
        everything_ = true;
        return nullptr;
      case Kind::kRecurse:
      case Kind::kFormat:
      case Kind::kAssign:
      case Kind::kUpdate:
      case Kind::kUpdateOp:
        consume(input);
        return nullptr;
    }
    everything_ = true;
    return nullptr;
  }

  View* navigation(const Node& node, View* input) {
    View* const of = visit(node.child(0), input);
    const Node* const by = node.child(1);
    if (by != nullptr && by->kind == Kind::kString) return member(of, by->text);
    consume(of);
    consume(visit(by, input));
    return nullptr;
  }

  void object(const Node& node, View* input) {
    for (const ast::ObjectEntry& entry : node.entries) {
      if (entry.value != nullptr) {
        consume(visit(entry.key.get(), input));
        consume(visit(entry.value.get(), input));
      } else if (entry.key != nullptr && entry.key->kind == Kind::kString) {
        consume(member(input, entry.key->text));
      } else if (entry.key == nullptr || entry.key->kind != Kind::kVariable) {
        consume(input);
      }
    }
  }

  // Patterns may hold keys that are computed from the input.
  void patterns(const Node& node, View* input) {
    for (const ast::Pattern& pattern : node.patterns) {
      if (pattern.kind != ast::Pattern::Kind::kVariable) consume(input);
    }
  }

  View* call(const Node& node, View* input) {
    if (node.children.empty() && is_one_of(node.text, kBlind)) return nullptr;
    if (node.text == "select" && node.children.size() == 1) {
      consume(visit(node.child(0), input));
      return input;
    }
    if (!node.children.empty() && is_one_of(node.text, kHandOn)) {
      consume_children(node, input);
      return nullptr;
    }
    // Whatever the arguments are run on is a part of the input.
    consume(input);
    return nullptr;
  }

  int depth_ = 0;
  bool everything_ = false;
};

}  // namespace

std::unique_ptr<const View> view_of(const ast::Module& module) { return Viewer().run(module); }

}  // namespace riptide::transform::jq
