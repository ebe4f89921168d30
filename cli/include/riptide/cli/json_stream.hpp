#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "riptide/pipeline/result.hpp"

namespace riptide::cli {

/// Cuts a stream of JSON texts (NDJSON, or values with white space between them, over any number of lines) into its
/// texts. Does not check them: whoever reads a text does. Memory: the longest text and one block.
class JsonStream {
 public:
  /// @param files Names; "-" is standard input, which is also read if there are none.
  explicit JsonStream(std::vector<std::string> files);
  ~JsonStream();
  JsonStream(const JsonStream&) = delete;
  JsonStream& operator=(const JsonStream&) = delete;

  /// Reads the next text into `out`; false at the end. A text that the input ends in the middle of is given as it is.
  /// Errors: kConfig (a file that cannot be opened; the next call goes on with the next file).
  pipeline::Result<bool> next(std::string& out);

  /// Reads the next line without its line break into `out`; false at the end. Errors as of `next`.
  pipeline::Result<bool> next_line(std::string& out);

  /// The file that the last text came from; empty for standard input.
  [[nodiscard]] const std::string& file() const noexcept { return current_name_; }
  /// The line on which the last text ended, from 1.
  [[nodiscard]] std::size_t line() const noexcept { return line_; }

 private:
  pipeline::Result<bool> open_next();
  int get();  // The next byte; -1 at the end of this file.
  int peek();

  std::vector<std::string> files_;
  std::size_t next_file_ = 0;
  std::FILE* file_ = nullptr;
  std::string current_name_;
  std::string block_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace riptide::cli
