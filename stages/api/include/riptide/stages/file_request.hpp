#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"
#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// How the bytes of a file fall into records.
enum class FileShape : std::uint8_t {
  kUnknown,  ///< As the first bytes tell.
  kLines,    ///< A record a line.
  kValues,   ///< JSON values, over any number of lines; the elements of arrays are records.
};

/// What is asked of a file: a source's request in the place of HTTP. Written as a URL ("file:exports/a.ndjson?..."), so
/// that whatever keeps, shows or repeats requests need not know of it.
struct FileRequest {
  enum class Ask : std::uint8_t {
    kList,  ///< Which files a path means: the file itself, those of a directory, those that match a pattern.
    kRead,  ///< A part of a file.
  };
  Ask ask = Ask::kRead;
  std::string path;      ///< As the user wrote it; "-" is standard input.
  std::uint64_t at = 0;  ///< Of the first byte, after decompression.
  /// About how much. A part ends where a record does: it has what it takes for the last one, and never the beginning of
  /// another. Where a file of lines can be read anywhere, a part has the lines that begin in `at` .. `at + bytes`, with
  /// the byte before `at` in front, so that it can be told whether a line begins there.
  std::uint64_t bytes = 0;
  FileShape shape = FileShape::kUnknown;
  bool within_array = false;  ///< With kValues: `at` lies between two elements of an array.

  friend bool operator==(const FileRequest&, const FileRequest&) = default;
};

/// Writes a request as a URL.
[[nodiscard]] std::string file_url(const FileRequest& request);
/// Reads such a URL. Errors: kConfig.
[[nodiscard]] pipeline::Result<FileRequest> file_request(std::string_view url);

/// The path of a file within a URL: slashes stay.
[[nodiscard]] std::string encoded_path(std::string_view path);
/// And back; what is not encoded well stays as it is.
[[nodiscard]] std::string decoded_path(std::string_view text);

/// What an answer to kRead tells of the file, in its headers. The answer to kList is a JSON array of encoded paths.
struct FilePart {
  FileShape shape = FileShape::kLines;
  /// The file can be read from anywhere, in any order, and its size is known.
  bool anywhere = false;
  std::uint64_t size = 0;  ///< With `anywhere`.
  /// Size and time of the file: another one, when it was written to. Empty for a stream.
  std::string edition;
  /// Number of the line, from 1, that the part begins in; not always known.
  std::optional<std::uint64_t> line;
  bool last = false;  ///< Nothing follows.

  void write_to(HttpResponse& response) const;
  /// Errors: kMalformed (no answer of a reader of files).
  [[nodiscard]] static pipeline::Result<FilePart> of(const HttpResponse& response);
};

}  // namespace riptide::stages
