#pragma once

#include <cstddef>
#include <string_view>

namespace riptide::simulator {

/// What a request asks for. Views into the connection's input.
struct HttpRequest {
  std::string_view method;
  std::string_view target;  ///< Path and query; of an absolute target too.
  std::string_view api_key;
  std::string_view authorization;
  std::string_view body;
  std::size_t bytes = 0;  ///< Of the whole request, a body included.
  bool accepts_gzip = false;
  bool keep_alive = true;
};

enum class ParseResult { kComplete, kNeedsMore, kBad, kTooLarge, kUnsupported };

/// Limits of one request: header, and the body that is read over.
inline constexpr std::size_t kMaxHeaderBytes = 16'384;
inline constexpr std::size_t kMaxRequestBodyBytes = 65'536;

/// Reads the first request of `input`. kTooLarge: answer 431; kUnsupported: a body that is chunked or over the limit.
ParseResult parse_request(std::string_view input, HttpRequest& request);

}  // namespace riptide::simulator
