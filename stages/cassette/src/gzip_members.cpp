#include "gzip_members.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace riptide::stages {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;

constexpr int kGzip = 15 + 16;  ///< zlib's way to say: the largest window, and a gzip header.
constexpr int kMemoryLevel = 8;
constexpr std::size_t kReadBytes = 64u << 10;
constexpr std::size_t kMaxLineBytes = 1u << 30;

Bytef* bytes_of(const char* text) noexcept { return reinterpret_cast<Bytef*>(const_cast<char*>(text)); }

}  // namespace

Result<std::string> gzip_member(std::string_view line) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
    return unexpected(ErrorKind::kInternal, "out of memory for compression");
  }
  std::string text(line);
  text += '\n';
  if (text.size() > kMaxLineBytes) {
    deflateEnd(&stream);
    return unexpected(ErrorKind::kLimit, fmt::format("an entry is too large for a cassette: {} bytes", text.size()));
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = bytes_of(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = bytes_of(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int ended = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (ended != Z_STREAM_END) return unexpected(ErrorKind::kInternal, "an entry could not be compressed");
  return out;
}

Result<MemberReader> MemberReader::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return unexpected(ErrorKind::kConfig,
                      "the cassette cannot be opened: " + path + ": " + std::generic_category().message(errno));
  }
  return MemberReader(descriptor);
}

MemberReader::MemberReader(MemberReader&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), buffer_(std::move(other.buffer_)) {}

MemberReader::~MemberReader() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<MemberReader::Found> MemberReader::read(std::uint64_t& offset, std::string& line) {
  line.clear();
  buffer_.resize(kReadBytes);
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) return unexpected(ErrorKind::kInternal, "out of memory for compression");
  struct End {
    z_stream& stream;
    ~End() { inflateEnd(&stream); }
  } const end{stream};
  std::uint64_t at = offset;
  while (true) {
    const ssize_t got = ::pread(descriptor_, buffer_.data(), buffer_.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return unexpected(ErrorKind::kTransport,
                        "the cassette cannot be read: " + std::generic_category().message(errno));
    }
    if (got == 0) return at == offset ? Found::kEnd : Found::kBroken;
    at += static_cast<std::uint64_t>(got);
    stream.next_in = bytes_of(buffer_.data());
    stream.avail_in = static_cast<uInt>(got);
    int state = Z_OK;
    while (state == Z_OK && stream.avail_in > 0) {
      const std::size_t had = line.size();
      const std::size_t room = std::max(kReadBytes, had);
      if (had + room > 2 * kMaxLineBytes) {
        return unexpected(ErrorKind::kLimit, "an entry of the cassette is larger than any that is written");
      }
      line.resize(had + room);
      stream.next_out = bytes_of(line.data() + had);
      stream.avail_out = static_cast<uInt>(room);
      state = inflate(&stream, Z_NO_FLUSH);
      line.resize(had + room - stream.avail_out);
    }
    if (state == Z_STREAM_END) {
      if (!line.ends_with('\n')) return Found::kBroken;
      line.pop_back();
      offset = at - stream.avail_in;
      return Found::kLine;
    }
    if (state != Z_OK && state != Z_BUF_ERROR) return Found::kBroken;
  }
}

}  // namespace riptide::stages
