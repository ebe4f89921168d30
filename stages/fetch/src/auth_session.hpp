#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "riptide/stages/auth.hpp"
#include "transfer.hpp"

namespace riptide::stages {

/// The credentials that one `Auth` gave, and who waits for them. One request for new ones at a time. Belongs to the I/O
/// thread.
struct AuthSession {
  explicit AuthSession(const Auth& description) : auth(description) {}

  const Auth& auth;
  std::optional<Credentials> credentials;
  SteadyClock::time_point expires = SteadyClock::time_point::max();
  std::uint64_t generation = 0;  ///< Counts the credentials: a 401 to older ones says nothing about these.
  bool fetching = false;
  int refusals = 0;  ///< Of the token request that is under way.
  std::vector<std::unique_ptr<Transfer>> waiting;

  [[nodiscard]] bool usable(SteadyClock::time_point now) const noexcept { return credentials && now < expires; }
  void accept(Credentials fresh, SteadyClock::time_point now);
  /// Reads credentials that need no request. Errors: kAuth.
  Result<void> read_fixed(SteadyClock::time_point now);
};

/// Calls into a user's `Auth` with exceptions turned into errors. Errors: kAuth.
Result<std::optional<HttpRequest>> token_request_of(const Auth& auth);
Result<Credentials> read_token_with(const Auth& auth, const HttpResponse& response);

}  // namespace riptide::stages
