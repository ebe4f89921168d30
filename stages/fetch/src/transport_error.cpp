#include "transport_error.hpp"

#include <fmt/format.h>

#include <system_error>

namespace riptide::stages {
namespace {

enum class Cause : std::uint8_t { kUrl, kResolve, kProxy, kConnect, kTimeout, kTls, kCut, kBroken, kNotHttp, kOther };

Cause cause_of(CURLcode code) noexcept {
  switch (static_cast<int>(code)) {
    case CURLE_URL_MALFORMAT:
      return Cause::kUrl;
    case CURLE_COULDNT_RESOLVE_HOST:
      return Cause::kResolve;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
      return Cause::kProxy;
    case CURLE_COULDNT_CONNECT:
      return Cause::kConnect;
    case CURLE_OPERATION_TIMEDOUT:
      return Cause::kTimeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return Cause::kTls;
    case CURLE_PARTIAL_FILE:
      return Cause::kCut;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return Cause::kBroken;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Cause::kNotHttp;
    default:
      return Cause::kOther;
  }
}

/// The reason in the system's words where there are any, else in libcurl's.
std::string reason(const TransportFailure& failure) {
  if (failure.os_error != 0) return std::generic_category().message(failure.os_error);
  std::string text(failure.message);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text.empty() ? std::string(curl_easy_strerror(failure.code)) : text;
}

}  // namespace

bool is_permanent(CURLcode code) noexcept {
  switch (static_cast<int>(code)) {
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return true;
    default:
      return false;
  }
}

Error transport_error(const TransportFailure& failure, std::string_view safe_url, const HttpClientOptions& options) {
  static constexpr std::string_view kProxyAdvice = "check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY";
  const std::string why = reason(failure);
  ErrorKind kind = ErrorKind::kTransport;
  std::string text;
  switch (cause_of(failure.code)) {
    case Cause::kUrl:
      kind = ErrorKind::kConfig;
      text = fmt::format("not a usable URL: {}; check the server URL", safe_url);
      break;
    case Cause::kResolve:
      // libcurl's own words: the errno of a failed look-up is about something else.
      text =
          fmt::format("could not find the host of {}: {}; check the server URL and the name server", safe_url,
                      failure.message.empty() ? std::string_view(curl_easy_strerror(failure.code)) : failure.message);
      break;
    case Cause::kProxy:
      // Not libcurl's words: they may hold the proxy's password.
      text = fmt::format("could not use the proxy for {}; {}", safe_url, kProxyAdvice);
      break;
    case Cause::kConnect:
      text = fmt::format("could not connect to {}: {}; check the server URL", safe_url, why);
      if (failure.proxied) text += fmt::format(", and the proxy: {}", kProxyAdvice);
      break;
    case Cause::kTimeout:
      if (!failure.connected) {
        text = fmt::format("could not connect to {}: no connection within {} ms; check the server URL and the network",
                           safe_url, options.connect_timeout.count());
      } else {
        text = fmt::format(
            "no complete answer from {}: {}; the time for one is {} ms, and {} ms without a byte; check "
            "the server's load, or raise the client timeout",
            safe_url, failure.message, options.total_timeout.count(), options.stall_timeout.count());
      }
      break;
    case Cause::kTls:
      text = fmt::format(
          "TLS failed with {}: {}; if a private authority signed the server's certificate, name its file "
          "in SSL_CERT_FILE or its directory in SSL_CERT_DIR, and check that the URL's scheme is right",
          safe_url, failure.message.empty() ? curl_easy_strerror(failure.code) : failure.message);
      break;
    case Cause::kCut:
      text = fmt::format("the answer from {} was cut short: {}", safe_url, why);
      break;
    case Cause::kBroken:
      text = fmt::format("the connection to {} broke: {}", safe_url, why);
      if (failure.proxied) text += fmt::format("; if it was the proxy that refused, {}", kProxyAdvice);
      break;
    case Cause::kNotHttp:
      text = fmt::format("what {} sent is not HTTP; check the server URL and its port", safe_url);
      break;
    case Cause::kOther:
      text = fmt::format("no answer from {}: {}", safe_url, curl_easy_strerror(failure.code));
      break;
  }
  return Error(kind, std::move(text));
}

}  // namespace riptide::stages
