#include "auth_session.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "origin.hpp"

namespace riptide::stages {
namespace {

/// A lifetime of nothing would renew the credentials for ever without sending anything with them.
constexpr std::chrono::seconds kShortestLife{1};
constexpr std::chrono::seconds kLongestLife = std::chrono::hours(24 * 365);

template <class T>
Result<T> as_auth_error(Result<T> result) {
  if (result) return result;
  Error error = std::move(result).error();
  error.kind = ErrorKind::kAuth;
  return pipeline::unexpected(std::move(error).within("credentials could not be had"));
}

Result<Credentials> checked(Result<Credentials> credentials) {
  if (!credentials) return credentials;
  for (const Header& header : credentials->headers) {
    if (!is_sendable(header)) {
      return pipeline::unexpected(
          ErrorKind::kAuth,
          "a credential holds a line break or another character that no header can carry; check "
          "the token or key: header " +
              header.name);
    }
  }
  return credentials;
}

template <class Call>
auto guarded_call(Call&& call) -> decltype(call()) {
  try {
    return as_auth_error(call());
  } catch (const std::exception& failure) {
    return pipeline::unexpected(ErrorKind::kAuth, std::string("credentials could not be had: ") + failure.what());
  }
}

}  // namespace

void AuthSession::accept(Credentials fresh, SteadyClock::time_point now) {
  expires = SteadyClock::time_point::max();
  if (fresh.lifetime) expires = now + std::clamp(*fresh.lifetime, kShortestLife, kLongestLife);
  credentials = std::move(fresh);
  ++generation;
}

Result<void> AuthSession::read_fixed(SteadyClock::time_point now) {
  Result<Credentials> fresh = guarded_call([&] { return checked(auth.fixed()); });
  if (!fresh) return pipeline::unexpected(std::move(fresh).error());
  accept(std::move(fresh).value(), now);
  return {};
}

Result<std::optional<HttpRequest>> token_request_of(const Auth& auth) {
  return guarded_call([&] { return Result<std::optional<HttpRequest>>(auth.token_request()); });
}

Result<Credentials> read_token_with(const Auth& auth, const HttpResponse& response) {
  return guarded_call([&] { return checked(auth.read_token(response)); });
}

}  // namespace riptide::stages
