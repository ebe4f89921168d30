#pragma once

#include <string>
#include <string_view>

namespace riptide::cli {

/// A text for XML and HTML, in an element or in double quotes. Control characters that XML does not have become blanks.
std::string xml_text(std::string_view text);

}  // namespace riptide::cli
