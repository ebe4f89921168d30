#pragma once

#include <string_view>

struct sockaddr;

namespace riptide::stages {

/// Says whether an address is one of the public internet: not private, loopback, link-local (where clouds keep their
/// metadata), shared (100.64/10), multicast, reserved, for documentation or unspecified, nor one of these inside an
/// IPv6 address (mapped, NAT64, 6to4). What is neither IPv4 nor IPv6 is not.
[[nodiscard]] bool is_public_address(const sockaddr& address) noexcept;

/// Says whether a host belongs to a vendor that may be reached at any address, e.g. over a private link: Ocean's list.
[[nodiscard]] bool is_trusted_host(std::string_view host) noexcept;

}  // namespace riptide::stages
