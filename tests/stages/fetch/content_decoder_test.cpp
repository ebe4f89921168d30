#include "content_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <optional>
#include <random>
#include <string>

#include "loopback_server.hpp"

namespace riptide::stages {
namespace {

const BodyLimits kLimits{8u << 20};

std::string packed(std::string_view plain, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(plain.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// Bytes that neither repeat nor resist: half letters of a small alphabet.
std::string sample(std::size_t bytes) {
  std::mt19937 random(5);
  std::string text(bytes, ' ');
  for (char& c : text) c = static_cast<char>('a' + random() % 13);
  return text;
}

/// Decodes in pieces; nothing if it fails or is not complete.
std::optional<std::string> decoded(ContentDecoder& decoder, ContentCoding coding, std::string_view bytes,
                                   std::size_t piece) {
  Body body(kLimits, {});
  decoder.begin(coding);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!decoder.decode(bytes.substr(at, piece), body)) return std::nullopt;
  }
  if (!decoder.complete()) return std::nullopt;
  return std::string(body.finish()->view());
}

TEST(ContentDecoder, DecodesEveryCodingInPiecesOfEverySize) {
  ContentDecoder decoder;
  for (const std::size_t size : {0u, 1u, 1000u, 32'768u, 300'000u}) {
    const std::string plain = sample(size);
    for (const std::size_t piece : {1u, 7u, 1000u, 1'000'000u}) {
      if (piece == 1 && size > 1000) continue;
      EXPECT_EQ(decoded(decoder, ContentCoding::kIdentity, plain, piece), plain);
      EXPECT_EQ(decoded(decoder, ContentCoding::kGzip, loopback::gzip(plain), piece), plain);
      EXPECT_EQ(decoded(decoder, ContentCoding::kDeflate, packed(plain, 15), piece), plain);
      EXPECT_EQ(decoded(decoder, ContentCoding::kDeflate, packed(plain, -15), piece), plain);
    }
  }
}

TEST(ContentDecoder, AnyCutIsIncomplete) {
  ContentDecoder decoder;
  const std::string whole = loopback::gzip(sample(2'000));
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    EXPECT_EQ(decoded(decoder, ContentCoding::kGzip, std::string_view(whole).substr(0, cut), 4096), std::nullopt)
        << cut;
  }
}

TEST(ContentDecoder, AnyFlippedByteIsNoticedOrHarmless) {
  ContentDecoder decoder;
  const std::string plain = sample(2'000);
  const std::string whole = loopback::gzip(plain);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x55);
    const auto text = decoded(decoder, ContentCoding::kGzip, broken, 4096);
    // Bytes 4 to 9 are a time and a system, which mean nothing.
    EXPECT_TRUE(!text || *text == plain) << at;
  }
}

TEST(ContentDecoder, JoinsMembers) {
  ContentDecoder decoder;
  const std::string two = loopback::gzip("one ") + loopback::gzip("two");
  for (const std::size_t piece : {1u, 5u, 1000u}) {
    EXPECT_EQ(decoded(decoder, ContentCoding::kGzip, two, piece), "one two");
  }
  EXPECT_EQ(decoded(decoder, ContentCoding::kGzip, loopback::gzip("one") + "garbage", 1000), std::nullopt);
  EXPECT_EQ(decoded(decoder, ContentCoding::kDeflate, packed("one", 15) + "x", 1000), std::nullopt);
}

TEST(ContentDecoder, RefusesUnknownCodingsButNotEmptyBodies) {
  ContentDecoder decoder;
  EXPECT_EQ(decoded(decoder, ContentCoding::kUnknown, "x", 10), std::nullopt);
  EXPECT_EQ(decoded(decoder, ContentCoding::kGzip, "", 10), "");
}

TEST(ContentDecoder, StopsABombAtTheLimit) {
  ContentDecoder decoder;
  const BodyLimits limits{1u << 20};
  Body body(limits, {});
  const std::string bomb = loopback::gzip(std::string(64u << 20, '\0'));
  decoder.begin(ContentCoding::kGzip);
  EXPECT_FALSE(decoder.decode(bomb, body));
  ASSERT_TRUE(body.failure());
  EXPECT_EQ(body.failure()->kind, ErrorKind::kLimit);
}

TEST(ContentCodingOf, KnowsTheNames) {
  EXPECT_EQ(parse_content_coding(""), ContentCoding::kIdentity);
  EXPECT_EQ(parse_content_coding(" Identity "), ContentCoding::kIdentity);
  EXPECT_EQ(parse_content_coding("GZIP"), ContentCoding::kGzip);
  EXPECT_EQ(parse_content_coding("x-gzip"), ContentCoding::kGzip);
  EXPECT_EQ(parse_content_coding("deflate"), ContentCoding::kDeflate);
  EXPECT_EQ(parse_content_coding("br"), ContentCoding::kUnknown);
  EXPECT_EQ(parse_content_coding("gzip, gzip"), ContentCoding::kUnknown);
}

}  // namespace
}  // namespace riptide::stages
