#include "address_guard.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace riptide::stages {
namespace {

struct Block4 {
  std::uint32_t base;
  int bits;
};

/// IANA's special-purpose registry for IPv4, as far as it is not globally reachable.
constexpr std::array<Block4, 15> kSpecial4 = {{
    {0x00000000, 8},   // 0.0.0.0/8, this network
    {0x0a000000, 8},   // 10/8
    {0x64400000, 10},  // 100.64/10, shared
    {0x7f000000, 8},   // 127/8
    {0xa9fe0000, 16},  // 169.254/16, link-local
    {0xac100000, 12},  // 172.16/12
    {0xc0000000, 24},  // 192.0.0/24
    {0xc0000200, 24},  // 192.0.2/24, documentation
    {0xc0586300, 24},  // 192.88.99/24, once 6to4 relays
    {0xc0a80000, 16},  // 192.168/16
    {0xc6120000, 15},  // 198.18/15, benchmarks
    {0xc6336400, 24},  // 198.51.100/24, documentation
    {0xcb007100, 24},  // 203.0.113/24, documentation
    {0xe0000000, 4},   // 224/4, multicast
    {0xf0000000, 4},   // 240/4, reserved, and broadcast
}};

bool is_public4(std::uint32_t address) noexcept {
  return std::none_of(kSpecial4.begin(), kSpecial4.end(),
                      [&](const Block4& block) { return (address ^ block.base) >> (32 - block.bits) == 0; });
}

bool is_public6(const std::array<std::uint8_t, 16>& bytes) noexcept {
  const auto begins = [&](std::initializer_list<std::uint8_t> prefix) {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
  };
  const auto embedded = [&](std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
           std::uint32_t{bytes[at + 3]};
  };
  if (begins({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return is_public4(embedded(12));        // ::ffff:a.b.c.d
  if (begins({0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return is_public4(embedded(12));  // 64:ff9b::/96
  if ((bytes[0] & 0xe0) != 0x20) return false;               // Only 2000::/3 is handed out.
  if (begins({0x20, 0x02})) return is_public4(embedded(2));  // 2002::/16
  return !begins({0x20, 0x01, 0x0d, 0xb8}) && !(begins({0x20, 0x01}) && bytes[2] < 2) && !begins({0x3f, 0xff});
}

constexpr std::array<std::string_view, 8> kTrusted = {".getport.io",    ".port.io",     ".atlassian.com",
                                                      ".atlassian.net", ".octopus.com", ".octopus.app",
                                                      ".github.com",    ".gitlab.com"};

}  // namespace

bool is_public_address(const sockaddr& address) noexcept {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return is_public4(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return is_public6(bytes);
  }
  return false;
}

bool is_trusted_host(std::string_view host) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::any_of(kTrusted.begin(), kTrusted.end(), [&](std::string_view suffix) {
    return host.size() > suffix.size() &&
           std::equal(suffix.begin(), suffix.end(), host.end() - static_cast<std::ptrdiff_t>(suffix.size()),
                      [&](char a, char b) { return a == lower(b); });
  });
}

}  // namespace riptide::stages
