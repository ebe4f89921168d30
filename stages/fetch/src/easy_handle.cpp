#include "easy_handle.hpp"

#include <algorithm>
#include <string>

#include "transfer.hpp"

namespace riptide::stages {
namespace {

/// Large enough to take a page in a few reads; above glibc's mmap threshold (128 KiB) each transfer would fault it in.
constexpr long kReceiveBytes = 64L << 10;
/// Long enough that a run asks once; a server that moves is found again after it.
constexpr long kDnsSeconds = 300;

std::size_t write_body(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  const std::size_t bytes = size * count;
  return static_cast<Transfer*>(user)->on_body({data, bytes}) ? bytes : bytes + 1;
}

std::size_t write_header(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  const std::size_t bytes = size * count;
  return static_cast<Transfer*>(user)->on_header({data, bytes}) ? bytes : bytes + 1;
}

curl_socket_t open_socket(void* user, curlsocktype purpose, curl_sockaddr* address) noexcept {
  (void)purpose;
  return static_cast<Transfer*>(user)->on_socket(*address);
}

long to_long_ms(std::chrono::milliseconds time) {
  return static_cast<long>(std::clamp<std::int64_t>(time.count(), 1, 24 * 3'600'000));
}

}  // namespace

bool sends_body(Method method, const std::string& body) noexcept {
  switch (method) {
    case Method::kPost:
    case Method::kPut:
    case Method::kPatch:
      return true;
    case Method::kGet:
    case Method::kDelete:
      break;
  }
  return !body.empty();
}

std::unique_ptr<EasyHandle> EasyHandle::create(const HttpClientOptions& options,
                                               const NetworkEnvironment& environment) {
  std::unique_ptr<EasyHandle> made(new EasyHandle);
  made->easy_.reset(curl_easy_init());
  CURL* easy = made->get();
  if (easy == nullptr) return nullptr;
  bool fine = true;
  const auto set = [&](CURLoption option, auto value) { fine &= curl_easy_setopt(easy, option, value) == CURLE_OK; };
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTP_CONTENT_DECODING, 0L);  // See ContentDecoder.
  set(CURLOPT_HTTP09_ALLOWED, 0L);
  set(CURLOPT_BUFFERSIZE, kReceiveBytes);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_DNS_CACHE_TIMEOUT, kDnsSeconds);
  set(CURLOPT_CONNECTTIMEOUT_MS, to_long_ms(options.connect_timeout));
  set(CURLOPT_TIMEOUT_MS, to_long_ms(options.total_timeout));
  set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.stall_bytes_per_second));
  set(CURLOPT_LOW_SPEED_TIME, std::max(1L, (to_long_ms(options.stall_timeout) + 999) / 1000));
  set(CURLOPT_HTTP_VERSION, static_cast<long>(options.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  if (options.http2) set(CURLOPT_PIPEWAIT, 1L);
  set(CURLOPT_SSL_VERIFYPEER, options.verify_tls ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, options.verify_tls ? 2L : 0L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!environment.ca_file.empty()) set(CURLOPT_CAINFO, environment.ca_file.c_str());
  if (!environment.ca_directory.empty()) set(CURLOPT_CAPATH, environment.ca_directory.c_str());
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // What a proxy says to CONNECT is not the answer.
  set(CURLOPT_NOPROXY, environment.no_proxy.c_str());
  if (!options.user_agent.empty()) set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_ERRORBUFFER, made->message_.data());
  set(CURLOPT_WRITEFUNCTION, &write_body);
  set(CURLOPT_HEADERFUNCTION, &write_header);
  set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  if (!fine) return nullptr;
  return made;
}

bool EasyHandle::prepare(Transfer& transfer, curl_slist* headers, bool tls, const NetworkEnvironment& environment) {
  bool fine = true;
  const auto set = [&](CURLoption option, auto value) { fine &= curl_easy_setopt(get(), option, value) == CURLE_OK; };
  const HttpRequest& request = transfer.request;
  const std::string& url = transfer.signed_url.empty() ? request.url : transfer.signed_url;
  const std::string& body = transfer.signed_body.empty() ? request.body : transfer.signed_body;
  message_[0] = '\0';
  set(CURLOPT_URL, url.c_str());
  // Set even when empty: libcurl would look into the environment for each request, and knows no HTTP_PROXY.
  set(CURLOPT_PROXY, tls ? environment.https_proxy.c_str() : environment.http_proxy.c_str());
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_PRIVATE, static_cast<void*>(&transfer));
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&transfer));
  // A write that may not be repeated gets a connection of its own: libcurl sends again by itself when a reused one
  // turns out to be dead.
  set(CURLOPT_FRESH_CONNECT, may_repeat(request) ? 0L : 1L);
  const bool with_body = sends_body(request.method, body);
  if (with_body) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(CURLOPT_POSTFIELDS, body.c_str());
  } else {
    set(CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr));
    set(CURLOPT_HTTPGET, 1L);
  }
  const bool spelled = with_body ? request.method != Method::kPost : request.method != Method::kGet;
  set(CURLOPT_CUSTOMREQUEST, spelled ? to_string(request.method).data() : static_cast<const char*>(nullptr));
  return fine;
}

}  // namespace riptide::stages
