#include "jira_auth.hpp"

namespace riptide::sources::jira {
namespace {

/// How long a token is taken as it is: whoever renews the file does so well before the old token ends.
constexpr std::chrono::seconds kTokenAge{60};

std::string_view without_line_end(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

pipeline::Result<stages::Credentials> FixedAuthorization::fixed() const {
  return stages::Credentials{.headers = {{"Authorization", value_.reveal()}}};
}

pipeline::Result<stages::Credentials> RenewedBearer::fixed() const {
  const auto read = read_();
  std::string_view token = read ? without_line_end(read->reveal()) : std::string_view();
  if (token.empty()) token = fallback_.reveal();
  return stages::Credentials{.headers = {{"Authorization", "Bearer " + std::string(token)}}, .lifetime = kTokenAge};
}

}  // namespace riptide::sources::jira
