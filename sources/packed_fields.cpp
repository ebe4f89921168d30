#include "packed_fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

namespace riptide::sources {

void append_packed(std::string_view field, std::string& out) {
  out += std::to_string(field.size());
  out += ':';
  out += field;
}

std::string packed(std::initializer_list<std::string_view> fields) {
  std::string out;
  for (const std::string_view field : fields) append_packed(field, out);
  return out;
}

std::vector<std::string_view> unpacked(std::string_view text) {
  std::vector<std::string_view> fields;
  while (!text.empty()) {
    std::size_t bytes = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (error != std::errc() || text.empty() || text.front() != ':' || bytes > text.size() - 1) return {};
    fields.push_back(text.substr(1, bytes));
    text.remove_prefix(1 + bytes);
  }
  return fields;
}

std::string packed_indexes(const std::vector<std::uint32_t>& indexes) {
  return fmt::format("{}", fmt::join(indexes, ","));
}

std::vector<std::uint32_t> unpacked_indexes(std::string_view text) {
  std::vector<std::uint32_t> indexes;
  while (!text.empty()) {
    std::uint32_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc()) return {};
    indexes.push_back(index);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) text.remove_prefix(1);
  }
  return indexes;
}

}  // namespace riptide::sources
