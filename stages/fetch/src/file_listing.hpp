#pragma once

#include <string>
#include <vector>

#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

/// Returns the files that a path means, sorted: itself; those of a directory whose names end in .ndjson, .jsonl or
/// .json, or .gz behind it, hidden ones and directories left out; those that match a pattern (`*`, `?`, `[a-z]` within
/// a name, `**` for any number of directories). What is there by that very name is no pattern.
/// Errors: kNotFound (nothing there, or nothing that matches), kAuth, kTransport, kLimit (over a million files). A
/// directory on the way that cannot be read is one: what is in it might match.
[[nodiscard]] pipeline::Result<std::vector<std::string>> list_files(const std::string& path);

/// What the system says about a path, as an Error of its kind. Who reads a file knows which: the path may be empty.
[[nodiscard]] pipeline::Error file_error(const std::string& path, int error_number);

}  // namespace riptide::stages
