#include "file_stream.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "file_listing.hpp"

namespace riptide::stages {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::Result;
using pipeline::unexpected;

constexpr std::size_t kInputBytes = 64u << 10;
constexpr int kGzip = 15 + 16;

}  // namespace

Interruption::Interruption() : file_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
Interruption::~Interruption() {
  if (file_ >= 0) ::close(file_);
}

void Interruption::raise() noexcept {
  raised_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t wrote = ::write(file_, &one, sizeof one);
}

struct FileStream::Inflate {
  Inflate() {
    if (inflateInit2(&stream, kGzip) != Z_OK) throw std::bad_alloc();
  }
  ~Inflate() { inflateEnd(&stream); }
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;

  z_stream stream{};
  bool inside = false;  ///< A member has begun and not ended.
};

FileStream::FileStream(int file, bool owned, bool regular, const Interruption& interruption)
    : file_(file), owned_(owned), regular_(regular), interruption_(interruption) {}

FileStream::~FileStream() {
  if (owned_) ::close(file_);
}

Result<std::unique_ptr<FileStream>> FileStream::open(const std::string& path, int standard_input,
                                                     const Interruption& interruption) {
  const bool standard = path == "-";
  // Without O_NONBLOCK a named pipe that nobody writes to would keep the thread for ever.
  const int file = standard ? standard_input : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return unexpected(file_error({}, errno));
  struct stat facts {};
  const bool known = ::fstat(file, &facts) == 0;
  const int error_number = errno;
  // A file that is standard input may have been read up to somewhere: it is as good as a pipe.
  const bool regular = known && S_ISREG(facts.st_mode) && !standard;
  std::unique_ptr<FileStream> stream(new FileStream(file, !standard, regular, interruption));
  if (!known) return unexpected(file_error({}, error_number));
  if (S_ISDIR(facts.st_mode)) return unexpected(ErrorKind::kRejected, "it is a directory");
  if (auto looked = stream->look_whether_packed(); !looked) return unexpected(std::move(looked).error());
  return stream;
}

Result<void> FileStream::look_whether_packed() {
  while (input_.size() < 2) {
    const std::size_t had = input_.size();
    if (auto filled = refill(); !filled) return filled;
    if (input_.size() == had) break;
  }
  if (input_.starts_with("\x1f\x8b")) {
    inflate_ = std::make_unique<Inflate>();
  } else if (regular_) {
    input_ = std::string();
    file_at_ = 0;
  }
  return {};
}

pipeline::Unexpected FileStream::fail(Error error) {
  failed_ = error;
  return unexpected(std::move(error));
}

/// Reads from the file as it is.
Result<std::size_t> FileStream::read_file(char* to, std::size_t bytes) {
  if (regular_) {
    auto got = read_at(to, bytes, file_at_);
    if (got) file_at_ += *got;
    return got;
  }
  while (true) {
    pollfd waits[2] = {{file_, POLLIN, 0}, {interruption_.file(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return fail(file_error({}, errno));
    if (interruption_.raised()) return unexpected(ErrorKind::kStopped, "stopped while a file was read");
    if (waits[0].revents == 0) continue;
    const ssize_t got = ::read(file_, to, bytes);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR && errno != EAGAIN) return fail(file_error({}, errno));
  }
}

/// Puts more of the file behind what is left of `input_`; nothing at its end.
Result<void> FileStream::refill() {
  input_.erase(0, std::exchange(input_at_, 0));
  const std::size_t left = input_.size();
  input_.resize(left + kInputBytes);
  auto got = read_file(input_.data() + left, kInputBytes);
  input_.resize(left + (got ? *got : 0));
  if (!got) return unexpected(std::move(got).error());
  return {};
}

Result<std::size_t> FileStream::read(char* to, std::size_t bytes) {
  if (failed_) return unexpected(*failed_);
  if (inflate_ != nullptr) return unpack(to, bytes);
  std::size_t got = std::min(bytes, input_.size() - input_at_);
  if (got != 0) {
    std::memcpy(to, input_.data() + input_at_, got);
    input_at_ += got;
    if (input_at_ == input_.size()) {
      input_ = std::string();
      input_at_ = 0;
    }
  } else {
    auto read = read_file(to, bytes);
    if (!read) return read;
    got = *read;
  }
  at_ += got;
  return got;
}

Result<std::size_t> FileStream::unpack(char* to, std::size_t bytes) {
  z_stream& stream = inflate_->stream;
  const auto room = static_cast<uInt>(std::min<std::size_t>(bytes, std::numeric_limits<uInt>::max()));
  stream.next_out = reinterpret_cast<Bytef*>(to);
  stream.avail_out = room;
  bool ended = false;
  while (stream.avail_out != 0) {
    if (input_at_ == input_.size() && !ended) {
      if (auto filled = refill(); !filled) return unexpected(std::move(filled).error());
      ended = input_.empty();
    }
    if (!inflate_->inside) {
      // Several members in a row are one file, and zeros may fill up the end.
      while (input_at_ < input_.size() && input_[input_at_] == '\0') ++input_at_;
      if (input_at_ == input_.size()) {
        if (ended) break;
        continue;
      }
      inflateReset2(&stream, kGzip);
      inflate_->inside = true;
    }
    stream.next_in = reinterpret_cast<Bytef*>(input_.data() + input_at_);
    stream.avail_in = static_cast<uInt>(input_.size() - input_at_);
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    input_at_ = input_.size() - stream.avail_in;
    if (status == Z_STREAM_END) {
      inflate_->inside = false;
    } else if (status == Z_BUF_ERROR && ended) {
      if (stream.avail_out != room) break;  // What came is good; the next call says the rest.
      return fail(Error(ErrorKind::kRejected, fmt::format("the gzip data ends early, after {} bytes of text", at_)));
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      if (stream.avail_out != room) {
        failed_ = Error(ErrorKind::kRejected, fmt::format("the gzip data is damaged, after {} bytes of text",
                                                          at_ + (room - stream.avail_out)));
        break;
      }
      return fail(Error(ErrorKind::kRejected, fmt::format("the gzip data is damaged, after {} bytes of text", at_)));
    }
  }
  const std::size_t got = room - stream.avail_out;
  at_ += got;
  return got;
}

Result<void> FileStream::go_to(std::uint64_t at) {
  if (at == at_) return {};
  if (!regular_) return unexpected(ErrorKind::kRejected, "a stream can be read only once");
  if (inflate_ == nullptr) {
    at_ = file_at_ = at;
    return {};
  }
  if (at < at_) {
    failed_.reset();
    input_ = std::string();
    input_at_ = 0;
    at_ = file_at_ = 0;
    inflate_->inside = false;
  }
  std::string skipped(kInputBytes, '\0');
  while (at_ < at) {
    if (interruption_.raised()) return unexpected(ErrorKind::kStopped, "stopped while a file was read");
    auto got = read(skipped.data(), static_cast<std::size_t>(std::min<std::uint64_t>(skipped.size(), at - at_)));
    if (!got) return unexpected(std::move(got).error());
    if (*got == 0)
      return unexpected(ErrorKind::kRejected, fmt::format("the file has become shorter than {} bytes", at));
  }
  return {};
}

Result<std::size_t> FileStream::read_at(char* to, std::size_t bytes, std::uint64_t at) {
  std::size_t got = 0;
  while (got < bytes) {
    const ssize_t read = ::pread(file_, to + got, bytes - got, static_cast<off_t>(at + got));
    if (read == 0) break;
    if (read > 0) {
      got += static_cast<std::size_t>(read);
    } else if (errno != EINTR) {
      return unexpected(file_error({}, errno));
    }
  }
  return got;
}

Result<FileStream::Facts> FileStream::facts() const {
  if (!regular_) return Facts{};
  struct stat facts {};
  if (::fstat(file_, &facts) != 0) return unexpected(file_error({}, errno));
  return Facts{static_cast<std::uint64_t>(facts.st_size),
               fmt::format("{}-{}.{:09}-{}", facts.st_size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, facts.st_ino)};
}

}  // namespace riptide::stages
