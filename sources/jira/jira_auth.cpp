#include "jira_auth.hpp"

#include <cstdint>

namespace riptide::sources::jira {
namespace {

/// How long a token is taken as it is: whoever renews the file does so well before the old token ends.
constexpr std::chrono::seconds kTokenAge{60};

std::string base64(std::string_view text) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k > text.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63u];
    }
  }
  return out;
}

std::string_view without_line_end(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string basic_authorization(const std::string& name, const std::string& password) {
  return "Basic " + base64(name + ":" + password);
}

pipeline::Result<stages::Credentials> FixedAuthorization::fixed() const {
  return stages::Credentials{{{"Authorization", value_.reveal()}}, std::nullopt};
}

pipeline::Result<stages::Credentials> RenewedBearer::fixed() const {
  const auto read = read_();
  std::string_view token = read ? without_line_end(read->reveal()) : std::string_view();
  if (token.empty()) token = fallback_.reveal();
  return stages::Credentials{{{"Authorization", "Bearer " + std::string(token)}}, kTokenAge};
}

}  // namespace riptide::sources::jira
