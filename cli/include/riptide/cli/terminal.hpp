#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/cli/redactor.hpp"

namespace riptide::cli {

/// Standard error, shared by log lines and one status line that is redrawn in place below them. Any thread.
class Terminal {
 public:
  explicit Terminal(int descriptor);

  [[nodiscard]] bool is_tty() const noexcept { return tty_; }
  /// Whether colours are welcome: a terminal, and NO_COLOR is not set.
  [[nodiscard]] bool colours() const noexcept { return colours_; }
  [[nodiscard]] int width() const;

  /// Shows none of these secrets from now on. Before other threads print.
  void hide(const std::vector<std::string>& secrets) { redactor_ = Redactor(secrets); }
  [[nodiscard]] std::string redacted(std::string text) const { return redactor_(std::move(text)); }

  /// Writes whole lines (a final line break is added where it is missing); the status line moves down.
  void print(std::string_view text);
  /// Shows or replaces the status line, cut to the width. Only for terminals.
  void set_status(std::string_view text);
  void clear_status();

 private:
  void write(std::string_view bytes) const;

  const int descriptor_;
  bool tty_ = false;
  bool colours_ = false;
  Redactor redactor_;
  std::mutex mutex_;  ///< Guards status_ and the order of writes.
  std::string status_;
};

/// Cuts UTF-8 text to a number of columns (one a code point; ANSI sequences count nothing and are kept).
std::string cut_to_width(std::string_view text, int columns);

}  // namespace riptide::cli
