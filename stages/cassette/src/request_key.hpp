#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "riptide/stages/wire.hpp"
#include "scrubber.hpp"

namespace riptide::stages {

/// What tells two requests apart. Headers do not: they are credentials, or the same for all.
struct RequestKey {
  std::string method;
  std::string url;   ///< Scrubbed.
  std::string body;  ///< Scrubbed; empty for one that fetches credentials, whose body holds some.
  bool for_credentials = false;

  [[nodiscard]] std::uint64_t digest() const;
  /// "GET https://...".
  [[nodiscard]] std::string name() const { return method + " " + url; }
};

[[nodiscard]] RequestKey key_of(const Attempt& attempt, const Scrubber& scrubber);

/// A number for text.
[[nodiscard]] std::uint64_t digest_of(std::string_view text, std::uint64_t seed = 0);

}  // namespace riptide::stages
