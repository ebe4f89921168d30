// Streams, and what is made of them; arrays in the text as cells.
#include "fast_evaluation.hpp"

#include <algorithm>

namespace riptide::transform::fast {

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
  std::vector<std::uint32_t>& starts = machine_.starts_;
  starts.clear();
  std::uint32_t index = begin;
  for (;;) {
    starts.push_back(index);
    index = json::step_over(of, index, machine_.brackets_, nullptr);
    if (index == 0 || index >= of.size) return false;
    const char separator = of.byte(index++);
    if (separator == ']') break;
    if (separator != ',') return false;
  }
  machine_.steps_ += index - begin;
  if (machine_.steps_ > machine_.limits_.max_steps) return false;
  const std::size_t count = starts.size();
  Cell* const cells = take<Cell>(count);
  if (cells == nullptr) return false;
  for (std::size_t position = 0; position < count; ++position) {
    if (cell_at(starts[position] | mark, cells[position]) != Came::kValue) return false;
  }
  cell = list_of(cells, count);
  return true;
}

bool Machine::Evaluation::is_scalar(const Cell& cell) noexcept {
  return cell.kind != Cell::Kind::kContainer && cell.kind != Cell::Kind::kList && cell.kind != Cell::Kind::kRecord;
}

bool Machine::Evaluation::elements(Cell& cell) {
  if (cell.kind == Cell::Kind::kList || is_array(cell)) return expand(cell);
  if (!members(cell)) return false;
  const std::size_t count = cell.size / 2;
  Cell* const values = take<Cell>(count);
  if (values == nullptr) return false;
  for (std::size_t index = 0; index < count; ++index) values[index] = cell.cells[index * 2 + 1];
  cell = list_of(values, count);
  return true;
}

template <class Element>
Machine::Evaluation::Flow Machine::Evaluation::each(Cell& source, Element&& element) {
  if (source.kind == Cell::Kind::kList || !is_array(source)) {
    if (!elements(source)) return Flow::kGiveUp;
    for (std::uint32_t index = 0; index < source.size; ++index) {
      if (const Flow flow = element(source.cells[index]); flow != Flow::kGo) return flow;
    }
    return Flow::kGo;
  }
  const json::Structurals& of = structurals(source.place);
  const Place mark = source.place & kOverlay;
  std::uint32_t index = (source.place & ~kOverlay) + 1;
  if (index < of.size && of.byte(index) == ']') return Flow::kGo;
  for (;;) {
    if (index >= of.size) return Flow::kGiveUp;
    Cell cell;
    if (cell_at(index | mark, cell) != Came::kValue) return Flow::kGiveUp;
    machine_.stepped_ = {};
    if (const Flow flow = element(cell); flow != Flow::kGo) return flow;
    const std::uint32_t begin = index;
    // What looks a member up in the element has gone to its end already.
    index = machine_.stepped_.place == (index | mark) ? machine_.stepped_.behind
                                                      : json::step_over(of, index, machine_.brackets_, nullptr);
    if (index == 0 || index >= of.size) return Flow::kGiveUp;
    // Loops in loops go over the same text again and again: that is what the budget is for.
    machine_.steps_ += index - begin;
    const char separator = of.byte(index++);
    if (separator == ']') return Flow::kGo;
    if (separator != ',') return Flow::kGiveUp;
  }
}

Machine::Evaluation::Flow Machine::Evaluation::stream(ClosureId id, Emit emit) {
  const Closure& closure = plan_.closure(id);
  if (++machine_.steps_ > machine_.limits_.max_steps) return Flow::kGiveUp;
  const auto first = [&](Cell& value, Flow& flow) {
    const Came came = run(closure.a, value);
    if (came != Came::kValue) flow = came == Came::kNothing ? Flow::kGo : Flow::kGiveUp;
    return came == Came::kValue;
  };
  Cell value;
  Flow flow = Flow::kGo;
  const Op op = closure.op;
  if (op == Op::kEach) {
    if (!first(value, flow)) return flow;
    if (closure.optional && is_scalar(value)) return Flow::kGo;
    return each(value, [&](const Cell& element) {
      machine_.registers_[closure.slot] = element;
      return stream(closure.b, emit);
    });
  }
  if (op == Op::kThen) {
    return stream(closure.a, [&](Cell& from) {
      machine_.registers_[closure.slot] = from;
      return stream(closure.b, emit);
    });
  }
  if (op == Op::kLet) {
    if (!first(value, flow)) return flow;
    machine_.registers_[closure.slot] = value;
    return stream(closure.b, emit);
  }
  if (op == Op::kSelect) {
    if (!first(value, flow)) return flow;
    return value.truthy() ? stream(closure.b, emit) : Flow::kGo;
  }
  if (op == Op::kIf) {
    if (!first(value, flow)) return flow;
    return stream(value.truthy() ? closure.b : closure.c, emit);
  }
  if (op == Op::kConcat) {
    for (const ClosureId argument : closure.arguments) {
      flow = stream(argument, emit);
      if (flow != Flow::kGo) break;
    }
    return flow;
  }
  if (op == Op::kAlternative) {
    bool any = false;
    flow = stream(closure.a, [&](Cell& from) {
      if (!from.truthy()) return Flow::kGo;
      any = true;
      return emit(from);
    });
    return any || flow != Flow::kGo ? flow : stream(closure.b, emit);
  }
  switch (run(id, value)) {
    case Came::kValue:
      return emit(value);
    case Came::kNothing:
      return Flow::kGo;
    case Came::kGaveUp:
      break;
  }
  return Flow::kGiveUp;
}

bool Machine::Evaluation::push(ClosureId id) {
  return stream(id, [&](Cell& value) {
           machine_.stack_.push_back(value);
           const bool fits = machine_.stack_.size() * sizeof(Cell) <= machine_.limits_.max_memory_bytes;
           return fits ? Flow::kGo : Flow::kGiveUp;
         }) == Flow::kGo;
}

bool Machine::Evaluation::pushed(const Stack& stack, Cell& result) {
  const std::size_t count = machine_.stack_.size() - stack.base;
  Cell* const cells = take<Cell>(count);
  if (cells == nullptr) return false;
  std::copy_n(machine_.stack_.begin() + static_cast<std::ptrdiff_t>(stack.base), count, cells);
  result = list_of(cells, count);
  return true;
}

Came Machine::Evaluation::collect(const Closure& closure, Cell& result) {
  const Stack stack(machine_.stack_);
  return push(closure.a) && pushed(stack, result) ? Came::kValue : Came::kGaveUp;
}

Came Machine::Evaluation::list(const Closure& closure, Cell& result) {
  const Stack stack(machine_.stack_);
  for (const ClosureId argument : closure.arguments) {
    if (!push(argument)) return Came::kGaveUp;
  }
  return pushed(stack, result) ? Came::kValue : Came::kGaveUp;
}

Came Machine::Evaluation::first(const Closure& closure, Cell& result) {
  const Flow flow = stream(closure.a, [&](Cell& value) {
    result = value;
    return Flow::kStop;
  });
  return flow == Flow::kStop ? Came::kValue : flow == Flow::kGo ? Came::kNothing : Came::kGaveUp;
}

Came Machine::Evaluation::any_or_all(const Closure& closure, Cell& result) {
  const bool decides = closure.op == Op::kAny;
  const Flow flow = stream(closure.a, [&](Cell& value) { return value.truthy() == decides ? Flow::kStop : Flow::kGo; });
  if (flow == Flow::kGiveUp) return Came::kGaveUp;
  return boolean((flow == Flow::kStop) == decides, result);
}

Came Machine::Evaluation::order(const Closure& closure, Cell& result) {
  Cell source;
  if (const Came came = run(closure.a, source); came != Came::kValue) return came;
  if (!expand(source)) return Came::kGaveUp;
  struct Sorted {
    Cell key;
    std::uint32_t index;
  };
  const std::uint32_t count = source.size;
  auto* const sorted = take<Sorted>(count);
  auto* const made = take<Cell>(count);
  if (sorted == nullptr || made == nullptr) return Came::kGaveUp;
  for (std::uint32_t index = 0; index < count; ++index) {
    machine_.registers_[closure.slot] = source.cells[index];
    Cell key;
    if (run(closure.b, key) != Came::kValue) return Came::kGaveUp;
    if (key.kind == Cell::Kind::kString && (!settle(key) || key.escapes != Cell::Escapes::kNone)) return Came::kGaveUp;
    sorted[index] = {key, index};
  }
  bool good = true;
  const auto compared = [&](const Sorted& left, const Sorted& right) {
    Cell a = left.key;
    Cell b = right.key;
    int by = rank(a.kind, is_array(a)) - rank(b.kind, is_array(b));
    if (by == 0 && !order_of_equals(a, b, Comparison::kLess, by)) good = false;
    return by;
  };
  const bool extreme = closure.ordering == Ordering::kLeast || closure.ordering == Ordering::kGreatest;
  if (extreme) {
    // Of equals the first is the least and the last the greatest.
    std::uint32_t best = 0;
    for (std::uint32_t index = 1; index < count; ++index) {
      const int by = compared(sorted[index], sorted[best]);
      if (closure.ordering == Ordering::kLeast ? by < 0 : by >= 0) best = index;
    }
    result = count == 0 ? Cell{} : source.cells[best];
    return good ? Came::kValue : Came::kGaveUp;
  }
  // A key that cannot be compared must not break the order that std::sort relies on.
  for (std::uint32_t index = 0; index < count && good; ++index) compared(sorted[index], sorted[index]);
  if (!good) return Came::kGaveUp;
  machine_.steps_ += std::uint64_t{count} * 8;
  std::sort(sorted, sorted + count, [&](const Sorted& left, const Sorted& right) {
    const int by = compared(left, right);
    return by != 0 ? by < 0 : left.index < right.index;
  });
  std::uint32_t groups = 0;
  for (std::uint32_t begin = 0; begin < count; ++groups) {
    std::uint32_t end = begin + 1;
    if (closure.ordering != Ordering::kSort) {
      while (end < count && compared(sorted[begin], sorted[end]) == 0) ++end;
    }
    made[groups] = source.cells[sorted[begin].index];
    if (closure.ordering == Ordering::kGroup) {
      Cell* const group = take<Cell>(end - begin);
      if (group == nullptr) return Came::kGaveUp;
      for (std::uint32_t index = begin; index < end; ++index) group[index - begin] = source.cells[sorted[index].index];
      made[groups] = list_of(group, end - begin);
    }
    begin = end;
  }
  result = list_of(made, groups);
  return good ? Came::kValue : Came::kGaveUp;
}

}  // namespace riptide::transform::fast
