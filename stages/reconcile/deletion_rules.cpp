#include "riptide/stages/deletion_rules.hpp"

#include <fmt/format.h>

#include <charconv>

namespace riptide::stages {

pipeline::Result<MaxDelete> parse_max_delete(std::string_view text) {
  MaxDelete limit;
  limit.text = text;
  const char* const end = text.data() + text.size();
  const auto wrong = [&] {
    return pipeline::unexpected(
        pipeline::ErrorKind::kConfig,
        fmt::format("'{}' is neither a number of entities (200) nor a share of those owned (2.5%)", text));
  };
  if (text.ends_with('%')) {
    limit.is_share = true;
    const auto read = std::from_chars(text.data(), end - 1, limit.percent, std::chars_format::fixed);
    if (read.ec != std::errc() || read.ptr != end - 1 || !(limit.percent >= 0 && limit.percent <= 100)) return wrong();
    return limit;
  }
  const auto read = std::from_chars(text.data(), end, limit.entities);
  if (read.ec != std::errc() || read.ptr != end) return wrong();
  return limit;
}

}  // namespace riptide::stages
