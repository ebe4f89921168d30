#pragma once

#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "digest_entry.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/state/database.hpp"

namespace riptide::state {

/// What search identifiers found: identity as it was mapped -> identity of what the target found. Any thread.
class FoundIdentities {
 public:
  /// Errors: as of the database.
  [[nodiscard]] pipeline::Result<void> load(Database& database);
  void remember(const Digest& mapped, std::string_view blueprint, std::string_view identifier);
  [[nodiscard]] std::optional<Digest> of(const Digest& mapped) const;
  /// Entities whose search found this one.
  [[nodiscard]] std::vector<Digest> mapped_to(const Digest& found) const;

 private:
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept { return static_cast<std::size_t>(digest.low); }
  };
  mutable std::mutex mutex_;  ///< Guards the two below.
  std::unordered_map<Digest, Digest, DigestHash> found_;
  std::unordered_map<Digest, std::vector<Digest>, DigestHash> mapped_;
};

}  // namespace riptide::state
