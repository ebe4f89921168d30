#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fast_trie.hpp"
#include "jq/ast.hpp"
#include "jq/regex.hpp"
#include "jq/view.hpp"
#include "riptide/json/structurals.hpp"
#include "riptide/transform/evaluation_limits.hpp"

/// The fast path: expressions as closures over the places that one walk over a record found. It does the common cases
/// of the common operations, exactly as jq does, and gives up (`Came::kGaveUp`) on all else, errors included: then the
/// complete evaluator runs the expression. So there is one set of semantics, and every message is the evaluator's.
namespace riptide::transform::fast {

/// A value in the middle of an evaluation. Strings stay as they are escaped in the text.
struct Cell {
  enum class Kind : std::uint8_t { kNull, kFalse, kTrue, kNumber, kString, kContainer, kList, kRecord };
  enum class Escapes : std::uint8_t {
    kUnknown,    ///< As in the page.
    kNone,       ///< No backslash in it.
    kCanonical,  ///< As `json::append_canonical` writes them. Of a number: as jq prints it.
  };
  Kind kind = Kind::kNull;
  Escapes escapes = Escapes::kUnknown;
  Place place = kAbsent;       ///< Where it begins in the text, if it was read there (kContainer always).
  std::uint32_t size = 0;      ///< Bytes of `text`, or cells of `cells` (kRecord: twice its members, keys and values).
  const char* text = nullptr;  ///< kNumber: its digits; kString: between its quotes.
  const Cell* cells = nullptr;

  [[nodiscard]] std::string_view view() const noexcept { return {text, size}; }
  [[nodiscard]] bool truthy() const noexcept { return kind != Kind::kNull && kind != Kind::kFalse; }
};

enum class Op : std::uint8_t {
  kConstant,
  kPlace,        ///< node
  kRegister,     ///< slot
  kLet,          ///< slot = a; b
  kAdd,          ///< arguments: strings or lists, nulls left out
  kTemplate,     ///< arguments as text, one after the other
  kAlternative,  ///< a // b
  kAnd,
  kOr,
  kNot,      ///< of a
  kIf,       ///< a, b, c
  kSelect,   ///< b if a is true, else no output
  kCompare,  ///< a, b by `comparison`
  kNothing,  ///< no output
  kMember,   ///< a, by the constant's text
  kElement,  ///< a, by number
  kSlice,    ///< a, from number to number2
  // Streams: `Evaluation::stream` runs them, and the operations below take them.
  kEach,     ///< a[] | slot: b, where b may be a stream
  kThen,     ///< a | slot: b, where both may be streams
  kConcat,   ///< arguments, one after the other
  kCollect,  ///< [a], of a stream
  kFirst,    ///< first(a), of a stream
  kAny,      ///< True if an output of the stream a is.
  kAll,      ///< True if all outputs of the stream a are.
  kList,     ///< [arguments], which may be streams
  kRecord,   ///< {arguments by twos}
  kToString,
  kLength,
  kLower,
  kUpper,
  kStartsWith,  ///< a, b
  kEndsWith,
  kTrimStart,
  kTrimEnd,
  kSplit,
  kJoin,
  kContains,
  kHas,  ///< a, by the constant's text
  kSum,  ///< of the elements of a
  kType,
  kSubtract,  ///< a, b: numbers
  kMultiply,
  kDivide,  ///< a, b: numbers, or strings (split)
  kFloor,
  kCeil,
  kRound,
  kToNumber,
  kTrim,
  kKeys,
  kKeysUnsorted,
  kToEntries,
  kFromEntries,
  kOrder,       ///< Elements of a by slot: b, as `ordering` says.
  kTest,        ///< a, by a regular expression; texts: pattern, flags
  kMatch,       ///< The same, not global.
  kReplace,     ///< The same; texts: pattern, flags, replacement
  kParseTime,   ///< strptime; texts: format
  kFormatTime,  ///< strftime; texts: format
  kMakeTime,    ///< mktime
  kBreakTime,   ///< gmtime
};

enum class Ordering : std::uint8_t { kSort, kGroup, kUnique, kLeast, kGreatest };

enum class Comparison : std::uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

using ClosureId = std::uint32_t;
inline constexpr ClosureId kNoClosure = UINT32_MAX;

struct Closure {
  Op op = Op::kConstant;
  Comparison comparison = Comparison::kEqual;
  Ordering ordering = Ordering::kSort;
  bool optional = false;  ///< kEach: a scalar has no elements.
  ClosureId a = kNoClosure;
  ClosureId b = kNoClosure;
  ClosureId c = kNoClosure;
  std::uint32_t node = 0;  ///< Of the trie.
  std::uint32_t slot = 0;  ///< Register.
  std::int64_t number = 0;
  std::int64_t number2 = 0;
  std::vector<ClosureId> arguments;
  std::vector<std::string_view> texts;  ///< Decoded.
  Cell constant;
};

/// The expressions of one resource, as far as the fast path can do them. Immutable once finished.
class Plan {
 public:
  Plan();
  ~Plan();
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;

  using Environment = std::vector<std::pair<std::string, std::string>>;

  /// Compiles a program, of which the first output counts; kNoClosure if it is not for the fast path, and `why`.
  ClosureId compile(const jq::ast::Module& module, const Environment& environment, std::string* why = nullptr);
  /// Notes what a program can see of the record, for `Machine::append_needed`. False: all of it.
  bool see(const jq::View* view, Part part);
  /// The node of a program that is a plain path; kNone if it is none.
  PathTrie::NodeId compile_path(const jq::ast::Module& module);
  PathTrie::NodeId top_level(std::string_view key) { return trie_.member(PathTrie::kRoot, key); }
  /// True if an expression reads a value that contains `node`, the record itself included, as a whole.
  [[nodiscard]] bool reads_around(PathTrie::NodeId node) const noexcept;
  void finish();

  [[nodiscard]] const PathTrie& trie() const noexcept { return trie_; }
  [[nodiscard]] const Closure& closure(ClosureId id) const noexcept { return closures_[id]; }
  [[nodiscard]] std::uint32_t registers() const noexcept { return registers_; }

 private:
  friend class Compiler;
  PathTrie trie_;
  std::vector<Closure> closures_;
  std::vector<std::unique_ptr<std::string>> texts_;  ///< What constants point to.
  std::uint32_t registers_ = 0;
};

/// Memory that is given out piece by piece and taken back all at once.
class Arena {
 public:
  char* take(std::size_t bytes);
  void clear() noexcept;
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

  /// How much is given out; `rewind` takes back what was given out since.
  struct Mark {
    std::size_t chunk = 0;
    std::size_t used = 0;
    std::size_t taken = 0;
  };
  [[nodiscard]] Mark mark() const noexcept { return {chunk_, used_, taken_}; }
  void rewind(const Mark& mark) noexcept {
    chunk_ = mark.chunk;
    used_ = mark.used;
    taken_ = mark.taken;
  }

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;  ///< The one that is given out from.
  std::size_t used_ = 0;
  std::size_t taken_ = 0;
};

enum class Came : std::uint8_t { kValue, kNothing, kGaveUp };

/// Evaluates closures on one record after the other. One per thread.
class Machine {
 public:
  /// Bounds on what one expression may do before the evaluator, with its own budgets, takes over.
  void set_limits(const EvaluationLimits& limits) noexcept {
    limits_ = limits;
    regexes_.set_max_steps(limits.max_regex_steps);
  }
  /// Begins a page: places count in these. Borrowed.
  void begin(const Plan& plan, const json::Structurals& page, const json::Structurals& overlay);
  /// Walks the record at structural `index`; returns the index behind it, 0 if it is malformed.
  std::uint32_t walk(std::uint32_t index);
  /// Puts the overlay's value from structural `index` to before `behind` over a top-level key. False if it is malformed
  /// (found out only if a path leads there).
  bool lay_over(std::string_view key, std::uint32_t index, std::uint32_t behind);

  /// Makes the list that a closure comes to, for `enter_item`; it lives until the next record. False: give up.
  bool list_items(ClosureId id, std::size_t& count);
  /// Takes a path out of the record. False if it is not there.
  bool take_out(PathTrie::NodeId node);
  /// Puts an element of the list over a top-level key. False: give up.
  bool enter_item(std::size_t index, PathTrie::NodeId node);

  Came evaluate(ClosureId id, Cell& result);
  /// The bytes of what a closure comes to, where it is a path to a scalar that stands in the text as it is to be
  /// written. Empty for all else: `evaluate` tells.
  [[nodiscard]] std::string_view plain(ClosureId id) const noexcept;
  /// Appends the record as far as the programs that `Plan::see` saw can see it. False: malformed.
  bool append_needed(Part part, std::string& out);
  /// Appends a cell as compact JSON. False if it cannot (malformed bytes): `out` is as before.
  bool append(const Cell& cell, std::string& out);

 private:
  class Evaluation;
  /// Gives back what one record's large values took.
  void let_go() noexcept;
  bool append_needed(PathTrie::NodeId node, Part part, std::string& out);
  const Plan* plan_ = nullptr;
  json::Structurals page_;
  json::Structurals overlay_;
  bool overlaid_ = false;
  std::vector<Place> found_;
  std::vector<Cell> registers_;
  Cell items_;
  Arena::Mark items_end_;
  json::Brackets brackets_;
  Arena arena_;
  std::string scratch_;
  std::string decoded_;  ///< As `scratch_`, for what needs two.
  std::string error_;    ///< What a regular expression says; nobody reads it.
  jq::RegexCache regexes_{EvaluationLimits().max_regex_steps};
  std::vector<std::uint32_t> starts_;
  std::vector<Cell> stack_;  ///< What the loops that run have made so far.
  /// The object that a member was looked up in last, and what is behind it.
  struct Stepped {
    Place place = kAbsent;
    std::uint32_t behind = 0;
  } stepped_;
  std::uint64_t steps_ = 0;
  EvaluationLimits limits_;
};

}  // namespace riptide::transform::fast
