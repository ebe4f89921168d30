#include <algorithm>
#include <charconv>
#include <cstring>

#include "fast_path.hpp"
#include "riptide/json/structurals.hpp"

namespace riptide::transform::fast {

namespace {

constexpr std::size_t kChunkBytes = std::size_t{16} << 10;

std::string_view word(Cell::Kind kind) noexcept {
  switch (kind) {
    case Cell::Kind::kNull:
      return "null";
    case Cell::Kind::kFalse:
      return "false";
    case Cell::Kind::kTrue:
      return "true";
    case Cell::Kind::kNumber:
    case Cell::Kind::kString:
    case Cell::Kind::kContainer:
    case Cell::Kind::kList:
    case Cell::Kind::kRecord:
      break;
  }
  return {};
}

Cell literal(std::string_view text) noexcept {
  Cell cell;
  cell.kind = Cell::Kind::kString;
  cell.escapes = Cell::Escapes::kNone;
  cell.text = text.data();
  cell.size = static_cast<std::uint32_t>(text.size());
  return cell;
}

/// A whole number that jq prints as it stands: no sign of zero, no more digits than a double holds.
bool is_short_integer(std::string_view digits) noexcept {
  const std::string_view unsigned_digits = digits.starts_with('-') ? digits.substr(1) : digits;
  return digits != "-0" && unsigned_digits.size() <= 15 &&
         unsigned_digits.find_first_of(".eE") == std::string_view::npos;
}

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

}  // namespace

char* Arena::take(std::size_t bytes) {
  bytes = (bytes + 7) & ~std::size_t{7};
  taken_ += bytes;
  for (;;) {
    if (chunk_ < chunks_.size() && chunks_[chunk_].size - used_ >= bytes) {
      char* const piece = chunks_[chunk_].bytes.get() + used_;
      used_ += bytes;
      return piece;
    }
    if (chunk_ + 1 >= chunks_.size()) {
      const std::size_t size = std::max(bytes, kChunkBytes);
      chunks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
      chunk_ = chunks_.size() - 1;
    } else {
      ++chunk_;
    }
    used_ = 0;
  }
}

void Arena::clear() noexcept {
  // One record's large values must not stay for the rest of the run.
  if (chunks_.size() > 64) chunks_.resize(64);
  std::erase_if(chunks_, [](const Chunk& chunk) { return chunk.size > 64 * kChunkBytes; });
  chunk_ = 0;
  used_ = 0;
  taken_ = 0;
}

void Machine::begin(const Plan& plan, const json::Structurals& page, const json::Structurals& overlay) {
  plan_ = &plan;
  page_ = page;
  overlay_ = overlay;
  found_.assign(plan.trie().size(), kAbsent);
  registers_.resize(std::max<std::size_t>(registers_.size(), plan.registers()));
}

std::uint32_t Machine::walk(std::uint32_t index) {
  std::fill(found_.begin(), found_.end(), kAbsent);
  arena_.clear();
  steps_ = 0;
  overlaid_ = false;
  return plan_->trie().walk(page_, index, PathTrie::kRoot, 0, found_, brackets_);
}

bool Machine::lay_over(std::string_view key, std::uint32_t index, std::uint32_t behind) {
  overlaid_ = true;
  const PathTrie& trie = plan_->trie();
  const PathTrie::NodeId node = trie.find_member(PathTrie::kRoot, key);
  if (node == PathTrie::kNone) return true;
  if (found_[node] != kAbsent) trie.forget(node, found_);
  return trie.walk(overlay_, index, node, kOverlay, found_, brackets_) == behind;
}

/// One evaluation: all operations on cells.
class Machine::Evaluation {
 public:
  explicit Evaluation(Machine& machine) : machine_(machine), plan_(*machine.plan_) {}

  Came run(ClosureId id, Cell& result) {
    const Closure& closure = plan_.closure(id);
    if (++machine_.steps_ > machine_.max_steps_) return Came::kGaveUp;
    switch (closure.op) {
      case Op::kConstant:
        result = closure.constant;
        return Came::kValue;
      case Op::kPlace:
        return place(closure.node, result);
      case Op::kRegister:
        result = machine_.registers_[closure.slot];
        return Came::kValue;
      case Op::kLet: {
        Cell value;
        if (const Came came = run(closure.a, value); came != Came::kValue) return came;
        machine_.registers_[closure.slot] = value;
        return run(closure.b, result);
      }
      case Op::kAdd:
        return add(closure, result);
      case Op::kTemplate:
        return text_of_all(closure, result);
      case Op::kAlternative: {
        const Came came = run(closure.a, result);
        if (came == Came::kGaveUp || (came == Came::kValue && result.truthy())) return came;
        return run(closure.b, result);
      }
      case Op::kAnd:
      case Op::kOr: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        if (result.truthy() == (closure.op == Op::kAnd)) {
          if (const Came came = run(closure.b, result); came != Came::kValue) return came;
        }
        return boolean(result.truthy(), result);
      }
      case Op::kNot: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        return boolean(!result.truthy(), result);
      }
      case Op::kIf: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        return run(result.truthy() ? closure.b : closure.c, result);
      }
      case Op::kSelect: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        return result.truthy() ? run(closure.b, result) : Came::kNothing;
      }
      case Op::kCompare:
        return compare(closure, result);
      case Op::kNothing:
        return Came::kNothing;
      case Op::kMember: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        return member(result, closure.constant, result);
      }
      case Op::kElement: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        return element(result, closure.number, result);
      }
      case Op::kSlice: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        return slice(result, closure.number, closure.number2, result);
      }
      case Op::kCollect:
        return collect(closure, result);
      case Op::kFirst:
        return first(closure, result);
      case Op::kList:
        return list(closure, result);
      case Op::kRecord:
        return record(closure, result);
      case Op::kToString: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        return to_text(result) ? Came::kValue : Came::kGaveUp;
      }
      case Op::kLength: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        return length(result, result);
      }
      case Op::kLower:
      case Op::kUpper: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        return change_case(result, closure.op == Op::kLower ? 'A' : 'a', result);
      }
      case Op::kStartsWith:
      case Op::kEndsWith:
      case Op::kTrimStart:
      case Op::kTrimEnd:
        return affix(closure, result);
      case Op::kSplit:
        return split(closure, result);
      case Op::kJoin:
        return join(closure, result);
      case Op::kContains:
        return contains(closure, result);
      case Op::kHas: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        if (result.kind != Cell::Kind::kContainer || is_array(result)) return Came::kGaveUp;
        Place found = kAbsent;
        if (!find_member(result.place, closure.constant.view(), found)) return Came::kGaveUp;
        return boolean(found != kAbsent, result);
      }
      case Op::kSum: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        if (!expand(result)) return Came::kGaveUp;
        const std::size_t count = result.size;
        Cell* const cells = take<Cell>(count);
        if (cells == nullptr) return Came::kGaveUp;
        std::copy_n(result.cells, count, cells);
        return sum(cells, count, result);
      }
      case Op::kType: {
        if (const Came came = run(closure.a, result); came != Came::kValue) return came;
        result = literal(type_name(result));
        return Came::kValue;
      }
    }
    return Came::kGaveUp;
  }

  /// Makes an array in the text a list of cells. False if it is no array, or malformed.
  bool expand(Cell& cell);

 private:
  static Came boolean(bool value, Cell& result) noexcept {
    result = Cell{};
    result.kind = value ? Cell::Kind::kTrue : Cell::Kind::kFalse;
    return Came::kValue;
  }

  [[nodiscard]] const json::Structurals& structurals(Place place) const noexcept {
    return (place & kOverlay) != 0 ? machine_.overlay_ : machine_.page_;
  }

  /// Memory for cells or bytes; null past the limit.
  template <class T>
  T* take(std::size_t count) {
    if (machine_.arena_.taken() + count * sizeof(T) > machine_.max_bytes_) return nullptr;
    return reinterpret_cast<T*>(machine_.arena_.take(count * sizeof(T)));
  }

  Came cell_at(Place place, Cell& cell) const noexcept {
    const json::Structurals& of = structurals(place);
    const std::uint32_t index = place & ~kOverlay;
    cell = Cell{};
    cell.place = place;
    const char byte = of.byte(index);
    if (byte == '{' || byte == '[') {
      cell.kind = Cell::Kind::kContainer;
      return Came::kValue;
    }
    const std::string_view token = of.token(index);
    if (byte == '"') {
      cell.kind = Cell::Kind::kString;
      cell.text = token.data() + 1;
      cell.size = static_cast<std::uint32_t>(token.size() - 2);
      return Came::kValue;
    }
    if (!json::is_scalar(token)) return Came::kGaveUp;
    if (byte == 'n') return Came::kValue;
    if (byte == 't' || byte == 'f') {
      cell.kind = byte == 't' ? Cell::Kind::kTrue : Cell::Kind::kFalse;
      return Came::kValue;
    }
    cell.kind = Cell::Kind::kNumber;
    cell.text = token.data();
    cell.size = static_cast<std::uint32_t>(token.size());
    return Came::kValue;
  }

  /// The value of a path: found by the walk, or null where jq says so.
  Came place(PathTrie::NodeId node, Cell& result) const noexcept {
    const Place found = machine_.found_[node];
    if (found != kAbsent) {
      // With an overlay the record lies in two places.
      if (node == PathTrie::kRoot && machine_.overlaid_) return Came::kGaveUp;
      return cell_at(found, result);
    }
    // Absent: the last thing on the way that is there decides.
    const PathTrie& trie = plan_.trie();
    PathTrie::NodeId step = node;
    PathTrie::NodeId above = trie.parent(step);
    while (machine_.found_[above] == kAbsent) {
      step = above;
      above = trie.parent(step);
    }
    const Place last = machine_.found_[above];
    const char byte = structurals(last).byte(last & ~kOverlay);
    result = Cell{};
    if (byte == (trie.is_element(step) ? '[' : '{')) return Came::kValue;
    return byte == 'n' ? cell_at(last, result) : Came::kGaveUp;
  }

  [[nodiscard]] std::string_view type_name(const Cell& cell) const noexcept {
    switch (cell.kind) {
      case Cell::Kind::kNull:
        return "null";
      case Cell::Kind::kFalse:
      case Cell::Kind::kTrue:
        return "boolean";
      case Cell::Kind::kNumber:
        return "number";
      case Cell::Kind::kString:
        return "string";
      case Cell::Kind::kList:
        return "array";
      case Cell::Kind::kRecord:
        return "object";
      case Cell::Kind::kContainer:
        return is_array(cell) ? "array" : "object";
    }
    return {};
  }

  [[nodiscard]] bool is_array(const Cell& cell) const noexcept {
    return cell.kind == Cell::Kind::kList ||
           (cell.kind == Cell::Kind::kContainer && structurals(cell.place).byte(cell.place & ~kOverlay) == '[');
  }

  /// Finds out about a string's escapes; makes them canonical. False: malformed, or no memory.
  bool settle(Cell& cell) {
    if (cell.escapes != Cell::Escapes::kUnknown) return true;
    if (std::memchr(cell.text, '\\', cell.size) == nullptr) {
      cell.escapes = Cell::Escapes::kNone;
      return true;
    }
    std::string& scratch = machine_.scratch_;
    scratch.clear();
    if (!json::append_canonical({cell.text - 1, cell.size + std::size_t{2}}, scratch)) return false;
    char* const copy = take<char>(scratch.size());
    if (copy == nullptr) return false;
    std::memcpy(copy, scratch.data() + 1, scratch.size() - 2);
    cell.text = copy;
    cell.size = static_cast<std::uint32_t>(scratch.size() - 2);
    cell.escapes = std::memchr(copy, '\\', cell.size) == nullptr ? Cell::Escapes::kNone : Cell::Escapes::kCanonical;
    return true;
  }

  /// Makes a cell the string that `tostring` makes of it.
  bool to_text(Cell& cell) {
    switch (cell.kind) {
      case Cell::Kind::kString:
        return settle(cell);
      case Cell::Kind::kNull:
      case Cell::Kind::kFalse:
      case Cell::Kind::kTrue:
        cell = literal(word(cell.kind));
        return true;
      case Cell::Kind::kNumber:
        if (!is_short_integer(cell.view())) return false;
        cell.kind = Cell::Kind::kString;
        cell.escapes = Cell::Escapes::kNone;
        cell.place = kAbsent;
        return true;
      case Cell::Kind::kContainer:
      case Cell::Kind::kList:
      case Cell::Kind::kRecord:
        break;
    }
    return false;
  }

  /// Evaluates both operands. Giving up counts more than no output, whichever comes first.
  Came both(const Closure& closure, Cell& left, Cell& right) {
    const Came right_came = run(closure.b, right);
    if (right_came == Came::kGaveUp) return right_came;
    const Came left_came = run(closure.a, left);
    return left_came != Came::kValue ? left_came : right_came;
  }

  /// Evaluates all arguments; giving up counts more than no output, as jq's own order of evaluation may differ.
  Came arguments(const Closure& closure, Cell* cells) {
    Came worst = Came::kValue;
    for (std::size_t index = 0; index < closure.arguments.size(); ++index) {
      const Came came = run(closure.arguments[index], cells[index]);
      if (came == Came::kGaveUp) return came;
      if (came == Came::kNothing) worst = came;
    }
    return worst;
  }

  /// Puts settled strings together.
  Came concatenate(const Cell* cells, std::size_t count, Cell& result) {
    std::size_t size = 0;
    Cell joined = literal({});
    for (std::size_t index = 0; index < count; ++index) {
      size += cells[index].size;
      if (cells[index].escapes == Cell::Escapes::kCanonical) joined.escapes = Cell::Escapes::kCanonical;
    }
    if (size > UINT32_MAX) return Came::kGaveUp;
    char* const bytes = take<char>(size + 1);
    if (bytes == nullptr) return Came::kGaveUp;
    char* end = bytes;
    for (std::size_t index = 0; index < count; ++index) {
      if (cells[index].size == 0) continue;
      std::memcpy(end, cells[index].text, cells[index].size);
      end += cells[index].size;
    }
    joined.text = bytes;
    joined.size = static_cast<std::uint32_t>(size);
    result = joined;
    return Came::kValue;
  }

  Came add(const Closure& closure, Cell& result) {
    const std::size_t count = closure.arguments.size();
    Cell* const cells = take<Cell>(count);
    if (cells == nullptr) return Came::kGaveUp;
    if (const Came came = arguments(closure, cells); came != Came::kValue) return came;
    return sum(cells, count, result);
  }

  Came sum(Cell* cells, std::size_t count, Cell& result) {
    // null is the neutral term of every sum.
    Cell* const end =
        std::remove_if(cells, cells + count, [](const Cell& cell) { return cell.kind == Cell::Kind::kNull; });
    const auto terms = static_cast<std::size_t>(end - cells);
    if (terms == 0) {
      result = Cell{};
      return Came::kValue;
    }
    if (terms == 1) {
      result = cells[0];
      return Came::kValue;
    }
    if (std::all_of(cells, end, [](const Cell& cell) { return cell.kind == Cell::Kind::kString; })) {
      for (Cell* cell = cells; cell != end; ++cell) {
        if (!settle(*cell)) return Came::kGaveUp;
      }
      return concatenate(cells, terms, result);
    }
    std::size_t size = 0;
    for (Cell* cell = cells; cell != end; ++cell) {
      if (!expand(*cell)) return Came::kGaveUp;
      size += cell->size;
    }
    Cell* const all = take<Cell>(size + 1);
    if (all == nullptr || size > UINT32_MAX) return Came::kGaveUp;
    Cell* next = all;
    for (const Cell* cell = cells; cell != end; ++cell) next = std::copy_n(cell->cells, cell->size, next);
    result = list_of(all, size);
    return Came::kValue;
  }

  static Cell list_of(const Cell* cells, std::size_t count) noexcept {
    Cell cell;
    cell.kind = Cell::Kind::kList;
    cell.cells = cells;
    cell.size = static_cast<std::uint32_t>(count);
    return cell;
  }

  Came text_of_all(const Closure& closure, Cell& result) {
    const std::size_t count = closure.arguments.size();
    Cell* const cells = take<Cell>(count);
    if (cells == nullptr) return Came::kGaveUp;
    if (const Came came = arguments(closure, cells); came != Came::kValue) return came;
    for (std::size_t index = 0; index < count; ++index) {
      if (!to_text(cells[index])) return Came::kGaveUp;
    }
    return concatenate(cells, count, result);
  }

  static int rank(Cell::Kind kind, bool array) noexcept {
    switch (kind) {
      case Cell::Kind::kNull:
        return 0;
      case Cell::Kind::kFalse:
        return 1;
      case Cell::Kind::kTrue:
        return 2;
      case Cell::Kind::kNumber:
        return 3;
      case Cell::Kind::kString:
        return 4;
      case Cell::Kind::kContainer:
        return array ? 5 : 6;
      case Cell::Kind::kList:
        return 5;
      case Cell::Kind::kRecord:
        return 6;
    }
    return 0;
  }

  Came compare(const Closure& closure, Cell& result) {
    Cell left;
    Cell right;
    if (const Came came = both(closure, left, right); came != Came::kValue) return came;
    int order = rank(left.kind, is_array(left)) - rank(right.kind, is_array(right));
    if (order == 0 && !order_of_equals(left, right, closure.comparison, order)) return Came::kGaveUp;
    switch (closure.comparison) {
      case Comparison::kEqual:
        return boolean(order == 0, result);
      case Comparison::kNotEqual:
        return boolean(order != 0, result);
      case Comparison::kLess:
        return boolean(order < 0, result);
      case Comparison::kLessEqual:
        return boolean(order <= 0, result);
      case Comparison::kGreater:
        return boolean(order > 0, result);
      case Comparison::kGreaterEqual:
        return boolean(order >= 0, result);
    }
    return Came::kGaveUp;
  }

  /// Orders two values of one type.
  bool order_of_equals(Cell& left, Cell& right, Comparison comparison, int& order) {
    switch (left.kind) {
      case Cell::Kind::kNull:
      case Cell::Kind::kFalse:
      case Cell::Kind::kTrue:
        return true;
      case Cell::Kind::kNumber: {
        if (left.size > 15 || right.size > 15) return false;  // more digits than a double holds
        double a = 0;
        double b = 0;
        if (std::from_chars(left.text, left.text + left.size, a).ec != std::errc{}) return false;
        if (std::from_chars(right.text, right.text + right.size, b).ec != std::errc{}) return false;
        order = a < b ? -1 : a > b ? 1 : 0;
        return true;
      }
      case Cell::Kind::kString: {
        if (!settle(left) || !settle(right)) return false;
        const bool plain = left.escapes == Cell::Escapes::kNone && right.escapes == Cell::Escapes::kNone;
        if (!plain && comparison != Comparison::kEqual && comparison != Comparison::kNotEqual) return false;
        order = left.view().compare(right.view());
        return true;
      }
      case Cell::Kind::kContainer:
      case Cell::Kind::kList:
      case Cell::Kind::kRecord:
        break;
    }
    return false;
  }

  Came member(const Cell& of, const Cell& name, Cell& result) {
    if (of.kind == Cell::Kind::kNull) {
      result = Cell{};
      return Came::kValue;
    }
    if (of.kind == Cell::Kind::kRecord) {
      Cell found;
      for (std::uint32_t index = 0; index < of.size; index += 2) {
        if (of.cells[index].view() == name.view()) found = of.cells[index + 1];
      }
      result = found;
      return Came::kValue;
    }
    if (of.kind != Cell::Kind::kContainer || is_array(of)) return Came::kGaveUp;
    Place found = kAbsent;
    if (!find_member(of.place, name.view(), found)) return Came::kGaveUp;
    if (found != kAbsent) return cell_at(found, result);
    result = Cell{};
    return Came::kValue;
  }

  /// Finds the last member of a name in an object of the text. False: malformed.
  bool find_member(Place object, std::string_view name, Place& found) {
    const json::Structurals& text = structurals(object);
    const Place mark = object & kOverlay;
    std::uint32_t index = (object & ~kOverlay) + 1;
    if (index < text.size && text.byte(index) == '}') return true;
    for (;;) {
      ++machine_.steps_;
      if (index + 3 >= text.size || text.byte(index) != '"' || text.byte(index + 1) != ':') return false;
      const std::string_view key = text.token(index);
      index += 2;
      if (json::key_equals(key.substr(1, key.size() - 2), name)) found = index | mark;
      index = json::step_over(text, index, machine_.brackets_, nullptr);
      if (index == 0 || index >= text.size) return false;
      const char separator = text.byte(index++);
      if (separator == '}') return true;
      if (separator != ',') return false;
    }
  }

  Came element(Cell of, std::int64_t index, Cell& result) {
    if (of.kind == Cell::Kind::kNull) {
      result = Cell{};
      return Came::kValue;
    }
    if (!expand(of)) return Came::kGaveUp;
    if (index < 0) index += of.size;
    result = index >= 0 && index < of.size ? of.cells[index] : Cell{};
    return Came::kValue;
  }

  Came slice(Cell of, std::int64_t begin, std::int64_t end, Cell& result) {
    if (of.kind == Cell::Kind::kNull) {
      result = Cell{};
      return Came::kValue;
    }
    const bool text = of.kind == Cell::Kind::kString;
    if (text && (!settle(of) || of.escapes != Cell::Escapes::kNone || !is_ascii(of.view()))) return Came::kGaveUp;
    if (!text && !expand(of)) return Came::kGaveUp;
    const std::int64_t size = of.size;
    if (begin < 0) begin = std::max<std::int64_t>(begin + size, 0);
    if (end < 0) end += size;
    end = std::min(end, size);
    begin = std::min(begin, size);
    const std::int64_t count = std::max<std::int64_t>(end - begin, 0);
    if (text) {
      result = literal(of.view().substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)));
    } else {
      result = list_of(of.cells + begin, static_cast<std::size_t>(count));
    }
    return Came::kValue;
  }

  Came collect(const Closure& closure, Cell& result) {
    Cell source;
    if (const Came came = run(closure.a, source); came != Came::kValue) return came;
    if (!expand(source)) return Came::kGaveUp;
    Cell* const cells = take<Cell>(source.size);
    if (cells == nullptr) return Came::kGaveUp;
    std::size_t count = 0;
    for (std::uint32_t index = 0; index < source.size; ++index) {
      machine_.registers_[closure.slot] = source.cells[index];
      const Came came = run(closure.b, cells[count]);
      if (came == Came::kGaveUp) return came;
      if (came == Came::kValue) ++count;
    }
    result = list_of(cells, count);
    return Came::kValue;
  }

  Came first(const Closure& closure, Cell& result) {
    Cell source;
    if (const Came came = run(closure.a, source); came != Came::kValue) return came;
    if (!expand(source)) return Came::kGaveUp;
    for (std::uint32_t index = 0; index < source.size; ++index) {
      machine_.registers_[closure.slot] = source.cells[index];
      if (const Came came = run(closure.b, result); came != Came::kNothing) return came;
    }
    return Came::kNothing;
  }

  Came list(const Closure& closure, Cell& result) {
    Cell* const cells = take<Cell>(closure.arguments.size());
    if (cells == nullptr) return Came::kGaveUp;
    std::size_t count = 0;
    for (const ClosureId argument : closure.arguments) {
      const Came came = run(argument, cells[count]);
      if (came == Came::kGaveUp) return came;
      if (came == Came::kValue) ++count;
    }
    result = list_of(cells, count);
    return Came::kValue;
  }

  Came record(const Closure& closure, Cell& result) {
    const std::size_t count = closure.arguments.size();
    Cell* const cells = take<Cell>(count);
    if (cells == nullptr) return Came::kGaveUp;
    if (const Came came = arguments(closure, cells); came != Came::kValue) return came;
    result = list_of(cells, count);
    result.kind = Cell::Kind::kRecord;
    return Came::kValue;
  }

  Came number(std::uint64_t value, Cell& result) {
    char* const digits = take<char>(24);
    if (digits == nullptr) return Came::kGaveUp;
    result = literal({digits, static_cast<std::size_t>(std::to_chars(digits, digits + 24, value).ptr - digits)});
    result.kind = Cell::Kind::kNumber;
    return Came::kValue;
  }

  Came length(Cell of, Cell& result) {
    if (of.kind == Cell::Kind::kNull) return number(0, result);
    if (of.kind == Cell::Kind::kString) {
      if (!settle(of) || of.escapes != Cell::Escapes::kNone) return Came::kGaveUp;
      const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; };
      const std::string_view text = of.view();
      return number(text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues)), result);
    }
    return expand(of) ? number(of.size, result) : Came::kGaveUp;
  }

  Came change_case(Cell of, char first, Cell& result) {
    if (of.kind != Cell::Kind::kString || !settle(of) || of.escapes != Cell::Escapes::kNone) return Came::kGaveUp;
    char* const bytes = take<char>(of.size + std::size_t{1});
    if (bytes == nullptr) return Came::kGaveUp;
    const auto last = static_cast<char>(first + 25);
    std::transform(of.text, of.text + of.size, bytes, [first, last](char byte) {
      return byte >= first && byte <= last ? static_cast<char>(byte ^ 0x20) : byte;
    });
    result = literal({bytes, of.size});
    return Came::kValue;
  }

  Came affix(const Closure& closure, Cell& result) {
    Cell of;
    Cell by;
    if (const Came came = both(closure, of, by); came != Came::kValue) return came;
    const bool asks = closure.op == Op::kStartsWith || closure.op == Op::kEndsWith;
    const bool at_start = closure.op == Op::kStartsWith || closure.op == Op::kTrimStart;
    if (of.kind != Cell::Kind::kString || by.kind != Cell::Kind::kString) return Came::kGaveUp;
    if (!settle(of) || !settle(by)) return Came::kGaveUp;
    // From the left, escapes are read as they were written; from the right, `\\n` would look like a line break.
    const bool plain = of.escapes == Cell::Escapes::kNone && by.escapes == Cell::Escapes::kNone;
    if (!at_start && !plain) return Came::kGaveUp;
    const bool has = at_start ? of.view().starts_with(by.view()) : of.view().ends_with(by.view());
    if (asks) return boolean(has, result);
    result = of;
    if (!has) return Came::kValue;
    result.place = kAbsent;
    result.size -= by.size;
    if (at_start) result.text += by.size;
    return Came::kValue;
  }

  Came contains(const Closure& closure, Cell& result) {
    Cell of;
    Cell by;
    if (const Came came = both(closure, of, by); came != Came::kValue) return came;
    if (of.kind != Cell::Kind::kString || by.kind != Cell::Kind::kString || !settle(of) || !settle(by))
      return Came::kGaveUp;
    if (of.escapes != Cell::Escapes::kNone || by.escapes != Cell::Escapes::kNone) return Came::kGaveUp;
    return boolean(of.view().find(by.view()) != std::string_view::npos, result);
  }

  Came split(const Closure& closure, Cell& result) {
    Cell of;
    Cell by;
    if (const Came came = both(closure, of, by); came != Came::kValue) return came;
    if (of.kind != Cell::Kind::kString || by.kind != Cell::Kind::kString || by.size == 0) return Came::kGaveUp;
    if (!settle(of) || !settle(by)) return Came::kGaveUp;
    if (of.escapes != Cell::Escapes::kNone || by.escapes != Cell::Escapes::kNone) return Came::kGaveUp;
    if (of.size == 0) {
      result = list_of(nullptr, 0);
      return Came::kValue;
    }
    const std::string_view text = of.view();
    std::size_t count = 1;
    for (std::size_t at = text.find(by.view()); at != std::string_view::npos; at = text.find(by.view(), at + by.size)) {
      ++count;
    }
    Cell* const cells = take<Cell>(count);
    if (cells == nullptr) return Came::kGaveUp;
    std::size_t begin = 0;
    for (std::size_t index = 0; index < count; ++index) {
      const std::size_t end = std::min(text.find(by.view(), begin), text.size());
      cells[index] = literal(text.substr(begin, end - begin));
      begin = end + by.size;
    }
    result = list_of(cells, count);
    return Came::kValue;
  }

  Came join(const Closure& closure, Cell& result) {
    Cell of;
    Cell by;
    if (const Came came = both(closure, of, by); came != Came::kValue) return came;
    if (by.kind != Cell::Kind::kString || !settle(by) || !expand(of)) return Came::kGaveUp;
    if (of.size == 0) {
      result = literal({});
      return Came::kValue;
    }
    const std::size_t count = std::size_t{of.size} * 2 - 1;
    Cell* const cells = take<Cell>(count);
    if (cells == nullptr) return Came::kGaveUp;
    for (std::size_t index = 0; index < count; ++index) {
      if (index % 2 == 1) {
        cells[index] = by;
        continue;
      }
      cells[index] = of.cells[index / 2];
      if (cells[index].kind == Cell::Kind::kNull) {
        cells[index] = literal({});
      } else if (!to_text(cells[index])) {
        return Came::kGaveUp;
      }
    }
    return concatenate(cells, count, result);
  }

  Machine& machine_;
  const Plan& plan_;
};

bool Machine::Evaluation::expand(Cell& cell) {
  if (cell.kind == Cell::Kind::kList) return true;
  if (!is_array(cell)) return false;
  const json::Structurals& of = structurals(cell.place);
  const Place mark = cell.place & kOverlay;
  const std::uint32_t begin = (cell.place & ~kOverlay) + 1;
  if (begin < of.size && of.byte(begin) == ']') {
    cell = list_of(nullptr, 0);
    return true;
  }
  std::size_t count = 0;
  for (std::uint32_t index = begin;; ++count) {
    index = json::step_over(of, index, machine_.brackets_, nullptr);
    if (index == 0 || index >= of.size) return false;
    const char separator = of.byte(index++);
    if (separator == ']') break;
    if (separator != ',') return false;
  }
  ++count;
  machine_.steps_ += count;
  Cell* const cells = take<Cell>(count);
  if (cells == nullptr) return false;
  std::uint32_t index = begin;
  for (std::size_t position = 0; position < count; ++position) {
    if (cell_at(index | mark, cells[position]) != Came::kValue) return false;
    index = json::step_over(of, index, machine_.brackets_, nullptr) + 1;
  }
  cell = list_of(cells, count);
  return true;
}

Came Machine::evaluate(ClosureId id, Cell& result) {
  steps_ = 0;
  return Evaluation(*this).run(id, result);
}

bool Machine::list_items(ClosureId id, std::size_t& count) {
  if (evaluate(id, items_) != Came::kValue || !Evaluation(*this).expand(items_)) return false;
  for (std::uint32_t index = 0; index < items_.size; ++index) {
    if (items_.cells[index].place == kAbsent) return false;  // made, not read
  }
  count = items_.size;
  items_end_ = arena_.mark();
  return true;
}

bool Machine::take_out(PathTrie::NodeId node) {
  if (found_[node] == kAbsent) return false;
  plan_->trie().forget(node, found_);
  overlaid_ = true;
  return true;
}

bool Machine::enter_item(std::size_t index, PathTrie::NodeId node) {
  arena_.rewind(items_end_);
  overlaid_ = true;
  const PathTrie& trie = plan_->trie();
  trie.forget(node, found_);
  const Place place = items_.cells[index].place;
  const Place mark = place & kOverlay;
  return trie.walk(mark != 0 ? overlay_ : page_, place & ~kOverlay, node, mark, found_, brackets_) != 0;
}

bool Machine::append(const Cell& cell, std::string& out) {
  switch (cell.kind) {
    case Cell::Kind::kNull:
    case Cell::Kind::kFalse:
    case Cell::Kind::kTrue:
      out += word(cell.kind);
      return true;
    case Cell::Kind::kNumber:
      out += cell.view();
      return true;
    case Cell::Kind::kString:
      if (cell.escapes == Cell::Escapes::kUnknown) {
        return json::append_canonical({cell.text - 1, cell.size + std::size_t{2}}, out);
      }
      out += '"';
      out += cell.view();
      out += '"';
      return true;
    case Cell::Kind::kContainer: {
      const bool overlay = (cell.place & kOverlay) != 0;
      return json::append_compact(overlay ? overlay_ : page_, cell.place & ~kOverlay, brackets_, out) != 0;
    }
    case Cell::Kind::kList:
    case Cell::Kind::kRecord:
      break;
  }
  const std::size_t before = out.size();
  const bool record = cell.kind == Cell::Kind::kRecord;
  out += record ? '{' : '[';
  for (std::uint32_t index = 0; index < cell.size; ++index) {
    if (index != 0) out += record && index % 2 == 1 ? ':' : ',';
    if (!append(cell.cells[index], out)) {
      out.resize(before);
      return false;
    }
  }
  out += record ? '}' : ']';
  return true;
}

}  // namespace riptide::transform::fast
