#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jq/ast.hpp"
#include "jq/value.hpp"
#include "riptide/transform/jq.hpp"

/// What a program is compiled to: a tree with all names resolved, that the machine walks.
namespace riptide::transform::jq {

class Machine;
struct Code;
struct FunctionCode;

/// How an evaluation goes on.
enum class Status : std::uint8_t {
  kOk,     ///< An output (of at most one), or all outputs given.
  kEmpty,  ///< No output; only where there is at most one.
  kError,  ///< `Machine::error()` was raised.
  kBreak,  ///< On the way out to the label `Machine::break_label()`.
  kStop,   ///< Nobody wants more, or the program halted.
};

using BuiltinFunction = Status (*)(Machine& machine, Value& input, Value* arguments, Value& output);

struct Builtin {
  std::string_view name;
  int arity = 0;
  BuiltinFunction function = nullptr;
};

enum class Op : std::uint8_t {
  kIdentity,
  kConstant,  ///< constant
  kPath,      ///< steps on `.`, or on the variable (hops, index) if `flag`
  kIndex,     ///< a[b]; `flag`: nothing in place of an error of this step
  kSlice,     ///< a[b:c], bounds may be null; `flag` as above
  kIterate,   ///< a[]; `flag` as above
  kRecurse,   ///< ..
  kCollect,   ///< [a]
  kObject,    ///< list: keys and values by turns
  kNegate,    ///< -a
  kPipe,      ///< a | b
  kComma,     ///< a, b
  kBinary,    ///< a op b
  kAnd,
  kOr,
  kAlternative,  ///< a // b
  kAssign,       ///< a = b
  kUpdate,       ///< a |= b
  kUpdateOp,     ///< a op= b
  kTry,          ///< try a catch b
  kIf,           ///< if a then b else c
  kReduce,       ///< reduce a as patterns (b; c)
  kForeach,      ///< foreach a as patterns (b; c; d)
  kBind,         ///< a as patterns | b
  kCall,         ///< function with arguments `list`, defined `hops` up
  kParameter,    ///< the closure in (hops, index)
  kVariable,     ///< the value in (hops, index)
  kLabel,        ///< label | a
  kBreak,        ///< hops
  kFormat,       ///< constant: name
  kTemplate,     ///< list joined; constant: format name
  kBuiltin,      ///< builtin with arguments `list`
  kPathOf,       ///< path(a)
  kGetPath,      ///< getpath(a)
  kEmpty,
  kError,    ///< error(a)
  kRange,    ///< range(a; b)
  kRangeBy,  ///< range(a; b; c)
  kFirst,    ///< first(a)
  kLast,     ///< last(a)
  kLimit,    ///< limit(a; b)
  kSkip,     ///< skip(a; b)
  kNth,      ///< nth(a; b)
  kUntil,    ///< until(a; b)
  kWhile,    ///< while(a; b)
  kRepeat,   ///< repeat(a)
  kIsEmpty,  ///< isempty(a)
  kAny,      ///< any(a; b)
  kAll,      ///< all(a; b)
  kAdd,      ///< add(a)
  kInputs,   ///< inputs
};

struct Step {
  Value key;              ///< A string or a number.
  bool optional = false;  ///< `?`: nothing in place of an error.
};

/// A destructuring pattern, its variables resolved to slots of the environment of the binding.
struct PatternCode {
  struct Entry {
    const Code* key = nullptr;  ///< Null: `slot`'s name is the key, in `name`.
    Value name;
    std::int32_t slot = -1;  ///< Bound to the member, if not negative.
    std::unique_ptr<PatternCode> value;
  };
  ast::Pattern::Kind kind = ast::Pattern::Kind::kVariable;
  std::uint32_t slot = 0;
  std::vector<PatternCode> elements;
  std::vector<Entry> entries;
};

struct Code {
  Op op = Op::kIdentity;
  ast::Operator binary = ast::Operator::kAdd;
  bool single = true;  ///< At most one output.
  bool flag = false;
  std::uint32_t hops = 0;
  std::uint32_t index = 0;
  std::uint32_t slots = 0;  ///< Of a binding.
  const Code* a = nullptr;
  const Code* b = nullptr;
  const Code* c = nullptr;
  const Code* d = nullptr;
  Value constant;
  std::vector<const Code*> list;
  std::vector<Step> steps;
  std::vector<PatternCode> patterns;
  FunctionCode* function = nullptr;
  const Builtin* builtin = nullptr;
  ast::Position at;
};

struct FunctionCode {
  std::string name;
  const Code* body = nullptr;
  struct Parameter {
    std::string name;
    bool by_value = false;
    bool as_filter = false;  ///< Called as a filter (beside its use as a value).
    bool single = true;      ///< All arguments that are given for it have at most one output.
  };
  std::vector<Parameter> parameters;
  bool single = true;
  std::unique_ptr<CompileError> broken;  ///< Why it does not compile: an error only where it is called.
};

}  // namespace riptide::transform::jq
