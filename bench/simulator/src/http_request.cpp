#include "http_request.hpp"

#include <algorithm>
#include <charconv>

namespace riptide::simulator {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals(std::string_view a, std::string_view lowercase) noexcept {
  return a.size() == lowercase.size() &&
         std::equal(a.begin(), a.end(), lowercase.begin(), [](char x, char y) { return lower(x) == y; });
}

bool contains(std::string_view text, std::string_view lowercase) noexcept {
  return std::search(text.begin(), text.end(), lowercase.begin(), lowercase.end(),
                     [](char x, char y) { return lower(x) == y; }) != text.end();
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_plain(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

ParseResult parse_request(std::string_view input, HttpRequest& request) {
  std::size_t skipped = 0;  // an empty line in front of a request is allowed (RFC 9112 section 2.2)
  while (input.substr(skipped).starts_with("\r\n")) skipped += 2;
  const std::string_view from = input.substr(skipped);
  const std::size_t header_end = from.substr(0, kMaxHeaderBytes).find("\r\n\r\n");
  if (header_end == std::string_view::npos) {
    return input.size() >= kMaxHeaderBytes ? ParseResult::kTooLarge : ParseResult::kNeedsMore;
  }
  std::string_view header = from.substr(0, header_end + 2);

  request = {};
  const std::size_t line_end = header.find("\r\n");
  const std::string_view line = header.substr(0, line_end);
  header.remove_prefix(line_end + 2);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == 0 || last <= first + 1) return ParseResult::kBad;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return ParseResult::kBad;
  if (!is_plain(request.method) || !is_plain(request.target)) return ParseResult::kBad;
  if (request.target.front() != '/') {  // through a proxy: http://host/path
    const std::size_t scheme = request.target.find("://");
    if (scheme == std::string_view::npos) return ParseResult::kBad;
    const std::size_t path = request.target.find('/', scheme + 3);
    request.target = path == std::string_view::npos ? std::string_view{"/"} : request.target.substr(path);
  }
  request.keep_alive = version == "HTTP/1.1";

  std::size_t body_bytes = 0;
  while (!header.empty()) {
    const std::size_t end = header.find("\r\n");
    const std::string_view field = header.substr(0, end);
    header.remove_prefix(end + 2);
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos || !is_plain(field.substr(0, colon))) return ParseResult::kBad;
    const std::string_view name = field.substr(0, colon);
    const std::string_view value = trim(field.substr(colon + 1));
    if (equals(name, "x-octopus-apikey")) {
      request.api_key = value;
    } else if (equals(name, "authorization")) {
      request.authorization = value;
    } else if (equals(name, "accept-encoding")) {
      request.accepts_gzip = contains(value, "gzip") && !contains(value, "gzip;q=0");
    } else if (equals(name, "connection")) {
      if (contains(value, "close")) request.keep_alive = false;
      if (contains(value, "keep-alive")) request.keep_alive = true;
    } else if (equals(name, "content-length")) {
      const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), body_bytes);
      if (value.empty() || error != std::errc{} || stop != value.data() + value.size()) return ParseResult::kBad;
    } else if (equals(name, "transfer-encoding")) {
      return ParseResult::kUnsupported;
    }
  }
  if (body_bytes > kMaxRequestBodyBytes) return ParseResult::kUnsupported;
  request.bytes = skipped + header_end + 4 + body_bytes;
  if (input.size() < request.bytes) return ParseResult::kNeedsMore;
  request.body = input.substr(request.bytes - body_bytes, body_bytes);
  return ParseResult::kComplete;
}

}  // namespace riptide::simulator
