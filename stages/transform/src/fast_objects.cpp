// Objects: their members in the text, and the builtins that take them apart.
#include "fast_evaluation.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "fast_bytes.hpp"

namespace riptide::transform::fast {

Came Machine::Evaluation::member(const Cell& of, const Cell& name, Cell& result) {
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

bool Machine::Evaluation::find_member(Place object, std::string_view name, Place& found) {
  const json::Structurals& of = structurals(object);
  const char* const text = of.text;
  const Place mark = object & kOverlay;
  std::uint32_t index = (object & ~kOverlay) + 1;
  if (index < of.size && of.byte(index) == '}') return true;
  const std::uint32_t begin = index;
  for (;;) {
    if (index + 3 >= of.size || of.byte(index) != '"' || of.byte(index + 1) != ':') return false;
    const std::uint32_t key_at = of.at[index] + 1;
    const std::uint32_t colon_at = of.at[index + 1];
    index += 2;
    if (key_at + name.size() + 1 == colon_at && std::memcmp(text + key_at, name.data(), name.size()) == 0) {
      found = index | mark;  // a name that is looked up here has no escapes
    } else if (may_have_backslash(text + key_at, colon_at - key_at)) {
      const std::string_view key = of.token(index - 2);
      if (json::key_equals(key.substr(1, key.size() - 2), name)) found = index | mark;
    } else if (text[colon_at - 1] != '"') {  // white space
      const std::string_view key = of.token(index - 2);
      if (key.substr(1, key.size() - 2) == name) found = index | mark;
    }
    index = json::step_over(of, index, machine_.brackets_, nullptr);
    if (index == 0 || index >= of.size) return false;
    const char separator = of.byte(index++);
    if (separator == '}') {
      machine_.steps_ += index - begin;
      machine_.stepped_ = {object, index};
      return true;
    }
    if (separator != ',') return false;
  }
}

Came Machine::Evaluation::record(const Closure& closure, Cell& result) {
  const std::size_t count = closure.arguments.size();
  Cell* const cells = take<Cell>(count);
  if (cells == nullptr) return Came::kGaveUp;
  if (const Came came = arguments(closure, cells); came != Came::kValue) return came;
  result = list_of(cells, count);
  result.kind = Cell::Kind::kRecord;
  return Came::kValue;
}

// An object in the text becomes the record of its members. False if it is none, or names a key twice.
bool Machine::Evaluation::members(Cell& cell) {
  if (cell.kind == Cell::Kind::kRecord) return true;
  if (cell.kind != Cell::Kind::kContainer || is_array(cell)) return false;
  const json::Structurals& of = structurals(cell.place);
  const Place mark = cell.place & kOverlay;
  std::uint32_t index = (cell.place & ~kOverlay) + 1;
  const std::uint32_t begin = index;
  const Stack stack(machine_.stack_);
  if (index >= of.size || of.byte(index) != '}') {
    for (;;) {
      if (index + 3 >= of.size || of.byte(index) != '"' || of.byte(index + 1) != ':') return false;
      Cell key;
      Cell value;
      if (cell_at(index | mark, key) != Came::kValue || !settle(key)) return false;
      if (cell_at((index + 2) | mark, value) != Came::kValue) return false;
      machine_.stack_.push_back(key);
      machine_.stack_.push_back(value);
      index = json::step_over(of, index + 2, machine_.brackets_, nullptr);
      if (index == 0 || index >= of.size) return false;
      const char separator = of.byte(index++);
      if (separator == '}') break;
      if (separator != ',') return false;
    }
  }
  machine_.steps_ += index - begin;
  if (machine_.steps_ > machine_.limits_.max_steps || !pushed(stack, cell)) return false;
  cell.kind = Cell::Kind::kRecord;
  return are_distinct(cell);
}

// Canonical bytes are equal where texts are.
bool Machine::Evaluation::are_distinct(const Cell& record) {
  const std::uint32_t count = record.size / 2;
  const auto same = [&](std::uint32_t a, std::uint32_t b) {
    return record.cells[a * 2].view() == record.cells[b * 2].view();
  };
  if (count <= 4) {
    for (std::uint32_t a = 1; a < count; ++a) {
      for (std::uint32_t b = 0; b < a; ++b) {
        if (same(a, b)) return false;
      }
    }
    return true;
  }
  std::size_t slots = 16;
  while (slots < std::size_t{count} * 2) slots *= 2;
  std::vector<std::uint32_t>& table = machine_.starts_;
  table.assign(slots, 0);
  for (std::uint32_t member = 0; member < count; ++member) {
    const std::string_view key = record.cells[member * 2].view();
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    std::memcpy(&head, key.data(), std::min<std::size_t>(key.size(), 8));
    if (key.size() > 8) std::memcpy(&tail, key.data() + key.size() - 8, 8);
    // The bytes that tell keys apart are mostly the last ones, which are the highest bits: these come down first.
    std::uint64_t mixed = (head ^ std::rotl(tail, 24) ^ key.size()) * 0xD6E8FEB86659FD93u;
    mixed = (mixed ^ (mixed >> 32)) * 0x9E3779B97F4A7C15u;
    std::size_t slot = static_cast<std::size_t>(mixed >> 32) & (slots - 1);
    // Keys chosen to collide cost steps like all else.
    for (; table[slot] != 0; slot = (slot + 1) & (slots - 1)) {
      if (same(table[slot] - 1, member) || ++machine_.steps_ > machine_.limits_.max_steps) return false;
    }
    table[slot] = member + 1;
  }
  return true;
}

bool Machine::Evaluation::keys(Cell& of, bool sorted, Cell& result) {
  const bool array = of.kind == Cell::Kind::kList || is_array(of);
  if (array ? !expand(of) : !members(of)) return false;
  const std::size_t count = array ? of.size : of.size / 2;
  Cell* const cells = take<Cell>(count);
  if (cells == nullptr) return false;
  for (std::size_t index = 0; index < count; ++index) {
    if (array) {
      if (number(index, cells[index]) != Came::kValue) return false;
      continue;
    }
    cells[index] = of.cells[index * 2];
    // Escaped bytes order otherwise than what they stand for.
    if (sorted && cells[index].escapes != Cell::Escapes::kNone) return false;
  }
  if (sorted && !array) {
    machine_.steps_ += count * 8;
    std::sort(cells, cells + count, [](const Cell& a, const Cell& b) { return a.view() < b.view(); });
  }
  result = list_of(cells, count);
  return true;
}

bool Machine::Evaluation::to_entries(Cell& of, Cell& result) {
  const bool array = of.kind == Cell::Kind::kList || is_array(of);
  if (array ? !expand(of) : !members(of)) return false;
  const std::size_t count = array ? of.size : of.size / 2;
  Cell* const entries = take<Cell>(count);
  Cell* const parts = take<Cell>(count * 4);
  if (entries == nullptr || parts == nullptr) return false;
  const Cell key_name = literal("key");
  const Cell value_name = literal("value");
  for (std::size_t index = 0; index < count; ++index) {
    Cell* const part = parts + index * 4;
    part[0] = key_name;
    part[2] = value_name;
    if (array) {
      if (number(index, part[1]) != Came::kValue) return false;
      part[3] = of.cells[index];
    } else {
      part[1] = of.cells[index * 2];
      part[3] = of.cells[index * 2 + 1];
    }
    entries[index] = list_of(part, 4);
    entries[index].kind = Cell::Kind::kRecord;
  }
  result = list_of(entries, count);
  return true;
}

// The plain case: objects with a string under "key" and something under "value". jq knows other names for both.
bool Machine::Evaluation::from_entries(Cell& of, Cell& result) {
  if (!expand(of)) return false;
  const std::size_t count = of.size;
  Cell* const parts = take<Cell>(count * 2);
  if (parts == nullptr) return false;
  for (std::size_t index = 0; index < count; ++index) {
    Cell entry = of.cells[index];
    if (!members(entry)) return false;
    bool has_value = false;
    for (std::uint32_t member = 0; member < entry.size; member += 2) {
      const std::string_view name = entry.cells[member].view();
      if (name == "key") parts[index * 2] = entry.cells[member + 1];
      if (name == "value") parts[index * 2 + 1] = entry.cells[member + 1];
      has_value = has_value || name == "value";
    }
    if (!has_value || parts[index * 2].kind != Cell::Kind::kString || !settle(parts[index * 2])) return false;
  }
  result = list_of(parts, count * 2);
  result.kind = Cell::Kind::kRecord;
  return are_distinct(result);
}

}  // namespace riptide::transform::fast
