#include "record_finder.hpp"

#include <optional>

#include "riptide/json/cutter.hpp"
#include "riptide/json/structurals.hpp"

namespace riptide::sources::file {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";

void add(std::size_t begin, std::size_t end, pipeline::RecordSet& records) {
  records.add(static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin));
}

/// Behind the string that begins at `begin`; nothing if it does not end.
std::optional<std::size_t> string_end(std::string_view text, std::size_t begin) noexcept {
  for (std::size_t at = begin + 1; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return std::nullopt;
}

/// Behind the value that begins at `begin`: `begin` itself if none does, nothing if it does not end.
std::optional<std::size_t> value_end(std::string_view text, std::size_t begin) noexcept {
  if (json::is_open(text[begin])) return json::bracket_end(text, begin);
  if (text[begin] == '"') return string_end(text, begin);
  const std::size_t end = text.find_first_of(" \t\r\n,:\"{}[]", begin);
  return end == std::string_view::npos ? text.size() : end;
}

}  // namespace

void find_lines(std::string_view text, bool within_line, bool first, pipeline::RecordSet& records) {
  std::size_t at = first && text.starts_with(kMark) ? kMark.size() : 0;
  if (within_line) {
    const std::size_t found = text.find('\n');
    at = found == std::string_view::npos ? text.size() : found + 1;
  }
  while (at < text.size()) {
    const std::size_t found = text.find('\n', at);
    const std::size_t behind = found == std::string_view::npos ? text.size() : found;
    std::size_t begin = at;
    std::size_t end = behind;
    while (begin < end && json::is_space(text[begin])) ++begin;
    while (end > begin && json::is_space(text[end - 1])) --end;
    if (begin < end) add(begin, end, records);
    at = behind + 1;
  }
}

RecordFinder::Found RecordFinder::find(std::string_view text, bool first, pipeline::RecordSet& records) {
  at_ = first && text.starts_with(kMark) ? kMark.size() : 0;
  while (true) {
    while (at_ < text.size() && json::is_space(text[at_])) ++at_;
    if (at_ == text.size()) return Found::kAll;
    const char byte = text[at_];
    const bool after_value = between_ == Between::kElements;
    if (between_ == Between::kValues && byte == '[') {
      between_ = Between::kFirst;
      ++at_;
    } else if (byte == ']' && (after_value || between_ == Between::kFirst)) {
      between_ = Between::kValues;
      ++at_;
    } else if (byte == ',' && after_value) {
      between_ = Between::kAfterComma;
      ++at_;
    } else if (after_value) {
      return Found::kMalformed;
    } else {
      const auto end = value_end(text, at_);
      if (!end) return Found::kOpenEnd;
      if (*end == at_) return Found::kMalformed;
      add(at_, *end, records);
      at_ = *end;
      if (between_ != Between::kValues) between_ = Between::kElements;
    }
  }
}

}  // namespace riptide::sources::file
