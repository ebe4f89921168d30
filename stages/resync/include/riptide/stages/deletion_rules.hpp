#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "riptide/pipeline/result.hpp"

namespace riptide::stages {

/// Which stale entities may go.
enum class DeleteScope : std::uint8_t {
  kAll,     ///< All of them, if everything was read to its end; else none.
  kClosed,  ///< Those of the (kind, partition) scopes that were read to their end.
};

/// Upper bound of what one run may delete at a target: a number of entities, or a share of all that is owned there.
struct MaxDelete {
  std::uint64_t entities = 0;
  double percent = 0;
  bool is_share = false;
  std::string text;  ///< As it was given.

  [[nodiscard]] bool allows(std::uint64_t stale, std::uint64_t owned) const noexcept {
    if (!is_share) return stale <= entities;
    return static_cast<double>(stale) * 100 <= percent * static_cast<double>(owned);
  }
};

/// Reads "200" or "2.5%". Errors: kConfig (neither, or a share over 100 %).
[[nodiscard]] pipeline::Result<MaxDelete> parse_max_delete(std::string_view text);

}  // namespace riptide::stages
