#pragma once

#include <cstdint>
#include <ctime>
#include <string_view>
#include <vector>

#include "fast_path.hpp"
#include "riptide/json/structurals.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::transform::fast {

/// A string cell without escapes.
inline Cell literal(std::string_view text) noexcept {
  Cell cell;
  cell.kind = Cell::Kind::kString;
  cell.escapes = Cell::Escapes::kNone;
  cell.text = text.data();
  cell.size = static_cast<std::uint32_t>(text.size());
  return cell;
}

/// An array cell.
inline Cell list_of(const Cell* cells, std::size_t count) noexcept {
  Cell cell;
  cell.kind = Cell::Kind::kList;
  cell.cells = cells;
  cell.size = static_cast<std::uint32_t>(count);
  return cell;
}

/// A whole number that jq prints as it stands: no sign of zero, no more digits than a double holds.
bool is_short_integer(std::string_view digits) noexcept;

/// True if all bytes are below 0x80.
bool is_ascii(std::string_view text) noexcept;

/// How a null or a boolean is written; empty for all others.
std::string_view word(Cell::Kind kind) noexcept;

/// One evaluation: all operations on cells.
class Machine::Evaluation {
 public:
  explicit Evaluation(Machine& machine) : machine_(machine), plan_(*machine.plan_) {}

  Came run(ClosureId id, Cell& result);
  /// Makes an array in the text a list of cells. False if it is no array, or malformed.
  bool expand(Cell& cell);

 private:
  static Came boolean(bool value, Cell& result) noexcept;
  [[nodiscard]] const json::Structurals& structurals(Place place) const noexcept;
  /// Memory for cells or bytes; null past the limit.
  template <class T>
  T* take(std::size_t count) {
    if (machine_.arena_.taken() + count * sizeof(T) > machine_.limits_.max_memory_bytes) return nullptr;
    return reinterpret_cast<T*>(machine_.arena_.take(count * sizeof(T)));
  }
  /// The value at a place. Gives up on what is malformed.
  Came cell_at(Place place, Cell& cell) const noexcept;
  /// The value of a path: found by the walk, or null where jq says so.
  Came place(PathTrie::NodeId node, Cell& result) const noexcept;
  [[nodiscard]] std::string_view type_name(const Cell& cell) const noexcept;
  [[nodiscard]] bool is_array(const Cell& cell) const noexcept;
  /// Finds out about a string's escapes; makes them canonical. False: malformed, or no memory.
  bool settle(Cell& cell);
  /// Makes a cell the string that `tostring` makes of it.
  bool to_text(Cell& cell);
  /// Evaluates both operands. Giving up counts more than no output, whichever comes first.
  Came both(const Closure& closure, Cell& left, Cell& right);
  /// Evaluates all arguments; giving up counts more than no output, as jq's own order of evaluation may differ.
  Came arguments(const Closure& closure, Cell* cells);
  /// Puts settled strings together.
  Came concatenate(const Cell* cells, std::size_t count, Cell& result);
  Came add(const Closure& closure, Cell& result);
  Came sum(Cell* cells, std::size_t count, Cell& result);
  Came text_of_all(const Closure& closure, Cell& result);
  static int rank(Cell::Kind kind, bool array) noexcept;
  Came compare(const Closure& closure, Cell& result);
  /// Orders two values of one type.
  bool order_of_equals(Cell& left, Cell& right, Comparison comparison, int& order);

  // ---- fast_streams.cpp
  enum class Flow : std::uint8_t { kGo, kStop, kGiveUp };
  using Emit = jq::FunctionRef<Flow(Cell&)>;
  /// What a loop has made so far, on top of what the loops around it have.
  struct Stack {
    explicit Stack(std::vector<Cell>& of) noexcept : cells(of), base(of.size()) {}
    ~Stack() { cells.resize(base); }
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;
    std::vector<Cell>& cells;
    const std::size_t base;
  };
  /// Hands every output of a stream, or the one of another closure, to `emit`, as long as that says kGo.
  Flow stream(ClosureId id, Emit emit);
  /// Hands every element of an array, or value of an object, to `element`.
  template <class Element>
  Flow each(Cell& source, Element&& element);
  /// Puts all outputs onto the stack; false: gave up. `pushed` makes a list of what is above `stack`.
  bool push(ClosureId id);
  bool pushed(const Stack& stack, Cell& result);
  Came collect(const Closure& closure, Cell& result);
  Came first(const Closure& closure, Cell& result);
  Came list(const Closure& closure, Cell& result);
  Came any_or_all(const Closure& closure, Cell& result);
  Came order(const Closure& closure, Cell& result);
  static bool is_scalar(const Cell& cell) noexcept;
  /// Makes an array, or the values of an object, a list of cells.
  bool elements(Cell& cell);

  // ---- fast_objects.cpp
  Came member(const Cell& of, const Cell& name, Cell& result);
  /// Finds the last member of a name in an object of the text. False: malformed.
  bool find_member(Place object, std::string_view name, Place& found);
  bool members(Cell& cell);
  bool are_distinct(const Cell& record);
  Came record(const Closure& closure, Cell& result);
  bool keys(Cell& of, bool sorted, Cell& result);
  bool to_entries(Cell& of, Cell& result);
  bool from_entries(Cell& of, Cell& result);

  // ---- fast_numbers.cpp
  /// The double that a number is; false if that takes more than reading it.
  bool value_of(const Cell& cell, double& value) const noexcept;
  /// A number as jq prints it. False: not finite, or no memory.
  bool computed(double value, Cell& result);
  Came arithmetic(const Closure& closure, Cell& result);
  bool whole(Op op, const Cell& of, Cell& result);
  bool to_number(Cell& of, Cell& result);
  bool cells_of(const std::tm& parts, double seconds, Cell& result);
  bool parts_of(Cell& of, std::tm& parts);
  bool parse_time(const Closure& closure, Cell& of, Cell& result);
  bool format_time(const Closure& closure, Cell& of, Cell& result);
  bool make_time(Cell& of, Cell& result);
  bool break_time(Cell& of, Cell& result);

  // ---- fast_patterns.cpp
  /// A string of a text's bytes; its `text` is null if there is no memory.
  Cell copy_of(std::string_view text);
  /// The text that a string stands for. Lives as long as the cell.
  bool decoded(Cell& of, std::string_view& text);
  /// A string that stands for `text`.
  bool quoted(std::string_view text, Cell& result);
  bool trim(Cell& of, Cell& result);
  bool test(const Closure& closure, Cell& of, Cell& result);
  Came match(const Closure& closure, Cell& of, Cell& result);
  bool replace(const Closure& closure, Cell& of, Cell& result);

  /// Evaluates the operand; `operation(cell)` is false where it gives up.
  template <class Operation>
  Came of_one(const Closure& closure, Operation&& operation);
  Came element(Cell of, std::int64_t index, Cell& result);
  Came slice(Cell of, std::int64_t begin, std::int64_t end, Cell& result);
  Came number(std::uint64_t value, Cell& result);
  Came length(Cell of, Cell& result);
  Came change_case(Cell of, char first, Cell& result);
  Came affix(const Closure& closure, Cell& result);
  Came contains(const Closure& closure, Cell& result);
  Came split(Cell& of, Cell& by, Cell& result);
  Came join(const Closure& closure, Cell& result);

  Machine& machine_;
  const Plan& plan_;
};

}  // namespace riptide::transform::fast
