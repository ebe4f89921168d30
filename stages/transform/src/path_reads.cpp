#include "path_reads.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "fast_reasons.hpp"
#include "riptide/json/document.hpp"

namespace riptide::transform {

using jq::ast::Kind;
using jq::ast::Node;

namespace {

constexpr int kDeepest = 200;
constexpr std::size_t kMostSteps = 2'000;

template <std::size_t kSize>
bool is_one_of(std::string_view name, const std::array<std::string_view, kSize>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Builtins that give their input on, whole or not at all, or as a list of the same elements.
constexpr std::array<std::string_view, 13> kSameValue = {"values", "nulls",   "strings",   "numbers", "booleans",
                                                         "arrays", "objects", "iterables", "scalars", "sort",
                                                         "unique", "reverse", "debug"};
/// Builtins that run their argument on each element of their input and give on a list of the same elements.
constexpr std::array<std::string_view, 2> kSortBy = {"sort_by", "unique_by"};
/// The same, but give on one element.
constexpr std::array<std::string_view, 2> kOneBy = {"min_by", "max_by"};
/// Builtins that run their arguments on their own input and make something new of it.
constexpr std::array<std::string_view, 20> kOnInput = {
    "startswith", "endswith", "ltrimstr", "rtrimstr", "trimstr", "split", "join",  "contains", "inside",  "test",
    "match",      "index",    "rindex",   "indices",  "splits",  "error", "range", "isempty",  "capture", "scan"};

/// Follows values through a program. A place is a step of the input, perhaps in lists that the program put around it.
class Reads {
 public:
  std::vector<ReadStep> program(const Node* node) {
    steps_.emplace_back();
    visit(node, {Place{}});
    return std::move(steps_);
  }

 private:
  struct Place {
    std::uint32_t step = 0;
    std::uint32_t lists = 0;
    bool operator==(const Place&) const = default;
  };
  using Places = std::vector<Place>;

  static Places joined(Places left, const Places& right) {
    for (const Place& place : right) {
      if (std::find(left.begin(), left.end(), place) == left.end()) left.push_back(place);
    }
    return left;
  }

  static Places in_list(Places places) {
    for (Place& place : places) ++place.lists;
    return places;
  }

  std::uint32_t step(ReadStep made) {
    for (std::uint32_t known = made.parent + 1; known < steps_.size(); ++known) {
      const ReadStep& other = steps_[known];
      if (other.parent == made.parent && other.kind == made.kind && other.key == made.key &&
          other.number == made.number) {
        return known;
      }
    }
    steps_.push_back(std::move(made));
    return static_cast<std::uint32_t>(steps_.size() - 1);
  }

  template <class Make>
  Places each_place(const Places& from, Make&& make) {
    Places to;
    for (const Place& place : from) {
      if (steps_.size() < kMostSteps) make(place, to);
    }
    return to;
  }

  Places member(const Places& of, const std::string& key, jq::ast::Position at) {
    return each_place(of, [&](const Place& place, Places& to) {
      if (place.lists == 0) to.push_back({step({ReadStep::Kind::kMember, place.step, key, 0, at}), 0});
    });
  }

  Places element(const Places& of, std::int64_t number, jq::ast::Position at) {
    return each_place(of, [&](const Place& place, Places& to) {
      if (place.lists > 0) {
        to.push_back({place.step, place.lists - 1});
      } else {
        to.push_back({step({ReadStep::Kind::kElement, place.step, "", number, at}), 0});
      }
    });
  }

  Places each(const Places& of, jq::ast::Position at) {
    return each_place(of, [&](const Place& place, Places& to) {
      if (place.lists > 0) {
        to.push_back({place.step, place.lists - 1});
      } else {
        to.push_back({step({ReadStep::Kind::kEach, place.step, "", 0, at}), 0});
      }
    });
  }

  Places visit(const Node* node, const Places& input) {
    if (node == nullptr || depth_ >= kDeepest) return {};
    ++depth_;
    Places places = dispatch(*node, input);
    --depth_;
    return places;
  }

  void visit_children(const Node& node, const Places& input) {
    for (const auto& child : node.children) visit(child.get(), input);
  }

  Places dispatch(const Node& node, const Places& input) {
    switch (node.kind) {
      case Kind::kIdentity:
        return input;
      case Kind::kField:
      case Kind::kIndex: {
        const Places of = visit(node.child(0), input);
        const Node* const by = node.child(1);
        if (by == nullptr) return {};
        if (by->kind == Kind::kString) return member(of, by->text, by->at);
        if (const auto number = fast::whole_number(*by)) return element(of, *number, by->at);
        visit(by, input);
        return {};
      }
      case Kind::kSlice: {
        Places of = visit(node.child(0), input);
        visit(node.child(1), input);
        visit(node.child(2), input);
        return of;
      }
      case Kind::kIterate:
        return each(visit(node.child(0), input), node.at);
      case Kind::kArray:
        return in_list(visit(node.child(0), input));
      case Kind::kPipe:
        return visit(node.child(1), visit(node.child(0), input));
      case Kind::kComma:
      case Kind::kAlternative: {
        Places left = visit(node.child(0), input);
        return joined(std::move(left), visit(node.child(1), input));
      }
      case Kind::kTry: {
        Places body = visit(node.child(0), input);
        visit(node.child(1), {});
        return body;
      }
      case Kind::kIf: {
        visit(node.child(0), input);
        Places then = visit(node.child(1), input);
        return joined(std::move(then), node.child(2) == nullptr ? input : visit(node.child(2), input));
      }
      case Kind::kLabel:
        return visit(node.child(0), input);
      case Kind::kUpdate:
        visit(node.child(1), visit(node.child(0), input));
        return input;
      case Kind::kAssign:  // may make what it names
        visit(node.child(1), input);
        return {};
      case Kind::kUpdateOp:
        visit_children(node, input);
        return {};
      case Kind::kObject:
        object(node, input);
        return {};
      case Kind::kBind: {
        const Places source = visit(node.child(0), input);
        const std::size_t before = variables_.size();
        bind(node, source);
        Places body = visit(node.child(1), input);
        variables_.resize(before);
        return body;
      }
      case Kind::kReduce:
      case Kind::kForeach: {
        const Places source = visit(node.child(0), input);
        visit(node.child(1), input);
        const std::size_t before = variables_.size();
        bind(node, source);
        visit(node.child(2), {});
        visit(node.child(3), {});
        variables_.resize(before);
        return {};
      }
      case Kind::kFunctions: {
        // Its body can be run on anything; what comes after it is followed.
        if (node.function != nullptr) functions_.push_back(node.function->name);
        Places body = visit(node.child(0), input);
        if (node.function != nullptr) functions_.pop_back();
        return body;
      }
      case Kind::kCall:
        return call(node, input);
      case Kind::kVariable:
        for (auto bound = variables_.rbegin(); bound != variables_.rend(); ++bound) {
          if (bound->first == node.text) return bound->second;
        }
        return {};
      case Kind::kTemplate:
      case Kind::kNegate:
      case Kind::kBinary:
      case Kind::kAnd:
      case Kind::kOr:
        visit_children(node, input);
        return {};
      case Kind::kRecurse:
      case Kind::kNumber:
      case Kind::kString:
      case Kind::kFormat:
      case Kind::kLocation:
      case Kind::kBreak:
        return {};
    }
    return {};
  }

  void object(const Node& node, const Places& input) {
    for (const jq::ast::ObjectEntry& entry : node.entries) {
      if (entry.value != nullptr) {
        visit(entry.key.get(), input);
        visit(entry.value.get(), input);
      } else if (entry.key != nullptr && entry.key->kind == Kind::kString) {
        member(input, entry.key->text, entry.key->at);
      }
    }
  }

  void bind(const Node& node, const Places& source) {
    for (const jq::ast::Pattern& pattern : node.patterns) {
      if (pattern.kind == jq::ast::Pattern::Kind::kVariable && node.patterns.size() == 1) {
        variables_.emplace_back(pattern.name, source);
      } else {
        bind_unknown(pattern, 0);
      }
    }
  }

  /// What a pattern binds is not followed, but it hides variables of the same names.
  void bind_unknown(const jq::ast::Pattern& pattern, int depth) {
    if (depth >= kDeepest) return;
    if (!pattern.name.empty()) variables_.emplace_back(pattern.name, Places());
    for (const jq::ast::Pattern& element : pattern.elements) bind_unknown(element, depth + 1);
    for (const jq::ast::Pattern::Entry& entry : pattern.entries) {
      if (!entry.variable.empty()) variables_.emplace_back(entry.variable, Places());
      if (entry.value != nullptr) bind_unknown(*entry.value, depth + 1);
    }
  }

  Places call(const Node& node, const Places& input) {
    const std::string_view name = node.text;
    if (std::find(functions_.begin(), functions_.end(), name) != functions_.end()) return {};
    const Node* const argument = node.child(0);
    if (node.children.empty()) {
      if (name == "first") return element(input, 0, node.at);
      if (name == "last") return element(input, -1, node.at);
      if (is_one_of(name, kSameValue)) return input;
      return {};
    }
    if (node.children.size() == 1) {
      if (name == "select") {
        visit(argument, input);
        return input;
      }
      if (name == "map") return in_list(visit(argument, each(input, node.at)));
      if (name == "first" || name == "last") return visit(argument, input);
      if (name == "map_values" || name == "any" || name == "all") {
        visit(argument, each(input, node.at));
        return {};
      }
      if (is_one_of(name, kSortBy)) {
        visit(argument, each(input, node.at));
        return input;
      }
      if (is_one_of(name, kOneBy)) {
        Places element = each(input, node.at);
        visit(argument, element);
        return element;
      }
      if (name == "group_by") {
        Places element = each(input, node.at);
        visit(argument, element);
        return in_list(in_list(std::move(element)));
      }
    }
    if (name == "limit" && node.children.size() == 2) {
      visit(argument, input);
      return visit(node.child(1), input);
    }
    if (is_one_of(name, kOnInput)) visit_children(node, input);
    return {};
  }

  std::vector<ReadStep> steps_;
  std::vector<std::pair<std::string, Places>> variables_;
  std::vector<std::string> functions_;
  int depth_ = 0;
};

bool is_name(std::string_view key) {
  const auto good = [&](char c, bool first) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
  };
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (!good(key[i], i == 0)) return false;
  }
  return !key.empty();
}

}  // namespace

std::vector<ReadStep> steps_read(const jq::ast::Module& module) { return Reads().program(module.body.get()); }

std::string path_text(const std::vector<ReadStep>& steps, std::uint32_t step) {
  std::vector<std::uint32_t> way;
  for (; steps[step].kind != ReadStep::Kind::kRoot; step = steps[step].parent) way.push_back(step);
  std::string text;
  for (auto at = way.rbegin(); at != way.rend(); ++at) {
    const ReadStep& made = steps[*at];
    switch (made.kind) {
      case ReadStep::Kind::kRoot:
        break;
      case ReadStep::Kind::kMember:
        text += '.';
        if (is_name(made.key)) {
          text += made.key;
        } else {
          json::append_quoted(made.key, text);
        }
        break;
      case ReadStep::Kind::kElement:
        text += (text.empty() ? ".[" : "[") + std::to_string(made.number) + "]";
        break;
      case ReadStep::Kind::kEach:
        text += text.empty() ? ".[]" : "[]";
        break;
    }
  }
  return text.empty() ? "." : text;
}

}  // namespace riptide::transform
