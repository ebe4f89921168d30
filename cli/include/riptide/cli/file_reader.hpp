#pragma once

#include <optional>
#include <string>

#include "riptide/pipeline/result.hpp"

namespace riptide::cli {

/// Reads a whole file; nothing if it is not there. Errors: kConfig (a directory, no permission, over 64 MiB), with what
/// the system says.
pipeline::Result<std::optional<std::string>> read_file_if_there(const std::string& path);

/// Reads a whole file, or standard input for "-". Errors: kConfig.
pipeline::Result<std::string> read_file(const std::string& path);

/// Writes a file so that it is whole or not there: a temporary file beside it, then a rename. Errors: kConfig.
pipeline::Result<void> write_file_atomically(const std::string& path, const std::string& text);

}  // namespace riptide::cli
