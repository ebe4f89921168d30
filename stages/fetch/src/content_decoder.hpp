#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "body.hpp"

namespace riptide::stages {

/// How a body is encoded (RFC 9110 section 8.4).
enum class ContentCoding : std::uint8_t { kIdentity, kGzip, kDeflate, kUnknown };

/// Reads a Content-Encoding value.
ContentCoding parse_content_coding(std::string_view value) noexcept;

/// Decodes gzip and deflate bodies piece by piece. Ours instead of libcurl's: that one (7.88) takes a gzip body that
/// ends too early for a complete one. Reusable: the decompressor's memory stays for the next body.
class ContentDecoder {
 public:
  ContentDecoder();
  ~ContentDecoder();
  ContentDecoder(const ContentDecoder&) = delete;
  ContentDecoder& operator=(const ContentDecoder&) = delete;

  /// Starts a new body.
  void begin(ContentCoding coding) noexcept;
  /// Decodes `encoded` into `body`. False: the body's failure if it has one, else the bytes are not in that coding.
  [[nodiscard]] bool decode(std::string_view encoded, Body& body) noexcept;
  /// Says whether what came so far is a complete body.
  [[nodiscard]] bool complete() const noexcept;
  [[nodiscard]] ContentCoding coding() const noexcept { return coding_; }

 private:
  enum class Stage : std::uint8_t { kUntouched, kInside, kEnded };
  struct Inflate;

  ContentCoding coding_ = ContentCoding::kIdentity;
  Stage stage_ = Stage::kUntouched;
  std::unique_ptr<Inflate> inflate_;
};

}  // namespace riptide::stages
