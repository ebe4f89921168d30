#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::Page;
using pipeline::Result;

class Auth;

enum class Method : std::uint8_t { kGet, kPost, kPut, kPatch, kDelete };
std::string_view to_string(Method method) noexcept;

/// A header of a request or an answer, as it was written.
struct Header {
  std::string name;
  std::string value;
};

/// Whether two header names are the same: case does not count.
[[nodiscard]] bool same_header_name(std::string_view a, std::string_view b) noexcept;

/// Whether there is a header of that name.
[[nodiscard]] bool has_header(const std::vector<Header>& headers, std::string_view name) noexcept;

/// One HTTP request as a value: owned, no connection in it. Carriage returns and line feeds in a header are refused by
/// whoever sends it.
struct HttpRequest {
  Method method = Method::kGet;
  std::string url;  ///< Absolute, http or https.
  std::vector<Header> headers;
  std::string body;
  /// May be sent again after a failure: safe methods, and writes that the target treats as idempotent.
  bool retryable = false;
  /// Says who signs it; null sends it as it is. Borrowed: lives as long as the run.
  const Auth* auth = nullptr;
  /// Names the requests of a host that share a quota there, where a host counts its routes apart (Port: entities,
  /// search, blueprints, ...). Requests of one group wait for its quota, those of another go on. Empty is a group too.
  std::string quota_group = {};
};

/// One HTTP answer, whatever its status. The body is decoded (gzip) and padded.
struct HttpResponse {
  int status = 0;
  std::vector<Header> headers;  ///< Of the final answer only, in order.
  Page body;
  std::string safe_url;  ///< Scheme, host and path: no user info, no query. For messages.
  std::chrono::microseconds elapsed{0};
  int attempts = 1;
  bool remembered = false;  ///< The body was not sent: the server said that the one of an earlier run still holds.

  /// Returns the first header of that name (any case), or nothing.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;
  [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
};

/// Returns scheme, host, port and path of a URL: what a message may show. No user info, query or fragment.
std::string safe_url(std::string_view url);

/// Percent-encodes one path segment or query value (RFC 3986 unreserved characters stay).
std::string percent_encoded(std::string_view text);

/// Turns an answer that is not 2xx into an Error that names status, URL and the start of the body:
/// 401 and 403 kAuth, 404 kNotFound, 429 kRateLimited, 5xx and 408 kTransport, else kRejected.
Error http_error(const HttpResponse& response);

}  // namespace riptide::stages
