#include "fast_evaluation.hpp"

#include <algorithm>
#include <cstring>

#include "fast_bytes.hpp"

namespace riptide::transform::fast {

template <class Operation>
Came Machine::Evaluation::of_one(const Closure& closure, Operation&& operation) {
  Cell of;
  if (const Came came = run(closure.a, of); came != Came::kValue) return came;
  return operation(of) ? Came::kValue : Came::kGaveUp;
}

Came Machine::Evaluation::run(ClosureId id, Cell& result) {
  const Closure& closure = plan_.closure(id);
  if (++machine_.steps_ > machine_.limits_.max_steps) return Came::kGaveUp;
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
    case Op::kSplit: {
      Cell of;
      Cell by;
      if (const Came came = both(closure, of, by); came != Came::kValue) return came;
      return split(of, by, result);
    }
    case Op::kJoin:
      return join(closure, result);
    case Op::kContains:
      return contains(closure, result);
    case Op::kHas: {
      if (const Came came = run(closure.a, result); came != Came::kValue) return came;
      if (result.kind == Cell::Kind::kRecord) {
        bool there = false;
        for (std::uint32_t index = 0; index < result.size; index += 2) {
          there = there || result.cells[index].view() == closure.constant.view();
        }
        return boolean(there, result);
      }
      if (result.kind != Cell::Kind::kContainer || is_array(result)) return Came::kGaveUp;
      Place found = kAbsent;
      if (!find_member(result.place, closure.constant.view(), found)) return Came::kGaveUp;
      return boolean(found != kAbsent, result);
    }
    case Op::kSum: {
      if (const Came came = run(closure.a, result); came != Came::kValue) return came;
      if (!elements(result)) return Came::kGaveUp;
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
    case Op::kAny:
    case Op::kAll:
      return any_or_all(closure, result);
    case Op::kOrder:
      return order(closure, result);
    case Op::kSubtract:
    case Op::kMultiply:
    case Op::kDivide:
      return arithmetic(closure, result);
    case Op::kFloor:
    case Op::kCeil:
    case Op::kRound:
      return of_one(closure, [&](Cell& of) { return whole(closure.op, of, result); });
    case Op::kToNumber:
      return of_one(closure, [&](Cell& of) { return to_number(of, result); });
    case Op::kTrim:
      return of_one(closure, [&](Cell& of) { return trim(of, result); });
    case Op::kKeys:
    case Op::kKeysUnsorted:
      return of_one(closure, [&](Cell& of) { return keys(of, closure.op == Op::kKeys, result); });
    case Op::kToEntries:
      return of_one(closure, [&](Cell& of) { return to_entries(of, result); });
    case Op::kFromEntries:
      return of_one(closure, [&](Cell& of) { return from_entries(of, result); });
    case Op::kTest:
      return of_one(closure, [&](Cell& of) { return test(closure, of, result); });
    case Op::kMatch: {
      Cell of;
      if (const Came came = run(closure.a, of); came != Came::kValue) return came;
      return match(closure, of, result);
    }
    case Op::kReplace:
      return of_one(closure, [&](Cell& of) { return replace(closure, of, result); });
    case Op::kParseTime:
      return of_one(closure, [&](Cell& of) { return parse_time(closure, of, result); });
    case Op::kFormatTime:
      return of_one(closure, [&](Cell& of) { return format_time(closure, of, result); });
    case Op::kMakeTime:
      return of_one(closure, [&](Cell& of) { return make_time(of, result); });
    case Op::kBreakTime:
      return of_one(closure, [&](Cell& of) { return break_time(of, result); });
    case Op::kEach:
    case Op::kThen:
    case Op::kConcat:
      break;  // streams
  }
  return Came::kGaveUp;
}

Came Machine::Evaluation::boolean(bool value, Cell& result) noexcept {
  result = Cell{};
  result.kind = value ? Cell::Kind::kTrue : Cell::Kind::kFalse;
  return Came::kValue;
}

const json::Structurals& Machine::Evaluation::structurals(Place place) const noexcept {
  return (place & kOverlay) != 0 ? machine_.overlay_ : machine_.page_;
}

Came Machine::Evaluation::cell_at(Place place, Cell& cell) const noexcept {
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

Came Machine::Evaluation::place(PathTrie::NodeId node, Cell& result) const noexcept {
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

bool Machine::Evaluation::is_array(const Cell& cell) const noexcept {
  return cell.kind == Cell::Kind::kList ||
         (cell.kind == Cell::Kind::kContainer && structurals(cell.place).byte(cell.place & ~kOverlay) == '[');
}

Came Machine::Evaluation::both(const Closure& closure, Cell& left, Cell& right) {
  const Came right_came = run(closure.b, right);
  if (right_came == Came::kGaveUp) return right_came;
  const Came left_came = run(closure.a, left);
  return left_came != Came::kValue ? left_came : right_came;
}

Came Machine::Evaluation::arguments(const Closure& closure, Cell* cells) {
  Came worst = Came::kValue;
  for (std::size_t index = 0; index < closure.arguments.size(); ++index) {
    const Came came = run(closure.arguments[index], cells[index]);
    if (came == Came::kGaveUp) return came;
    if (came == Came::kNothing) worst = came;
  }
  return worst;
}

Came Machine::Evaluation::add(const Closure& closure, Cell& result) {
  const std::size_t count = closure.arguments.size();
  Cell* const cells = take<Cell>(count);
  if (cells == nullptr) return Came::kGaveUp;
  if (const Came came = arguments(closure, cells); came != Came::kValue) return came;
  return sum(cells, count, result);
}

Came Machine::Evaluation::sum(Cell* cells, std::size_t count, Cell& result) {
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
  if (std::all_of(cells, end, [](const Cell& cell) { return cell.kind == Cell::Kind::kNumber; })) {
    double total = 0;
    for (Cell* cell = cells; cell != end; ++cell) {
      double term = 0;
      if (!value_of(*cell, term)) return Came::kGaveUp;
      total = cell == cells ? term : total + term;
    }
    return computed(total, result) ? Came::kValue : Came::kGaveUp;
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

Came Machine::Evaluation::element(Cell of, std::int64_t index, Cell& result) {
  if (of.kind == Cell::Kind::kNull) {
    result = Cell{};
    return Came::kValue;
  }
  if (!expand(of)) return Came::kGaveUp;
  if (index < 0) index += of.size;
  result = index >= 0 && index < of.size ? of.cells[index] : Cell{};
  return Came::kValue;
}

Came Machine::Evaluation::slice(Cell of, std::int64_t begin, std::int64_t end, Cell& result) {
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

}  // namespace riptide::transform::fast
