#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

#include "riptide/stages/http_client.hpp"

namespace riptide::stages {

/// What is known about an attempt that brought no answer.
struct TransportFailure {
  CURLcode code = CURLE_OK;
  int os_error = 0;          ///< errno of the failed call, 0 if none.
  std::string_view message;  ///< libcurl's own words.
  bool connected = false;    ///< The connection stood when it failed.
  bool proxied = false;
};

/// Says whether another attempt is pointless: a certificate does not get better by asking again.
[[nodiscard]] bool is_permanent(CURLcode code) noexcept;

/// Words a failed attempt so that the user knows what to change. kTransport, or kConfig for a URL that is none.
[[nodiscard]] Error transport_error(const TransportFailure& failure, std::string_view safe_url,
                                    const HttpClientOptions& options);

}  // namespace riptide::stages
