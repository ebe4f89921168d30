#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// The syntax tree of a jq program: what the user wrote, names not resolved yet.
namespace riptide::transform::jq::ast {

struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

enum class Kind : std::uint8_t {
  kIdentity,  ///< `.`
  kRecurse,   ///< `..`
  kNumber,    ///< text: the literal as written
  kString,    ///< text: decoded, no interpolation
  kTemplate,  ///< "a\(f)b", @fmt "..": text: format ("" is text); children: kString and expressions by turns
  kFormat,    ///< @json alone: text: name without @
  kField,     ///< t.name, t."name": child 0: t; child 1: name (kString or kTemplate)
  kIndex,     ///< t[i]: child 0: t; child 1: i
  kSlice,     ///< t[a:b]: child 0: t; children 1 and 2: bounds, null where left out
  kIterate,   ///< t[]: child 0: t
  kArray,     ///< [f]: child 0, none for []
  kObject,    ///< {k: v}: `entries`; a null value stands for {k}, {$x}, {"k"}
  kNegate,    ///< -f
  kPipe,      ///< f | g
  kComma,     ///< f, g
  kBinary,    ///< f op g: op; arithmetic and comparison
  kAnd,
  kOr,
  kAlternative,  ///< f // g
  kAssign,       ///< f = g
  kUpdate,       ///< f |= g
  kUpdateOp,     ///< f op= g: op, kAlternative of `Operator` for //=
  kTry,          ///< try f catch g, f?: child 1 null without catch; text "?": guards the last step of a path only
  kIf,           ///< children: condition, then; else null if left out (elif nests in else)
  kReduce,       ///< reduce s as p (init; update): children: s, init, update; patterns
  kForeach,      ///< foreach s as p (init; update; extract): children: s, init, update, extract (may be null); patterns
  kBind,         ///< s as p ?// q | body: children: s, body; patterns
  kFunctions,    ///< def f: ..; body: child 0: body; `function`
  kCall,         ///< f(a; b): text: name; children: arguments
  kVariable,     ///< $x: text: name, with module prefix
  kLocation,     ///< $__loc__
  kLabel,        ///< label $x | f: text: name; child 0
  kBreak,        ///< break $x: text
};

enum class Operator : std::uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAlternative
};

struct Node;
using NodePtr = std::unique_ptr<Node>;

/// A destructuring pattern.
struct Pattern {
  enum class Kind : std::uint8_t { kVariable, kArray, kObject };
  struct Entry;
  Kind kind = Kind::kVariable;
  Position at;
  std::string name;               ///< kVariable: without `$`.
  std::vector<Pattern> elements;  ///< kArray.
  std::vector<Entry> entries;     ///< kObject.
};
struct Pattern::Entry {
  std::string variable;  ///< `$name` or `$name: pattern`: binds the member of that name too; else empty.
  Position at;
  NodePtr key;                     ///< Null if `variable` is the key.
  std::unique_ptr<Pattern> value;  ///< Null if only the variable is bound.
};

struct ObjectEntry {
  NodePtr key;    ///< kString, kTemplate, kVariable ({$x}), kLocation, or an expression in parentheses.
  NodePtr value;  ///< Null: the member of the same name (or the variable's value).
};

struct Function {
  std::string name;
  Position at;
  std::vector<std::string> parameters;  ///< As written: "f" or "$x".
  NodePtr body;
};

struct Node {
  Kind kind = Kind::kIdentity;
  Operator op = Operator::kAdd;
  Position at;
  std::string text;
  std::vector<NodePtr> children;
  std::vector<ObjectEntry> entries;
  std::vector<Pattern> patterns;
  std::unique_ptr<Function> function;

  Node() = default;
  Node(Kind node_kind, Position position) : kind(node_kind), at(position) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();  ///< Without recursion: programs can be deep.

  [[nodiscard]] const Node* child(std::size_t index) const noexcept {
    return index < children.size() ? children[index].get() : nullptr;
  }
};

/// `import "path" as name metadata;`, `import "path" as $name metadata;` or `include "path" metadata;`.
struct Import {
  Position at;
  std::string path;
  std::string name;      ///< Empty: included.
  bool is_data = false;  ///< Imported as `$name`.
  NodePtr metadata;      ///< May be null.
  Position metadata_at;
};

/// A whole program: its body, definitions in front of it included (as kFunctions); or a module: its definitions.
struct Module {
  NodePtr metadata;  ///< Of the directive `module`; null without one.
  std::vector<Import> imports;
  std::vector<std::unique_ptr<Function>> functions;  ///< Of a module; a program has them in its body.
  NodePtr body;                                      ///< Null in a module.
};

}  // namespace riptide::transform::jq::ast
