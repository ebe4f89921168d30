#pragma once

#include <string>

namespace riptide::pipeline {

/// Where temporary files go: `TMPDIR`, else /var/tmp.
std::string temporary_directory();

/// Opens a new file without a name, to read and write, for this process alone: it is gone with its descriptor. Returns
/// -1 and sets errno if there can be none in `directory`.
int open_unnamed_file(const std::string& directory);

}  // namespace riptide::pipeline
