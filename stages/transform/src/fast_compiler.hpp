#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fast_path.hpp"
#include "fast_reasons.hpp"

namespace riptide::transform::fast {

/// Compiles one program into closures of a plan. Every member returns kNoClosure where the fast path cannot follow.
///
/// A closure has one output at most, or is a *stream* (`Op::kEach` and what holds one): only `Op::kCollect`,
/// `Op::kFirst`, `Op::kAny`, `Op::kAll` and `Op::kList` take those.
class Compiler {
 public:
  Compiler(Plan& plan, const Plan::Environment& environment) : plan_(plan), environment_(environment) {}

  /// A whole program: where it makes several outputs, only the first counts.
  ClosureId program(const jq::ast::Node* node);

  PathTrie::NodeId plain_path(const jq::ast::Node* node) { return path(node, Subject{}); }

  /// Why the last program came to kNoClosure.
  [[nodiscard]] const std::string& why() const noexcept { return reasons_.last.text; }

 private:
  using Node = jq::ast::Node;

  /// What `.` or a variable stands for: a path from the record, or a register.
  struct Subject {
    enum class Kind : std::uint8_t { kPath, kRegister };
    Kind kind = Kind::kPath;
    PathTrie::NodeId node = PathTrie::kRoot;
    std::uint32_t slot = 0;
  };
  struct Reasons {
    Reason last;
    std::size_t count = 0;
  };

  // ---- fast_compile.cpp: one output

  ClosureId compile(const Node* node, const Subject& input);
  /// Several outputs are a weak reason: where a loop may stand, what its body could not do is what the user can change.
  ClosureId refuse(Reason reason);
  Closure& closure(ClosureId id) { return plan_.closures_[id]; }
  ClosureId make(Op op, ClosureId a = kNoClosure, ClosureId b = kNoClosure, ClosureId c = kNoClosure);
  /// `make`, or kNoClosure if `a` is.
  ClosureId make_of(Op op, ClosureId a) { return a == kNoClosure ? a : make(op, a); }
  ClosureId make_with(Op op, std::vector<ClosureId> arguments);
  std::uint32_t new_register() { return plan_.registers_++; }
  static Subject in_register(std::uint32_t slot) { return {Subject::Kind::kRegister, 0, slot}; }
  static Subject at_path(PathTrie::NodeId node) { return {Subject::Kind::kPath, node, 0}; }
  const std::string& keep(std::string text);
  ClosureId constant(Cell::Kind kind);
  Cell string_cell(std::string_view text);
  ClosureId string_constant(std::string_view text);
  ClosureId number_constant(std::int64_t number);
  ClosureId subject(const Subject& of);
  const Subject* variable(std::string_view name) const;
  /// The trie node of a plain path from the record; kNone if `node` is none.
  PathTrie::NodeId path(const Node* node, const Subject& input, int depth = 0);
  ClosureId dispatch(const Node& node, const Subject& input);
  ClosureId with_two(Op op, const Node* left, const Node* right, const Subject& input);
  ClosureId with_one(Op op, const Node* of, const Subject& input);
  ClosureId string_template(const Node& node, const Subject& input);
  /// `t.name` and `t[i]` where t is no path from the record.
  ClosureId navigation(const Node& node, const Subject& input);
  ClosureId member(ClosureId base, std::string_view name);
  ClosureId slice(const Node& node, const Subject& input);
  ClosureId array(const Node& node, const Subject& input);
  ClosureId object(const Node& node, const Subject& input);
  ClosureId pipe(const Node* left, const Node* right, const Subject& input);
  /// `from | right`, with the value of `from` in a register.
  ClosureId pipe_from(ClosureId from, const Node* right);
  ClosureId binary(const Node& node, const Subject& input);
  /// `a + b + c`, which nests to the left, as one closure.
  ClosureId sum(const Node& node, const Subject& input);
  ClosureId conditional(const Node& node, const Subject& input);
  ClosureId bind(const Node& node, const Subject& input);

  // ---- fast_compile_streams.cpp: any number of outputs

  /// What in `node` makes it have more than one output, in a way that `stream` follows; null if nothing does.
  static const Node* many_of(const Node* node, int depth = 0);
  static bool makes_many(const Node* node) { return many_of(node) != nullptr; }
  /// One output or a stream, whichever `node` makes.
  ClosureId compile_any(const Node* node, const Subject& input);
  ClosureId stream(const Node* node, const Subject& input);
  ClosureId stream_of(const Node& node, const Subject& input);
  /// The elements of what `source` comes to.
  ClosureId each(ClosureId source);
  /// `from | right` for each output of a stream or a closure of one output.
  ClosureId then(ClosureId from, const Node* right);
  /// A binary operation of which one side has several outputs.
  ClosureId stream_of_binary(const Node& node, const Subject& input);
  ClosureId combine(const Node& node, ClosureId left, ClosureId right);

  // ---- fast_compile_calls.cpp: builtins

  ClosureId call(const Node& node, const Subject& input);
  ClosureId call_without_arguments(std::string_view name, const Subject& input);
  ClosureId call_of_one(const Node& node, const Subject& input);
  ClosureId call_with_texts(const Node& node, const Subject& input);
  ClosureId select_by_type(std::string_view name, const Subject& input);
  ClosureId call_with_loop(const Node& node, const Subject& input);
  ClosureId ordered(Ordering ordering, const Subject& input, const Node* key);

  Plan& plan_;
  const Plan::Environment& environment_;
  int depth_ = 0;
  Reasons reasons_;
  std::vector<std::pair<std::string, Subject>> variables_;
};

/// True if `node` calls a builtin with so many arguments.
bool is_call(const jq::ast::Node* node, std::string_view name, std::size_t arguments);

/// True if evaluating `node` evaluates its input for certain. Where that is not so, an input that may raise an error
/// has to be evaluated first: `.a.b | "x"` fails where `.a` is a number.
bool is_strict(const jq::ast::Node* node);

}  // namespace riptide::transform::fast
