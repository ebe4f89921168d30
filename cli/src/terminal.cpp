#include "riptide/cli/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace riptide::cli {

Terminal::Terminal(int descriptor) : descriptor_(descriptor), tty_(::isatty(descriptor) == 1) {
  const char* const term = std::getenv("TERM");
  const char* const no_color = std::getenv("NO_COLOR");
  if (term != nullptr && std::strcmp(term, "dumb") == 0) tty_ = false;
  colours_ = tty_ && (no_color == nullptr || *no_color == '\0');
}

int Terminal::width() const {
  winsize size{};
  if (::ioctl(descriptor_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void Terminal::print(std::string_view text) {
  const std::lock_guard lock(mutex_);
  std::string bytes = status_.empty() ? "" : "\r\x1b[K";
  bytes += redactor_(std::string(text));
  if (!text.ends_with('\n')) bytes += '\n';
  bytes += status_;
  write(bytes);
}

void Terminal::set_status(std::string_view text) {
  const std::string cut = cut_to_width(text, width() - 1);
  const std::lock_guard lock(mutex_);
  if (cut == status_) return;
  status_ = cut;
  write("\r" + status_ + "\x1b[K");  // over the old one, then the rest of the line: nothing flickers
}

void Terminal::clear_status() {
  const std::lock_guard lock(mutex_);
  if (status_.empty()) return;
  status_.clear();
  write("\r\x1b[K");
}

void Terminal::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return;  // nobody is left to tell
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string cut_to_width(std::string_view text, int columns) {
  std::string out;
  int used = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    bool counts = true;
    if (text[at] == '\x1b') {
      const std::size_t end = text.find_first_of("mKJH", at);
      length = end == std::string_view::npos ? text.size() - at : end - at + 1;
      counts = false;
    } else {
      while (at + length < text.size() && (static_cast<unsigned char>(text[at + length]) & 0xC0) == 0x80) ++length;
    }
    if (!counts || used < columns) out += text.substr(at, length);
    if (counts) ++used;
    at += length;
  }
  return out;
}

}  // namespace riptide::cli
