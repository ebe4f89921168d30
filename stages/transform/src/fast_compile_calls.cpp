// Compiling calls of builtins.
#include <array>

#include "fast_compiler.hpp"

namespace riptide::transform::fast {

using jq::ast::Kind;
using jq::ast::Node;

namespace {

struct Named {
  std::string_view name;
  Op op;
};

/// Operations on the input alone.
constexpr auto kOfInput = std::to_array<Named>({
    {"not", Op::kNot},
    {"tostring", Op::kToString},
    {"tonumber", Op::kToNumber},
    {"length", Op::kLength},
    {"type", Op::kType},
    {"add", Op::kSum},
    {"ascii_downcase", Op::kLower},
    {"ascii_upcase", Op::kUpper},
    {"trim", Op::kTrim},
    {"floor", Op::kFloor},
    {"ceil", Op::kCeil},
    {"round", Op::kRound},
    {"keys", Op::kKeys},
    {"keys_unsorted", Op::kKeysUnsorted},
    {"to_entries", Op::kToEntries},
    {"from_entries", Op::kFromEntries},
    {"mktime", Op::kMakeTime},
    {"gmtime", Op::kBreakTime},
});

/// Operations on the input and one value.
constexpr auto kWithOne = std::to_array<Named>({
    {"startswith", Op::kStartsWith},
    {"endswith", Op::kEndsWith},
    {"ltrimstr", Op::kTrimStart},
    {"rtrimstr", Op::kTrimEnd},
    {"contains", Op::kContains},
    {"split", Op::kSplit},
    {"join", Op::kJoin},
});

template <std::size_t kSize>
const Op* find(const std::array<Named, kSize>& table, std::string_view name) {
  for (const Named& known : table) {
    if (known.name == name) return &known.op;
  }
  return nullptr;
}

constexpr std::string_view kIsoTime = "%Y-%m-%dT%H:%M:%SZ";

}  // namespace

ClosureId Compiler::call(const Node& node, const Subject& input) {
  if (node.children.empty()) return call_without_arguments(node.text, input);
  if (const ClosureId id = call_with_loop(node, input); id != kNoClosure) return id;
  if (const ClosureId id = call_with_texts(node, input); id != kNoClosure) return id;
  return node.children.size() == 1 ? call_of_one(node, input) : kNoClosure;
}

ClosureId Compiler::call_without_arguments(std::string_view name, const Subject& input) {
  if (name == "true") return constant(Cell::Kind::kTrue);
  if (name == "false") return constant(Cell::Kind::kFalse);
  if (name == "null") return constant(Cell::Kind::kNull);
  if (name == "empty") return make(Op::kNothing);
  if (const Op* const op = find(kOfInput, name)) return make(*op, subject(input));
  if (name == "first" || name == "last") {
    const ClosureId id = make(Op::kElement, subject(input));
    closure(id).number = name == "first" ? 0 : -1;
    return id;
  }
  if (name == "any" || name == "all") return make(name == "any" ? Op::kAny : Op::kAll, each(subject(input)));
  if (name == "sort") return ordered(Ordering::kSort, input, nullptr);
  if (name == "unique") return ordered(Ordering::kUnique, input, nullptr);
  if (name == "min") return ordered(Ordering::kLeast, input, nullptr);
  if (name == "max") return ordered(Ordering::kGreatest, input, nullptr);
  const auto with_format = [&](Op op) {
    const ClosureId id = make(op, subject(input));
    closure(id).texts = {keep(std::string(kIsoTime))};
    return id;
  };
  if (name == "todate" || name == "todateiso8601") return with_format(Op::kFormatTime);
  if (name == "fromdate" || name == "fromdateiso8601") return make(Op::kMakeTime, with_format(Op::kParseTime));
  return select_by_type(name, input);
}

ClosureId Compiler::select_by_type(std::string_view name, const Subject& input) {
  constexpr std::array<std::array<std::string_view, 2>, 4> kTypes = {
      {{"strings", "string"}, {"numbers", "number"}, {"arrays", "array"}, {"objects", "object"}}};
  ClosureId condition = kNoClosure;
  if (name == "values" || name == "nulls") {
    condition = make(Op::kCompare, subject(input), constant(Cell::Kind::kNull));
    if (name == "values") closure(condition).comparison = Comparison::kNotEqual;
  }
  for (const auto& [select, type] : kTypes) {
    if (select != name) continue;
    const ClosureId of = make(Op::kType, subject(input));
    condition = make(Op::kCompare, of, string_constant(type));
  }
  return condition == kNoClosure ? condition : make(Op::kSelect, condition, subject(input));
}

/// Calls whose argument is evaluated with the input or its elements as `.`.
ClosureId Compiler::call_with_loop(const Node& node, const Subject& input) {
  const std::string_view name = node.text;
  const Node* const first = node.child(0);
  if (name == "any" || name == "all") {
    const Op op = name == "any" ? Op::kAny : Op::kAll;
    if (node.children.size() == 1) return make_of(op, then(each(subject(input)), first));
    if (node.children.size() == 2) return make_of(op, then(compile_any(first, input), node.child(1)));
    return kNoClosure;
  }
  if (node.children.size() != 1) return kNoClosure;
  if (name == "select") {
    const ClosureId condition = compile(first, input);
    return condition == kNoClosure ? kNoClosure : make(Op::kSelect, condition, subject(input));
  }
  if (name == "first") return makes_many(first) ? make_of(Op::kFirst, stream(first, input)) : compile(first, input);
  if (name == "add") return make_of(Op::kSum, make_of(Op::kCollect, compile_any(first, input)));
  if (name == "map") return make_of(Op::kCollect, then(each(subject(input)), first));
  if (name == "with_entries") {
    const ClosureId entries = each(make(Op::kToEntries, subject(input)));
    return make_of(Op::kFromEntries, make_of(Op::kCollect, then(entries, first)));
  }
  if (name == "sort_by") return ordered(Ordering::kSort, input, first);
  if (name == "group_by") return ordered(Ordering::kGroup, input, first);
  if (name == "unique_by") return ordered(Ordering::kUnique, input, first);
  if (name == "min_by") return ordered(Ordering::kLeast, input, first);
  if (name == "max_by") return ordered(Ordering::kGreatest, input, first);
  if (name == "IN") {
    const ClosureId values = compile_any(first, input);
    if (values == kNoClosure) return values;
    const std::uint32_t slot = new_register();
    const ClosureId value = subject(in_register(slot));
    const ClosureId equal = make(Op::kCompare, value, subject(input));
    const ClosureId compared = make(Op::kThen, values, equal);
    closure(compared).slot = slot;
    return make(Op::kAny, compared);
  }
  return kNoClosure;
}

ClosureId Compiler::ordered(Ordering ordering, const Subject& input, const Node* key) {
  const ClosureId source = subject(input);
  const std::uint32_t slot = new_register();
  const ClosureId by = key == nullptr ? subject(in_register(slot)) : compile(key, in_register(slot));
  if (by == kNoClosure) return by;
  const ClosureId id = make(Op::kOrder, source, by);
  closure(id).slot = slot;
  closure(id).ordering = ordering;
  return id;
}

/// Calls whose arguments must be literal strings: regular expressions and formats of time.
ClosureId Compiler::call_with_texts(const Node& node, const Subject& input) {
  const std::string_view name = node.text;
  const std::size_t count = node.children.size();
  for (const auto& child : node.children) {
    if (child == nullptr || child->kind != Kind::kString) return kNoClosure;
  }
  const auto text = [&](std::size_t index) { return index < count ? node.child(index)->text : std::string(); };
  const auto made = [&](Op op, std::vector<std::string> texts) {
    const ClosureId id = make(op, subject(input));
    for (std::string& kept : texts) closure(id).texts.emplace_back(keep(std::move(kept)));
    return id;
  };
  if (name == "test" && count <= 2) return made(Op::kTest, {text(0), text(1)});
  if (name == "match" && count <= 2 && text(1).find('g') == std::string::npos)
    return made(Op::kMatch, {text(0), text(1)});
  if ((name == "sub" || name == "gsub") && (count == 2 || count == 3))
    return made(Op::kReplace, {text(0), name == "gsub" ? text(2) + "g" : text(2), text(1)});
  if (name == "strptime" && count == 1) return made(Op::kParseTime, {text(0)});
  if (name == "strftime" && count == 1) return made(Op::kFormatTime, {text(0)});
  return kNoClosure;
}

ClosureId Compiler::call_of_one(const Node& node, const Subject& input) {
  const Node* const argument = node.child(0);
  if (node.text == "has") {
    if (argument == nullptr || argument->kind != Kind::kString) return kNoClosure;
    const ClosureId id = member(subject(input), argument->text);
    if (id != kNoClosure) closure(id).op = Op::kHas;
    return id;
  }
  const Op* const op = find(kWithOne, node.text);
  if (op == nullptr) return kNoClosure;
  const ClosureId by = compile(argument, input);
  return by == kNoClosure ? kNoClosure : make(*op, subject(input), by);
}

}  // namespace riptide::transform::fast
