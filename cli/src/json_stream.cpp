#include "riptide/cli/json_stream.hpp"

#include <cerrno>
#include <cstring>

namespace riptide::cli {
namespace {

bool is_space(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

JsonStream::JsonStream(std::vector<std::string> files) : files_(std::move(files)) {
  if (files_.empty()) files_.emplace_back("-");
}

JsonStream::~JsonStream() {
  if (file_ != nullptr && file_ != stdin) std::fclose(file_);
}

pipeline::Result<bool> JsonStream::open_next() {
  if (file_ != nullptr && file_ != stdin) std::fclose(file_);
  file_ = nullptr;
  if (next_file_ == files_.size()) return false;
  const std::string& name = files_[next_file_++];
  current_name_ = name == "-" ? "" : name;
  line_ = 1;
  file_ = name == "-" ? stdin : std::fopen(name.c_str(), "re");
  if (file_ == nullptr) {
    return pipeline::unexpected(pipeline::ErrorKind::kConfig, name + ": " + std::strerror(errno));
  }
  return true;
}

int JsonStream::peek() {
  if (at_ == block_.size()) {
    if (file_ == nullptr) return -1;
    block_.resize(64 << 10);
    const std::size_t got = std::fread(block_.data(), 1, block_.size(), file_);
    block_.resize(got);
    at_ = 0;
    if (got == 0) return -1;
  }
  return static_cast<unsigned char>(block_[at_]);
}

int JsonStream::get() {
  const int c = peek();
  if (c < 0) return c;
  ++at_;
  if (c == '\n') ++line_;
  return c;
}

pipeline::Result<bool> JsonStream::next(std::string& out) {
  out.clear();
  int c = get();
  while (true) {
    if (c == 0xEF && peek() == 0xBB) {  // a byte order mark
      get();
      get();
    } else if (c < 0) {
      const auto opened = open_next();
      if (!opened || !*opened) return opened;
    } else if (!is_space(c)) {
      break;
    }
    c = get();
  }
  out += static_cast<char>(c);
  const bool bare = c != '{' && c != '[' && c != '"';
  std::size_t depth = c == '{' || c == '[' ? 1 : 0;
  bool in_string = c == '"';
  while (bare || depth > 0 || in_string) {
    c = peek();
    if (c < 0) break;
    if (bare && (is_space(c) || c == '{' || c == '[' || c == '"')) break;
    get();
    out += static_cast<char>(c);
    if (in_string) {
      if (c == '\\') {
        if (peek() >= 0) out += static_cast<char>(get());
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return true;
}

pipeline::Result<bool> JsonStream::next_line(std::string& out) {
  out.clear();
  while (peek() < 0) {
    const auto opened = open_next();
    if (!opened || !*opened) return opened;
  }
  for (int c = get(); c >= 0 && c != '\n'; c = get()) out += static_cast<char>(c);
  return true;
}

}  // namespace riptide::cli
