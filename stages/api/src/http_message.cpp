#include "riptide/stages/http_message.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "riptide/stages/auth.hpp"

namespace riptide::stages {
namespace {

constexpr std::size_t kMaxQuotedBody = 200;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// The start of a body on one line, for messages.
std::string body_excerpt(const Page& body) {
  if (!body) return {};
  std::string text;
  for (const char c : body->view().substr(0, kMaxQuotedBody)) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
  }
  return text;
}

}  // namespace

bool same_header_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool has_header(const std::vector<Header>& headers, std::string_view name) noexcept {
  return std::any_of(headers.begin(), headers.end(),
                     [name](const Header& header) { return same_header_name(header.name, name); });
}

std::string_view to_string(Method method) noexcept {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
  }
  return "GET";
}

std::optional<std::string_view> HttpResponse::header(std::string_view name) const noexcept {
  for (const Header& field : headers) {
    if (same_header_name(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::string safe_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return std::string(url);
  const auto host_begin = scheme_end + 3;
  const auto path_begin = std::min(url.find('/', host_begin), url.size());
  const auto at = url.substr(0, path_begin).rfind('@');
  if (at == std::string_view::npos || at < host_begin) return std::string(url);
  return std::string(url.substr(0, host_begin)) + std::string(url.substr(at + 1));
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                            (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
    if (unreserved) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

Error http_error(const HttpResponse& response) {
  ErrorKind kind = ErrorKind::kRejected;
  if (response.status == 401 || response.status == 403) kind = ErrorKind::kAuth;
  if (response.status == 404) kind = ErrorKind::kNotFound;
  if (response.status == 429) kind = ErrorKind::kRateLimited;
  if (response.status == 408 || response.status >= 500) kind = ErrorKind::kTransport;
  std::string message = fmt::format("HTTP {} from {}", response.status, response.safe_url);
  if (response.attempts > 1) message += fmt::format(" after {} attempts", response.attempts);
  if (const std::string excerpt = body_excerpt(response.body); !excerpt.empty()) message += ": " + excerpt;
  return Error(kind, std::move(message));
}

Result<Credentials> Auth::read_token(const HttpResponse& response) const {
  return pipeline::unexpected(ErrorKind::kInternal, "no token was expected: from " + response.safe_url);
}

}  // namespace riptide::stages
