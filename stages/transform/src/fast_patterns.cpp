// Decoded text, and regular expressions over it.
#include "fast_evaluation.hpp"

#include <algorithm>
#include <cstring>

#include "jq/utf8.hpp"
#include "riptide/json/document.hpp"

namespace riptide::transform::fast {

Cell Machine::Evaluation::copy_of(std::string_view text) {
  char* const bytes = text.size() > UINT32_MAX ? nullptr : take<char>(text.size() + 1);
  if (bytes == nullptr) return {};
  if (!text.empty()) std::memcpy(bytes, text.data(), text.size());
  return literal({bytes, text.size()});
}

bool Machine::Evaluation::decoded(Cell& of, std::string_view& text) {
  if (of.kind != Cell::Kind::kString || !settle(of)) return false;
  text = of.view();
  if (of.escapes == Cell::Escapes::kNone) return true;
  std::string& raw = machine_.scratch_;
  raw.assign(1, '"');
  raw += text;
  raw += '"';
  machine_.decoded_.clear();
  if (!json::append_decoded(raw, machine_.decoded_)) return false;
  const Cell copy = copy_of(machine_.decoded_);
  text = copy.view();
  return copy.text != nullptr;
}

bool Machine::Evaluation::quoted(std::string_view text, Cell& result) {
  const bool plain = std::none_of(text.begin(), text.end(), [](char byte) {
    return static_cast<unsigned char>(byte) < 0x20 || byte == '"' || byte == '\\' || byte == 0x7F;
  });
  if (plain) {
    result = copy_of(text);
    return result.text != nullptr;
  }
  std::string& raw = machine_.decoded_;
  raw.clear();
  json::append_quoted(text, raw);
  result = copy_of(std::string_view(raw).substr(1, raw.size() - 2));
  result.escapes = Cell::Escapes::kCanonical;
  return result.text != nullptr;
}

bool Machine::Evaluation::trim(Cell& of, Cell& result) {
  std::string_view text;
  if (!decoded(of, text)) return false;
  const auto space = [](char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  // Beyond ASCII there is other white space.
  if (!text.empty() && (static_cast<signed char>(text.front()) < 0 || static_cast<signed char>(text.back()) < 0))
    return false;
  return quoted(text, result);
}

bool Machine::Evaluation::test(const Closure& closure, Cell& of, Cell& result) {
  std::string_view text;
  if (!decoded(of, text)) return false;
  bool found = false;
  std::string& error = machine_.error_;
  const auto take = [&](const jq::MatchPlaces&) {
    found = true;
    return false;
  };
  if (!machine_.regexes_.each_match(text, closure.texts[0], closure.texts[1], error, take)) return false;
  return boolean(found, result) == Came::kValue;
}

// The match as an object, if the pattern has no groups.
Came Machine::Evaluation::match(const Closure& closure, Cell& of, Cell& result) {
  std::string_view text;
  if (!decoded(of, text)) return Came::kGaveUp;
  Came came = Came::kNothing;
  const auto take_match = [&](const jq::MatchPlaces& places) {
    came = Came::kGaveUp;
    Cell* const parts = take<Cell>(8);
    if (parts == nullptr || places.groups != 1) return false;
    const auto begin = static_cast<std::size_t>(places.begins[0]);
    const std::string_view found = text.substr(begin, static_cast<std::size_t>(places.ends[0]) - begin);
    if (!jq::utf8::valid(found)) return false;
    parts[0] = literal("offset");
    parts[2] = literal("length");
    parts[4] = literal("string");
    parts[6] = literal("captures");
    parts[7] = list_of(nullptr, 0);
    if (number(jq::utf8::count(text.substr(0, begin)), parts[1]) != Came::kValue ||
        number(jq::utf8::count(found), parts[3]) != Came::kValue || !quoted(found, parts[5])) {
      return false;
    }
    result = list_of(parts, 8);
    result.kind = Cell::Kind::kRecord;
    came = Came::kValue;
    return false;
  };
  std::string& error = machine_.error_;
  const bool searched = machine_.regexes_.each_match(text, closure.texts[0], closure.texts[1], error, take_match);
  return searched ? came : Came::kGaveUp;
}

bool Machine::Evaluation::replace(const Closure& closure, Cell& of, Cell& result) {
  std::string_view text;
  if (!decoded(of, text)) return false;
  // `quoted` uses `decoded_`.
  std::string& made = machine_.scratch_;
  made.clear();
  std::size_t matches = 0;
  bool fits = true;
  const auto grow = [&](std::size_t bytes) {
    fits = ++machine_.steps_ <= machine_.limits_.max_steps && made.size() + bytes <= machine_.limits_.max_memory_bytes;
    return fits;
  };
  if (!machine_.regexes_.replace(text, closure.texts[0], closure.texts[1], closure.texts[2], grow, made, matches,
                                 machine_.error_)) {
    return false;
  }
  if (!fits) return false;
  if (matches == 0) {
    result = of;
    return true;
  }
  return quoted(made, result);
}

}  // namespace riptide::transform::fast
