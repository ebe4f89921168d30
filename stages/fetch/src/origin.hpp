#pragma once

#include <string>
#include <string_view>

#include "riptide/stages/http_message.hpp"

namespace riptide::stages {

/// Where a request goes: what limits, pauses and statistics are kept by.
struct Origin {
  std::string name;  ///< scheme://host:port in lower case, the port always given.
  bool tls = false;

  /// The host alone, an IPv6 address in its brackets.
  [[nodiscard]] std::string_view host() const noexcept;
};

/// Reads the origin of an absolute http or https URL. Errors: kConfig (another scheme, no host, spaces or control
/// characters).
Result<Origin> parse_origin(std::string_view url);

/// Says whether a name and value can be sent as a header: a token, and a value without line breaks and NULs
/// (RFC 9110 section 5.5).
bool is_sendable(const Header& header) noexcept;

}  // namespace riptide::stages
