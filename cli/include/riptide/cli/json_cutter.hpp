#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace riptide::cli {

/// Follows a stream of JSON values just far enough to know where one has ended: strings and the depth of brackets,
/// 64 bytes at a time. Does not check anything else.
class JsonCutter {
 public:
  /// Goes on with `text`, of which `from` bytes have been seen by calls before.
  void scan(std::string_view text, std::size_t from);

  /// Behind the last line break between values in the text; 0 if there is none.
  [[nodiscard]] std::size_t line_cut() const noexcept { return line_cut_; }
  /// Behind the last value or white space between values; 0 if there is none.
  [[nodiscard]] std::size_t cut() const noexcept { return cut_; }
  /// There was a line break in a string or a bracket that closes nothing: this is not JSON.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// `bytes` in front of the text were taken away.
  void drop(std::size_t bytes) noexcept;

 private:
  // Which of 64 bytes are what.
  struct Marks {
    std::uint64_t quotes, backslashes, opens, closes, spaces, breaks;
  };
  void step(Marks marks, std::size_t at, int length);

  std::uint64_t in_string_ = 0;  ///< All ones within a string.
  bool escaped_ = false;         ///< The next byte is.
  bool broken_ = false;
  std::size_t depth_ = 0;
  std::size_t line_cut_ = 0;
  std::size_t cut_ = 0;
};

/// The number of line breaks in a text.
std::size_t count_lines(std::string_view text) noexcept;

}  // namespace riptide::cli
