#include "riptide/stages/server_url.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "riptide/stages/http_message.hpp"

namespace riptide::stages {
namespace {

std::string_view authority_of(std::string_view url, std::size_t begin) {
  return url.substr(begin, url.find_first_of("/?#", begin) - begin);
}

}  // namespace

pipeline::Result<std::string> checked_server_url(std::string_view url, std::string_view setting) {
  const auto wrong = [&](std::string_view what) {
    return pipeline::unexpected(pipeline::ErrorKind::kConfig, fmt::format("{} {}: {}", setting, what, safe_url(url)));
  };
  if (url.empty()) {
    return pipeline::unexpected(pipeline::ErrorKind::kConfig,
                                fmt::format("the server's URL is missing: set {}", setting));
  }
  if (std::any_of(url.begin(), url.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; })) {
    return pipeline::unexpected(pipeline::ErrorKind::kConfig,
                                fmt::format("{} has a blank or a control character in it", setting));
  }
  if (std::find(url.begin(), url.end(), '@') !=
      url.end()) {  // Wherever it stands: the message must not show a password.
    return pipeline::unexpected(pipeline::ErrorKind::kConfig,
                                fmt::format("{} must not have a user name or password in it", setting));
  }
  const std::size_t scheme_end = url.find("://");
  std::string scheme(url.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (scheme != "http" && scheme != "https") return wrong("must begin with http:// or https://");
  const std::string_view authority = authority_of(url, scheme_end + 3);
  if (authority.empty() || authority.front() == ':') return wrong("has no host");
  if (url.find_first_of("?#") != std::string_view::npos) return wrong("must not have a query or a fragment");
  while (url.back() == '/') url.remove_suffix(1);
  return std::string(url);
}

}  // namespace riptide::stages
