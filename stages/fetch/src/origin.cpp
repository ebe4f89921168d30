#include "origin.hpp"

#include <algorithm>

namespace riptide::stages {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool starts_with(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) { return a == lower(b); });
}

/// Without the bytes that a terminal would act on.
std::string shown(std::string_view url) {
  std::string text = safe_url(url);
  std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return text;
}

}  // namespace

Result<Origin> parse_origin(std::string_view url) {
  const auto refuse = [&](std::string_view why) {
    return pipeline::unexpected(ErrorKind::kConfig, std::string(why) + ": " + shown(url));
  };
  Origin origin;
  std::size_t scheme = 0;
  if (starts_with(url, "http://")) {
    scheme = 7;
  } else if (starts_with(url, "https://")) {
    scheme = 8;
    origin.tls = true;
  } else {
    return refuse("the URL must begin with http:// or https://");
  }
  if (std::any_of(url.begin(), url.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; })) {
    return refuse("the URL holds a space or a control character");
  }
  std::string_view authority = url.substr(scheme);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  const auto bracket = authority.rfind(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view host = authority.substr(0, colon);
  if (host.empty()) return refuse("the URL names no host");
  std::string_view port = colon == std::string_view::npos ? std::string_view{} : authority.substr(colon + 1);
  if (port.empty()) port = origin.tls ? "443" : "80";
  origin.name.reserve(scheme + host.size() + port.size() + 1);
  origin.name.append(origin.tls ? "https://" : "http://");
  std::transform(host.begin(), host.end(), std::back_inserter(origin.name), lower);
  origin.name.append(":").append(port);
  return origin;
}

std::string_view Origin::host() const noexcept {
  std::string_view text = name;
  text.remove_prefix(std::min(text.size(), text.find("://") + 3));
  return text.substr(0, text.rfind(':'));
}

bool is_sendable(const Header& header) noexcept {
  static constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  const auto in_token = [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || kTokenMarks.find(c) != kTokenMarks.npos;
  };
  return !header.name.empty() && std::all_of(header.name.begin(), header.name.end(), in_token) &&
         header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos;
}

}  // namespace riptide::stages
