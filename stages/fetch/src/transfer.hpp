#pragma once

#include <curl/curl.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "body.hpp"
#include "easy_handle.hpp"
#include "riptide/stages/http_client.hpp"
#include "riptide/stages/wire.hpp"

namespace riptide::stages {

using SteadyClock = std::chrono::steady_clock;

struct AuthSession;
struct Host;

struct SlistCleanup {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using HeaderSlist = std::unique_ptr<curl_slist, SlistCleanup>;

/// One request through all its attempts. Lives in exactly one place at a time: a host's queue, a timer, the list of
/// those that wait for credentials, or the running ones. Belongs to the I/O thread.
struct Transfer {
  Transfer(Send send, const BodyLimits& limits);

  // Of the request.
  HttpRequest request;
  std::function<void(Result<HttpResponse>)> done;
  std::string safe_url;
  Host* host = nullptr;
  std::size_t lane = 0;  ///< Of the host: its quota group.
  bool tls = false;
  AuthSession* session = nullptr;    ///< Who signs it.
  AuthSession* token_for = nullptr;  ///< Set on a request that fetches credentials; it has no `done`.
  int attempts = 0;
  int max_attempts = 0;    ///< 0: as the policy says.
  bool refreshed = false;  ///< Its credentials were already renewed once because of it.
  std::uint64_t credentials_generation = 0;

  // Of the current attempt.
  std::unique_ptr<EasyHandle> handle;
  HeaderSlist sent_headers;
  std::string signed_url;   ///< The request's, with what the credentials add to it; empty if they add nothing.
  std::string signed_body;  ///< Likewise.
  SteadyClock::time_point started;
  std::size_t running_index = 0;
  Body body;
  int status = 0;
  std::vector<Header> headers;
  std::size_t header_bytes = 0;
  ContentCoding coding = ContentCoding::kIdentity;
  bool body_begun = false;
  std::size_t max_header_bytes = 0;
  bool guarded = false;                 ///< Only public addresses may be contacted.
  bool address_refused = false;         ///< One was not.
  std::optional<Error> failure;         ///< Why we broke the attempt off, or cannot read it.
  std::optional<AttemptEnding> ending;  ///< Of an attempt that the wire answers: it comes when its timer fires.

  /// Takes the credentials of its session, which are usable, for the next attempt.
  void sign();
  /// Forgets the last attempt.
  void restart() noexcept;
  /// Opens the socket to an address, if it may be contacted.
  curl_socket_t on_socket(const curl_sockaddr& address);
  /// One header line, as libcurl hands it over. False breaks the attempt off.
  bool on_header(std::string_view line);
  /// A piece of the body. False breaks the attempt off.
  bool on_body(std::string_view bytes);
};

}  // namespace riptide::stages
