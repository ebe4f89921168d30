#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace riptide::stages {

/// Encodes bytes as RFC 4648 section 4 says, padded.
[[nodiscard]] std::string to_base64(std::string_view bytes);

/// Decodes padded base64; nothing if it is none.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace riptide::stages
