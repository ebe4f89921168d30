#include "content_decoder.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

namespace riptide::stages {
namespace {

constexpr int kWindowBits = 15;
constexpr int kGzip = kWindowBits + 16;
constexpr int kZlib = kWindowBits;
constexpr int kRawDeflate = -kWindowBits;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == y; });
}

}  // namespace

ContentCoding parse_content_coding(std::string_view value) noexcept {
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  if (value.empty() || same(value, "identity")) return ContentCoding::kIdentity;
  if (same(value, "gzip") || same(value, "x-gzip")) return ContentCoding::kGzip;
  if (same(value, "deflate")) return ContentCoding::kDeflate;
  return ContentCoding::kUnknown;
}

struct ContentDecoder::Inflate {
  Inflate() {
    if (inflateInit2(&stream, kGzip) != Z_OK) throw std::bad_alloc();
  }
  ~Inflate() { inflateEnd(&stream); }
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;

  z_stream stream{};
  std::array<char, 16u << 10> out;
};

ContentDecoder::ContentDecoder() = default;
ContentDecoder::~ContentDecoder() = default;

void ContentDecoder::begin(ContentCoding coding) noexcept {
  coding_ = coding;
  stage_ = Stage::kUntouched;
}

bool ContentDecoder::decode(std::string_view encoded, Body& body) noexcept {
  if (coding_ == ContentCoding::kIdentity) return body.append(encoded);
  if (coding_ == ContentCoding::kUnknown) return false;
  try {
    if (!inflate_) inflate_ = std::make_unique<Inflate>();
  } catch (const std::bad_alloc&) {
    return false;
  }
  z_stream& stream = inflate_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(encoded.data()));
  stream.avail_in = static_cast<uInt>(encoded.size());
  // zlib may hold output back when the buffer was full, so one more round follows a full buffer even without input.
  bool more = true;
  while (stream.avail_in > 0 || more) {
    if (stage_ != Stage::kInside) {
      if (stream.avail_in == 0) return true;
      // Several gzip members in a row are one body; after deflate nothing may follow.
      if (stage_ == Stage::kEnded && coding_ == ContentCoding::kDeflate) return false;
      // "deflate" means the zlib format, but some servers send it without that header: its low nibble tells.
      const bool zlib_header = (stream.next_in[0] & 0x0f) == 8 && (stream.next_in[0] >> 4) <= 7;
      const int format = coding_ == ContentCoding::kGzip ? kGzip : zlib_header ? kZlib : kRawDeflate;
      if (inflateReset2(&stream, format) != Z_OK) return false;
      stage_ = Stage::kInside;
    }
    stream.next_out = reinterpret_cast<Bytef*>(inflate_->out.data());
    stream.avail_out = static_cast<uInt>(inflate_->out.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t produced = inflate_->out.size() - stream.avail_out;
    if (produced > 0 && !body.append({inflate_->out.data(), produced})) return false;
    if (status == Z_STREAM_END) {
      stage_ = Stage::kEnded;
      more = false;
      continue;
    }
    if (status == Z_BUF_ERROR) return true;  // Nothing left to do without more input.
    if (status != Z_OK) return false;
    more = stream.avail_out == 0;
  }
  return true;
}

bool ContentDecoder::complete() const noexcept {
  // A body without a single byte is an empty one in any coding (204, or a server that labels everything).
  return coding_ == ContentCoding::kIdentity || stage_ != Stage::kInside;
}

}  // namespace riptide::stages
