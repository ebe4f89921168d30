#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace riptide::json {

/// Which of 64 bytes are what.
struct JsonMarks {
  std::uint64_t quotes, backslashes, opens, closes, spaces, breaks;
};

/// Whether a text that is looked at 64 bytes at a time is within a string.
class StringState {
 public:
  /// Takes the next `length` bytes (64, or fewer at the end of what there is) and returns which of them are in strings:
  /// with the opening quotes, without the closing ones. Takes quotes that are escaped out of `marks`.
  std::uint64_t next(JsonMarks& marks, int length) noexcept;

 private:
  std::uint64_t in_string_ = 0;  ///< All ones within a string.
  bool escaped_ = false;         ///< The next byte is.
};

/// Follows a stream of JSON values just far enough to know where one has ended: strings and the depth of brackets,
/// 64 bytes at a time. Does not check anything else.
class Cutter {
 public:
  /// Goes on with `text`, of which `from` bytes have been seen by calls before.
  void scan(std::string_view text, std::size_t from);

  /// Behind the last line break between values in the text; 0 if there is none.
  [[nodiscard]] std::size_t line_cut() const noexcept { return line_cut_; }
  /// Behind the last value or white space between values; 0 if there is none.
  [[nodiscard]] std::size_t cut() const noexcept { return cut_; }
  /// There was a line break in a string or a bracket that closes nothing: this is not JSON, and nothing behind that is
  /// looked at.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// Behind a bracket that closes nothing, such as the end of an array whose beginning was not in the text; 0 if there
  /// was none.
  [[nodiscard]] std::size_t closed() const noexcept { return closed_; }
  /// `bytes` in front of the text were taken away.
  void drop(std::size_t bytes) noexcept;

 private:
  void step(const JsonMarks& marks, std::size_t at, int length);

  StringState strings_;
  bool broken_ = false;
  std::size_t depth_ = 0;
  std::size_t line_cut_ = 0;
  std::size_t cut_ = 0;
  std::size_t closed_ = 0;
};

/// Returns the end of the value that begins with the bracket at `begin`: behind the bracket that closes it, whatever
/// lies between; nothing if the text ends before, or a string has a line break in it. 64 bytes at a time; checks
/// nothing else.
[[nodiscard]] std::optional<std::size_t> bracket_end(std::string_view text, std::size_t begin) noexcept;

/// The number of line breaks in a text.
std::size_t count_lines(std::string_view text) noexcept;

}  // namespace riptide::json
