#include "riptide/cli/file_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace riptide::cli {
namespace {

using pipeline::ErrorKind;

constexpr std::size_t kMostBytes = 64u << 20;

pipeline::Unexpected system_error(const char* what) {
  return pipeline::unexpected(ErrorKind::kConfig, std::string(what) + ": " + std::strerror(errno));
}

pipeline::Result<std::string> read_all(int descriptor) {
  std::string text;
  char buffer[65'536];
  while (true) {
    const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got == 0) return text;
    if (got < 0) {
      if (errno == EINTR) continue;
      return system_error("it cannot be read");
    }
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMostBytes) return pipeline::unexpected(ErrorKind::kConfig, "it is larger than 64 MiB");
  }
}

}  // namespace

pipeline::Result<std::optional<std::string>> read_file_if_there(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return system_error("it cannot be opened");
  }
  auto text = read_all(descriptor);
  ::close(descriptor);
  if (!text) return pipeline::unexpected(text.error());
  return std::optional<std::string>(std::move(*text));
}

pipeline::Result<std::string> read_file(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO);
  auto text = read_file_if_there(path);
  if (!text) return pipeline::unexpected(text.error());
  if (!*text) return pipeline::unexpected(ErrorKind::kConfig, "there is no such file");
  return std::move(**text);
}

pipeline::Result<void> write_file_atomically(const std::string& path, const std::string& text) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {  // /dev/stderr, a pipe
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return system_error("it cannot be opened");
    const bool written = ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(descriptor);
    if (!written) return system_error("it cannot be written");
    return {};
  }
  const std::string temporary = path + ".tmp" + std::to_string(::getpid());
  std::FILE* const file = std::fopen(temporary.c_str(), "we");
  if (file == nullptr) return system_error("it cannot be created");
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0;
  const int failure = errno;
  if (std::fclose(file) != 0 || !written) {
    ::unlink(temporary.c_str());
    errno = failure;
    return system_error("it cannot be written");
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int why = errno;
    ::unlink(temporary.c_str());
    errno = why;
    return system_error("it cannot be replaced");
  }
  return {};
}

}  // namespace riptide::cli
