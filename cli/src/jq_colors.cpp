#include "riptide/cli/jq_colors.hpp"

#include <algorithm>

namespace riptide::cli {

JqColors JqColors::standard() { return *read("0;90:0;39:0;39:0;39:0;32:1;39:1;39:1;34"); }

std::optional<JqColors> JqColors::read(std::string_view text) {
  constexpr std::string_view kCode = "0123456789;";
  JqColors colors;
  std::size_t count = 0;
  while (true) {
    const std::size_t length = std::min(text.find_first_not_of(kCode), text.size());
    const std::string_view code = text.substr(0, length);
    text.remove_prefix(length);
    // Nothing follows, or nothing that counts; an empty code at the very end says nothing.
    const bool last = text.empty() || count + 1 == kCount;
    if (!last && text.front() != ':') return std::nullopt;
    if (!last || !code.empty()) colors.begin[count++] = "\x1B[" + std::string(code) + "m";
    if (last) break;
    text.remove_prefix(1);
  }
  if (count < kCount) {
    const JqColors own = standard();
    std::copy(own.begin.begin() + static_cast<std::ptrdiff_t>(count), own.begin.end(),
              colors.begin.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return colors;
}

}  // namespace riptide::cli
