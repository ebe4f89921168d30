#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// What a request is signed with, and for how long.
struct Credentials {
  std::vector<Header> headers;
  /// From the moment that the token was fetched; nothing means that it does not run out.
  std::optional<std::chrono::seconds> lifetime;
  std::vector<std::pair<std::string, std::string>> query;  ///< Parameters, in place of those of the same names.
  std::string body;  ///< A JSON object whose members are put over those of the body; empty for none.
};

/// The value of an `Authorization` header for a name and a password.
[[nodiscard]] std::string basic_authorization(std::string_view name, std::string_view password);

/// Returns the URL with query parameters, in place of those of the same names.
[[nodiscard]] std::string with_query(std::string_view url,
                                     const std::vector<std::pair<std::string, std::string>>& parameters);

/// Returns a JSON object with the members of another put over its own. `object` may be empty; what is no object is
/// returned as it is.
[[nodiscard]] std::string with_members(std::string_view object, std::string_view members);

/// Says how requests of a source or sink are signed. A pure description: whoever sends the requests owns the state, the
/// clock and the single flight, applies `Credentials` to each request, and on a 401 asks once for new ones.
class Auth {
 public:
  virtual ~Auth() = default;

  /// The request that fetches credentials; nothing for fixed ones (an API key), which `fixed()` then returns.
  [[nodiscard]] virtual std::optional<HttpRequest> token_request() const { return std::nullopt; }
  /// The credentials that need no request. Called again on a refresh (a file may have changed).
  [[nodiscard]] virtual Result<Credentials> fixed() const { return Credentials{}; }
  /// Reads the answer to `token_request()` (2xx only). Errors: kMalformed.
  [[nodiscard]] virtual Result<Credentials> read_token(const HttpResponse& response) const;
  /// The settings that hold the credentials, for the message that they were refused, e.g. "A and B".
  [[nodiscard]] virtual std::string_view settings() const noexcept { return "them"; }
};

}  // namespace riptide::stages
