#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "loop.hpp"
#include "origin.hpp"

// Credentials of the requests: who waits for them, who fetches them, what a refusal means.
namespace riptide::stages {

AuthSession& HttpClient::Loop::session_of(const Auth& auth) {
  auto& session = sessions_[&auth];
  if (!session) session = std::make_unique<AuthSession>(auth);
  return *session;
}

void HttpClient::Loop::want_credentials(AuthSession& session, std::unique_ptr<Transfer> waiting) {
  session.waiting.push_back(std::move(waiting));
  if (std::exchange(session.fetching, true)) return;
  session.refusals = 0;
  Result<std::optional<HttpRequest>> request = token_request_of(session.auth);
  if (!request) {
    session.fetching = false;
    return fail_waiting(session, request.error());
  }
  if (!*request) {
    Result<void> read = session.read_fixed(now());
    if (!read && offline()) {
      // Whoever answers looks at no credentials, and their file may be on another machine.
      session.accept(Credentials{}, now());
      read = {};
    }
    session.fetching = false;
    return read ? resume_waiting(session) : fail_waiting(session, read.error());
  }
  Send send;
  send.request = **std::move(request);
  send.request.retryable = true;
  send.request.auth = nullptr;
  auto transfer = std::make_unique<Transfer>(std::move(send), body_limits_);
  transfer->max_header_bytes = options_.max_header_bytes;
  transfer->token_for = &session;
  const Result<Origin> origin = parse_origin(transfer->request.url);
  const auto& headers = transfer->request.headers;
  if (!origin || !std::all_of(headers.begin(), headers.end(), is_sendable)) {
    session.fetching = false;
    const std::string why = origin ? "a header of the request for credentials cannot be sent" : origin.error().message;
    return fail_waiting(session, Error(ErrorKind::kAuth, why));
  }
  assign(*transfer, *origin);
  enqueue(std::move(transfer));
}

void HttpClient::Loop::token_answered(std::unique_ptr<Transfer> transfer, HttpResponse response) {
  AuthSession& session = *transfer->token_for;
  if ((response.status == 401 || response.status == 403) && session.refusals++ == 0 && phase_ == Phase::kRunning) {
    // Once more with what the description says now: a file may have changed, and a server may have been behind.
    if (Result<std::optional<HttpRequest>> again = token_request_of(session.auth); again && *again) {
      transfer->request.headers = std::move((*again)->headers);
      transfer->request.body = std::move((*again)->body);
    }
    const milliseconds delay = retry_delay(options_.retry, 1, std::nullopt, unit_random());
    return retry(std::move(transfer), fmt::format("HTTP {}", response.status), delay);
  }
  session.fetching = false;
  if (!response.ok()) {
    Error error = http_error(response);
    error.kind = ErrorKind::kAuth;
    const bool refused = response.status == 401 || response.status == 403;
    return fail_waiting(session, std::move(error).within(refused ? fmt::format("the credentials were refused; check {}",
                                                                               session.auth.settings())
                                                                 : "credentials could not be had"));
  }
  Result<Credentials> fresh = read_token_with(session.auth, response);
  if (!fresh) return fail_waiting(session, fresh.error());
  session.accept(std::move(fresh).value(), now());
  resume_waiting(session);
}

void HttpClient::Loop::resume_waiting(AuthSession& session) {
  // In front of what came later, in their own order. Hosts may be added while others are served.
  std::vector<Host*> hosts;
  for (auto& transfer : std::exchange(session.waiting, {})) {
    Host* host = transfer->host;
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
    host->put(std::move(transfer), Host::Place::kFirst);
  }
  for (Host* host : hosts) dispatch(*host);
}

void HttpClient::Loop::fail_waiting(AuthSession& session, const Error& error) {
  for (auto& transfer : std::exchange(session.waiting, {})) deliver(*transfer, pipeline::unexpected(error));
}

}  // namespace riptide::stages
