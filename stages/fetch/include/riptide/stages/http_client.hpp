#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/credits.hpp"
#include "riptide/pipeline/page.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/host_limits.hpp"
#include "riptide/stages/http_message.hpp"
#include "riptide/stages/retry_policy.hpp"
#include "riptide/stages/transport.hpp"

namespace riptide::stages {

class Wire;

/// Limits and timeouts of a client, and whom it tells.
struct HttpClientOptions {
  std::string name;                         ///< Of the thread and in messages: "source", "sink".
  std::size_t max_in_flight_per_host = 32;  ///< Requests at once; the rest waits in order.
  /// The client itself finds how many requests at once a host takes well, between this and the maximum. It starts with
  /// the maximum, or 32 where that is more.
  std::size_t least_in_flight_per_host = 1;
  std::vector<HostLimits> host_limits = {};  ///< Declared in advance.
  RetryPolicy retry;
  milliseconds connect_timeout{10'000};
  milliseconds total_timeout{60'000};
  milliseconds stall_timeout{30'000};  ///< Under `stall_bytes_per_second` for this long ends the attempt.
  std::size_t stall_bytes_per_second = 1;
  std::size_t max_body_bytes = 64u << 20;  ///< After decompression.
  std::size_t max_header_bytes = 256u << 10;
  bool verify_tls = true;
  std::string user_agent;
  /// False refuses, whatever the name says and after it was resolved, every address that is not of the public internet:
  /// for hosted use, where users choose the URLs. Not for what a proxy connects to; vendors' own domains are excepted.
  bool allow_private_addresses = true;
  bool http2 = false;  ///< HTTP/1.1 keep-alive costs less CPU where the server allows many connections.
  /// Finished answers are handed over together, at most this long after the first of them, unless nothing else is in
  /// flight: worker threads that are woken for every single page spin in between.
  milliseconds hand_over_delay{0};
  std::uint64_t seed = 0;  ///< Of the jitter; 0 takes one from the system.
  /// Watches or answers every attempt; null: the network does. Borrowed, of this client alone.
  Wire* wire = nullptr;
  pipeline::CreditPool* body_credits =
      nullptr;                          ///< Bodies grow under it; null leaves them unbounded but for max_body_bytes.
  pipeline::PagePool* pages = nullptr;  ///< Where body buffers come from; null allocates each.
  /// Called on the I/O thread before a retry waits: the URL and the reason ("HTTP 503", or what broke) are safe to
  /// show; `attempt` is the one that failed. Must not throw or block. May be null.
  std::function<void(std::string_view safe_url, std::string_view why, milliseconds delay, int attempt)> on_retry;
  /// Called on the I/O thread when a quota of a host is spent and its requests wait for a second or longer. Must not
  /// throw or block. May be null.
  std::function<void(std::string_view host, std::string_view quota_group, milliseconds wait)> on_quota_wait;
};

/// Sends requests: one I/O thread with a curl multi, retries as timers, limits per host. Free of TBB.
///
/// Retries: transport errors and truncated bodies, and the statuses 401 (once, after fresh credentials), 408, 429, 502,
/// 503, 504, and 500 on GET, of requests that are `retryable` or GET. `Retry-After` and `x-ratelimit-reset` as seconds,
/// epoch, ISO 8601 or HTTP date. A 429, or a 503 with Retry-After, pauses the whole host. Quotas that answers tell of
/// (`x-ratelimit-*`, `ratelimit-*`, `RateLimit`) and declared ones are never overdrawn. No redirect is followed; http
/// and https only; gzip and deflate are decoded; proxies and CA files come from the environment (HTTP_PROXY,
/// HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR).
class HttpClient final : public Transport {
 public:
  /// Starts the I/O thread. `curl_global_init` must have been called (see `HttpRuntime`). Errors: kInternal.
  static Result<std::unique_ptr<HttpClient>> start(HttpClientOptions options);
  /// Ends with every `done` called (kStopped for what was still open), then joins the thread.
  ~HttpClient() override;

  void send(Send send) override;
  /// Hands several over at the cost of one wake-up.
  void send_all(std::vector<Send> sends);
  void drain() override;
  void abort() override;
  [[nodiscard]] std::vector<HostStats> stats() const override;

 private:
  class Loop;
  explicit HttpClient(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

/// Initialises and releases the process-wide parts of libcurl. Create one in main, before any thread.
class HttpRuntime {
 public:
  HttpRuntime();
  ~HttpRuntime();
  HttpRuntime(const HttpRuntime&) = delete;
  HttpRuntime& operator=(const HttpRuntime&) = delete;
};

}  // namespace riptide::stages
