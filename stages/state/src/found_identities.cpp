#include "found_identities.hpp"

#include <algorithm>
#include <utility>

namespace riptide::state {

using pipeline::Result;
using pipeline::unexpected;

Result<void> FoundIdentities::load(Database& database) {
  auto rows = database.prepare("SELECT identity, blueprint, identifier FROM digest_found");
  if (!rows) return unexpected(std::move(rows).error());
  while (true) {
    auto row = rows->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return {};
    Digest mapped;
    const std::string_view bytes = rows->bytes(0);
    if (bytes.size() != sizeof(mapped)) continue;
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(&mapped));
    remember(mapped, rows->text(1), rows->text(2));
  }
}

void FoundIdentities::remember(const Digest& mapped, std::string_view blueprint, std::string_view identifier) {
  const Digest what = pipeline::identity_digest(blueprint, identifier);
  const std::lock_guard lock(mutex_);
  found_.insert_or_assign(mapped, what);
  auto& by = mapped_[what];
  if (std::find(by.begin(), by.end(), mapped) == by.end()) by.push_back(mapped);
}

std::optional<Digest> FoundIdentities::of(const Digest& mapped) const {
  const std::lock_guard lock(mutex_);
  const auto at = found_.find(mapped);
  return at == found_.end() ? std::nullopt : std::optional(at->second);
}

std::vector<Digest> FoundIdentities::mapped_to(const Digest& found) const {
  const std::lock_guard lock(mutex_);
  const auto at = mapped_.find(found);
  return at == mapped_.end() ? std::vector<Digest>() : at->second;
}

}  // namespace riptide::state
