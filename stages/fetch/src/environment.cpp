#include "environment.hpp"

#include <cstdlib>

namespace riptide::stages {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string either(const char* lower_case, const char* upper_case) {
  std::string value = variable(lower_case);
  return value.empty() ? variable(upper_case) : value;
}

}  // namespace

NetworkEnvironment NetworkEnvironment::read() {
  NetworkEnvironment environment;
  const std::string all = either("all_proxy", "ALL_PROXY");
  environment.http_proxy = either("http_proxy", "HTTP_PROXY");
  if (environment.http_proxy.empty()) environment.http_proxy = all;
  environment.https_proxy = either("https_proxy", "HTTPS_PROXY");
  if (environment.https_proxy.empty()) environment.https_proxy = all;
  environment.no_proxy = either("no_proxy", "NO_PROXY");
  environment.ca_file = variable("SSL_CERT_FILE");
  environment.ca_directory = variable("SSL_CERT_DIR");
  return environment;
}

}  // namespace riptide::stages
