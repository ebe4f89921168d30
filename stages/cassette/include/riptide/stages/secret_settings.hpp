#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace riptide::stages {

/// What of a setting that is a secret as a whole, and JSON (a request that fetches a token), may stand on a cassette:
/// its shape, its `endpoint` and `method`, numbers, and what stands in `{{ }}`; every other string is blanked. "***"
/// for what is no JSON object.
[[nodiscard]] std::string without_secrets(std::string_view setting);

/// The secrets in such a setting, one by one, since a server that sends one back does not send the others along. The
/// setting itself where it is no JSON object.
[[nodiscard]] std::vector<std::string> secrets_in(std::string_view setting);

}  // namespace riptide::stages
