// Operations on strings, and what is asked of one value: text, length, order.
#include "fast_evaluation.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "fast_bytes.hpp"

namespace riptide::transform::fast {

bool is_short_integer(std::string_view digits) noexcept {
  const std::string_view unsigned_digits = digits.starts_with('-') ? digits.substr(1) : digits;
  return digits != "-0" && unsigned_digits.size() <= 15 &&
         unsigned_digits.find_first_of(".eE") == std::string_view::npos;
}

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

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

std::string_view Machine::Evaluation::type_name(const Cell& cell) const noexcept {
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

bool Machine::Evaluation::settle(Cell& cell) {
  if (cell.escapes != Cell::Escapes::kUnknown) return true;
  if (!has_backslash(cell.text, cell.size)) {  // it stands in the page, which has padding
    cell.escapes = Cell::Escapes::kNone;
    return true;
  }
  if (json::has_canonical_escapes(cell.view())) {
    cell.escapes = Cell::Escapes::kCanonical;
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

bool Machine::Evaluation::to_text(Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::kString:
      return settle(cell);
    case Cell::Kind::kNull:
    case Cell::Kind::kFalse:
    case Cell::Kind::kTrue:
      cell = literal(word(cell.kind));
      return true;
    case Cell::Kind::kNumber:
      if (cell.escapes != Cell::Escapes::kCanonical && !is_short_integer(cell.view())) return false;
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

Came Machine::Evaluation::concatenate(const Cell* cells, std::size_t count, Cell& result) {
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
  for (std::size_t index = 0; index < count; ++index) end = copy_short(cells[index].view(), end);
  joined.text = bytes;
  joined.size = static_cast<std::uint32_t>(size);
  result = joined;
  return Came::kValue;
}

Came Machine::Evaluation::text_of_all(const Closure& closure, Cell& result) {
  const std::size_t count = closure.arguments.size();
  Cell* const cells = take<Cell>(count);
  if (cells == nullptr) return Came::kGaveUp;
  if (const Came came = arguments(closure, cells); came != Came::kValue) return came;
  for (std::size_t index = 0; index < count; ++index) {
    if (!to_text(cells[index])) return Came::kGaveUp;
  }
  return concatenate(cells, count, result);
}

int Machine::Evaluation::rank(Cell::Kind kind, bool array) noexcept {
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

Came Machine::Evaluation::compare(const Closure& closure, Cell& result) {
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

bool Machine::Evaluation::order_of_equals(Cell& left, Cell& right, Comparison comparison, int& order) {
  switch (left.kind) {
    case Cell::Kind::kNull:
    case Cell::Kind::kFalse:
    case Cell::Kind::kTrue:
      return true;
    case Cell::Kind::kNumber: {
      // A literal with more digits than a double holds is compared by its digits.
      const auto exact = [](const Cell& cell) { return cell.size <= 15 || cell.escapes == Cell::Escapes::kCanonical; };
      double a = 0;
      double b = 0;
      if (!exact(left) || !exact(right) || !value_of(left, a) || !value_of(right, b)) return false;
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

Came Machine::Evaluation::number(std::uint64_t value, Cell& result) {
  char* const digits = take<char>(24);
  if (digits == nullptr) return Came::kGaveUp;
  result = literal({digits, static_cast<std::size_t>(std::to_chars(digits, digits + 24, value).ptr - digits)});
  result.kind = Cell::Kind::kNumber;
  return Came::kValue;
}

Came Machine::Evaluation::length(Cell of, Cell& result) {
  if (of.kind == Cell::Kind::kNull) return number(0, result);
  if (of.kind == Cell::Kind::kString) {
    std::string_view text;
    if (!decoded(of, text)) return Came::kGaveUp;
    const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; };
    return number(text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues)), result);
  }
  if (expand(of)) return number(of.size, result);
  return members(of) ? number(of.size / 2, result) : Came::kGaveUp;
}

Came Machine::Evaluation::change_case(Cell of, char first, Cell& result) {
  std::string_view text;
  if (!decoded(of, text)) return Came::kGaveUp;
  char* const bytes = take<char>(text.size() + 1);
  if (bytes == nullptr) return Came::kGaveUp;
  const auto last = static_cast<char>(first + 25);
  std::transform(text.begin(), text.end(), bytes, [first, last](char byte) {
    return byte >= first && byte <= last ? static_cast<char>(byte ^ 0x20) : byte;
  });
  const std::string_view changed(bytes, text.size());
  if (of.escapes == Cell::Escapes::kNone) {
    result = literal(changed);
    return Came::kValue;
  }
  return quoted(changed, result) ? Came::kValue : Came::kGaveUp;
}

Came Machine::Evaluation::affix(const Closure& closure, Cell& result) {
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

Came Machine::Evaluation::contains(const Closure& closure, Cell& result) {
  Cell of;
  Cell by;
  if (const Came came = both(closure, of, by); came != Came::kValue) return came;
  std::string_view text;
  std::string_view part;
  if (!decoded(of, text) || !decoded(by, part)) return Came::kGaveUp;
  return boolean(text.find(part) != std::string_view::npos, result);
}

Came Machine::Evaluation::split(Cell& of, Cell& by, Cell& result) {
  std::string_view text;
  std::string_view separator;
  if (!decoded(of, text) || !decoded(by, separator) || separator.empty()) return Came::kGaveUp;
  if (text.empty()) {
    result = list_of(nullptr, 0);
    return Came::kValue;
  }
  std::vector<std::uint32_t>& ends = machine_.starts_;
  ends.clear();
  if (separator.size() == 1) {
    for_each_byte(text, separator.front(), [&](std::size_t at) { ends.push_back(static_cast<std::uint32_t>(at)); });
  } else {
    for (std::size_t at = text.find(separator); at != std::string_view::npos;
         at = text.find(separator, at + separator.size())) {
      ends.push_back(static_cast<std::uint32_t>(at));
    }
  }
  ends.push_back(static_cast<std::uint32_t>(text.size()));
  Cell* const cells = take<Cell>(ends.size());
  if (cells == nullptr) return Came::kGaveUp;
  std::size_t begin = 0;
  for (std::size_t index = 0; index < ends.size(); ++index) {
    const std::string_view part = text.substr(begin, ends[index] - begin);
    if (of.escapes == Cell::Escapes::kNone) {
      cells[index] = literal(part);
    } else if (!quoted(part, cells[index])) {
      return Came::kGaveUp;
    }
    begin = ends[index] + separator.size();
  }
  result = list_of(cells, ends.size());
  return Came::kValue;
}

Came Machine::Evaluation::join(const Closure& closure, Cell& result) {
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

}  // namespace riptide::transform::fast
