#pragma once

#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

/// Checks the address of a server that paths are put behind, and strips its trailing slashes.
///
/// @param setting Name of the setting, for the message.
/// Errors: kConfig (empty, not http or https, no host, credentials, query, fragment, blanks or control characters).
[[nodiscard]] pipeline::Result<std::string> checked_server_url(std::string_view url, std::string_view setting);

}  // namespace riptide::stages
