#pragma once

#include <string>

namespace riptide::stages {

/// What the environment says about proxies and certificate authorities. Read once: `getenv` races with `setenv`.
struct NetworkEnvironment {
  std::string http_proxy;  ///< Empty: connect directly.
  std::string https_proxy;
  std::string no_proxy;
  std::string ca_file;  ///< SSL_CERT_FILE; empty: the system's.
  std::string ca_directory;

  /// Reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY (lower case wins, as in curl, which does not know the
  /// upper-case HTTP_PROXY at all), SSL_CERT_FILE and SSL_CERT_DIR.
  static NetworkEnvironment read();
};

}  // namespace riptide::stages
