#include "transfer.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "address_guard.hpp"
#include "auth_session.hpp"

namespace riptide::stages {
namespace {

constexpr std::size_t kMaxHeaders = 1'000;

std::string_view trimmed(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_content_encoding(std::string_view name) noexcept {
  static constexpr std::string_view kName = "content-encoding";
  return name.size() == kName.size() && std::equal(name.begin(), name.end(), kName.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

}  // namespace

Transfer::Transfer(Send send, const BodyLimits& limits)
    : request(std::move(send.request)),
      done(std::move(send.done)),
      safe_url(stages::safe_url(request.url)),
      max_attempts(send.max_attempts),
      body(limits, std::move(send.credit)) {}

void Transfer::sign() {
  credentials_generation = session->generation;
  const Credentials& credentials = *session->credentials;
  signed_url = credentials.query.empty() ? std::string() : with_query(request.url, credentials.query);
  signed_body = credentials.body.empty() ? std::string() : with_members(request.body, credentials.body);
}

void Transfer::restart() noexcept {
  sent_headers.reset();
  body.restart();
  status = 0;
  headers.clear();
  header_bytes = 0;
  coding = ContentCoding::kIdentity;
  body_begun = false;
  failure.reset();
  address_refused = false;
  ending.reset();
}

curl_socket_t Transfer::on_socket(const curl_sockaddr& address) {
  if (guarded && !is_public_address(address.addr)) {
    address_refused = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
}

bool Transfer::on_header(std::string_view line) {
  if (body_begun) return true;  // Trailers say nothing that we act on.
  header_bytes += line.size();
  if (header_bytes > max_header_bytes || headers.size() >= kMaxHeaders) {
    failure = Error(ErrorKind::kLimit, fmt::format("the answer has too many headers: over {} bytes or {} lines",
                                                   max_header_bytes, kMaxHeaders));
    return false;
  }
  if (line.starts_with("HTTP/")) {
    // Each answer of a chain (100 Continue, a proxy's 200 to CONNECT) starts anew; only the last one counts.
    headers.clear();
    coding = ContentCoding::kIdentity;
    const std::string_view code = trimmed(line.substr(std::min(line.find(' '), line.size()))).substr(0, 3);
    if (std::from_chars(code.data(), code.data() + code.size(), status).ec != std::errc{}) status = 0;
    return true;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return true;  // The blank line at the end, or noise.
  const std::string_view name = trimmed(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (is_content_encoding(name)) {
    const ContentCoding stated = parse_content_coding(value);
    // Two codings on top of each other are nothing that we asked for.
    if (stated != ContentCoding::kIdentity) {
      coding = coding == ContentCoding::kIdentity ? stated : ContentCoding::kUnknown;
    }
  }
  if (headers.empty()) headers.reserve(16);
  headers.push_back({std::string(name), std::string(value)});
  return true;
}

bool Transfer::on_body(std::string_view bytes) {
  if (!body_begun) {
    body_begun = true;
    handle->decoder.begin(coding);
    curl_off_t length = -1;
    curl_easy_getinfo(handle->get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (coding == ContentCoding::kIdentity && length > 0 && !body.expect(static_cast<std::size_t>(length))) {
      failure = body.failure();
      return false;
    }
  }
  if (handle->decoder.decode(bytes, body)) return true;
  failure = body.failure();
  if (!failure) {
    failure = Error(ErrorKind::kTransport, coding == ContentCoding::kUnknown
                                               ? "the answer is encoded in a way that was not asked for"
                                               : "the answer is not valid gzip or deflate");
  }
  return false;
}

}  // namespace riptide::stages
