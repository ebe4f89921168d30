#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"

namespace riptide::cli {

/// Reads a file of raw records (`-` is standard input): the elements of an array are records, and so is any other
/// value; NDJSON, or values over several lines. Bytes that are not UTF-8 become U+FFFD, as in a resync; otherwise
/// records are not checked, but for those in arrays. `record` is borrowed for the call.
/// Errors: kConfig (a file that cannot be opened), kMalformed (an array that is not JSON; names its line).
pipeline::Result<void> for_each_record(const std::string& file, const std::function<void(std::string_view)>& record);

}  // namespace riptide::cli
