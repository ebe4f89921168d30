// Numbers and times.
#include <charconv>
#include <cmath>
#include <ctime>

#include "fast_evaluation.hpp"
#include "jq/dates.hpp"
#include "jq/value.hpp"

namespace riptide::transform::fast {

namespace {

constexpr std::string_view kIsoTime = "%Y-%m-%dT%H:%M:%SZ";

/// `text` as two or four digits; -1 if it is none.
int digits(std::string_view text) noexcept {
  int value = 0;
  for (const char byte : text) {
    if (byte < '0' || byte > '9') return -1;
    value = value * 10 + (byte - '0');
  }
  return value;
}

/// Reads a moment as `kIsoTime` has it, if its day exists; the rest is strptime's.
bool read_iso(std::string_view text, std::tm& parts) noexcept {
  if (text.size() != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text[19] != 'Z') {
    return false;
  }
  const int year = digits(text.substr(0, 4));
  const int month = digits(text.substr(5, 2));
  const int day = digits(text.substr(8, 2));
  const int hour = digits(text.substr(11, 2));
  const int minute = digits(text.substr(14, 2));
  const int second = digits(text.substr(17, 2));
  if (year < 1900 || month < 1 || month > 12 || day < 1 || day > 28 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 59) {
    return false;
  }
  parts = {};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  timegm(&parts);  // the day of the week and of the year
  return true;
}

}  // namespace

bool Machine::Evaluation::value_of(const Cell& cell, double& value) const noexcept {
  if (cell.kind != Cell::Kind::kNumber) return false;
  if (cell.escapes != Cell::Escapes::kCanonical && cell.size > 17) return false;  // more digits than a double holds
  const auto [end, failure] = std::from_chars(cell.text, cell.text + cell.size, value);
  return failure == std::errc{} && end == cell.text + cell.size;
}

bool Machine::Evaluation::computed(double value, Cell& result) {
  if (!std::isfinite(value)) return false;
  const bool whole = value == std::trunc(value) && std::fabs(value) < 1e15 && !(value == 0 && std::signbit(value));
  char* const text = take<char>(24);
  if (text == nullptr) return false;
  if (whole) {
    result = literal(
        {text, static_cast<std::size_t>(std::to_chars(text, text + 24, static_cast<std::int64_t>(value)).ptr - text)});
  } else {
    std::string& scratch = machine_.scratch_;
    scratch.clear();
    jq::append_double(scratch, value);
    result = copy_of(scratch);
  }
  result.kind = Cell::Kind::kNumber;
  result.escapes = Cell::Escapes::kCanonical;
  return result.text != nullptr;
}

Came Machine::Evaluation::arithmetic(const Closure& closure, Cell& result) {
  Cell left;
  Cell right;
  if (const Came came = both(closure, left, right); came != Came::kValue) return came;
  if (closure.op == Op::kDivide && left.kind == Cell::Kind::kString) return split(left, right, result);
  double a = 0;
  double b = 0;
  if (!value_of(left, a) || !value_of(right, b)) return Came::kGaveUp;
  if (closure.op == Op::kDivide && b == 0) return Came::kGaveUp;
  const double value = closure.op == Op::kSubtract ? a - b : closure.op == Op::kMultiply ? a * b : a / b;
  return computed(value, result) ? Came::kValue : Came::kGaveUp;
}

bool Machine::Evaluation::whole(Op op, const Cell& of, Cell& result) {
  double value = 0;
  if (!value_of(of, value)) return false;
  return computed(op == Op::kFloor  ? std::floor(value)
                  : op == Op::kCeil ? std::ceil(value)
                                    : std::round(value),
                  result);
}

bool Machine::Evaluation::to_number(Cell& of, Cell& result) {
  if (of.kind == Cell::Kind::kNumber) {
    result = of;
    return true;
  }
  if (of.kind != Cell::Kind::kString || !settle(of) || !is_short_integer(of.view()) || !json::is_number(of.view()))
    return false;
  result = of;
  result.kind = Cell::Kind::kNumber;
  result.place = kAbsent;
  return true;
}

bool Machine::Evaluation::cells_of(const std::tm& parts, double seconds, Cell& result) {
  const double values[] = {parts.tm_year + 1900.0,
                           static_cast<double>(parts.tm_mon),
                           static_cast<double>(parts.tm_mday),
                           static_cast<double>(parts.tm_hour),
                           static_cast<double>(parts.tm_min),
                           seconds,
                           static_cast<double>(parts.tm_wday),
                           static_cast<double>(parts.tm_yday)};
  Cell* const cells = take<Cell>(8);
  if (cells == nullptr) return false;
  for (std::size_t index = 0; index < 8; ++index) {
    if (!computed(values[index], cells[index])) return false;
  }
  result = list_of(cells, 8);
  return true;
}

bool Machine::Evaluation::parts_of(Cell& of, std::tm& parts) {
  if (!expand(of) || of.size != 8) return false;
  int values[8] = {};
  for (std::size_t index = 0; index < 8; ++index) {
    double value = 0;
    if (!value_of(of.cells[index], value) || std::fabs(value) > 1e6) return false;
    values[index] = static_cast<int>(index == 0 ? value - 1900 : value);
  }
  parts = {};
  parts.tm_year = values[0];
  parts.tm_mon = values[1];
  parts.tm_mday = values[2];
  parts.tm_hour = values[3];
  parts.tm_min = values[4];
  parts.tm_sec = values[5];
  parts.tm_wday = values[6];
  parts.tm_yday = values[7];
  return true;
}

bool Machine::Evaluation::parse_time(const Closure& closure, Cell& of, Cell& result) {
  std::string_view text;
  if (!decoded(of, text)) return false;
  std::tm parts{};
  if (closure.texts[0] != kIsoTime || !read_iso(text, parts)) {
    if (text.find('\0') != std::string_view::npos) return false;
    machine_.scratch_.assign(text);
    machine_.decoded_.assign(closure.texts[0]);
    if (!jq::parse_parts(machine_.scratch_, machine_.decoded_, parts)) return false;
  }
  return cells_of(parts, static_cast<double>(parts.tm_sec), result);
}

bool Machine::Evaluation::make_time(Cell& of, Cell& result) {
  std::tm parts{};
  std::time_t seconds = 0;
  return parts_of(of, parts) && jq::seconds_of(parts, seconds) && computed(static_cast<double>(seconds), result);
}

bool Machine::Evaluation::break_time(Cell& of, Cell& result) {
  double seconds = 0;
  std::tm parts{};
  if (!value_of(of, seconds) || !jq::parts_of(seconds, parts)) return false;
  return cells_of(parts, parts.tm_sec + (seconds - std::floor(seconds)), result);
}

bool Machine::Evaluation::format_time(const Closure& closure, Cell& of, Cell& result) {
  std::tm parts{};
  if (of.kind == Cell::Kind::kNumber) {
    double seconds = 0;
    if (!value_of(of, seconds) || !jq::parts_of(seconds, parts)) return false;
  } else if (!parts_of(of, parts)) {
    return false;
  }
  if (closure.texts[0].empty()) return false;
  machine_.decoded_.assign(closure.texts[0]);
  return jq::format_parts(machine_.decoded_, parts, machine_.scratch_) && quoted(machine_.scratch_, result);
}

}  // namespace riptide::transform::fast
