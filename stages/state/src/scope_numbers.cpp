#include "scope_numbers.hpp"

namespace riptide::state {

using pipeline::Result;
using pipeline::unexpected;

Result<void> ScopeNumbers::load(Database& database) {
  auto rows = database.prepare("SELECT number, kind, partition FROM digest_scopes");
  if (!rows) return unexpected(std::move(rows).error());
  const std::lock_guard lock(mutex_);
  while (true) {
    auto row = rows->step();
    if (!row) return unexpected(std::move(row).error());
    if (!*row) return {};
    const std::pair name(std::string(rows->text(1)), std::string(rows->text(2)));
    const auto number = static_cast<std::uint32_t>(rows->integer(0));
    numbers_.emplace(name, number);
    names_.emplace(number, name);
  }
}

ScopeNumbers::Number ScopeNumbers::number(std::string_view kind, std::string_view partition) {
  const std::lock_guard lock(mutex_);
  const auto [at, is_new] = numbers_.emplace(std::pair(std::string(kind), std::string(partition)),
                                             static_cast<std::uint32_t>(numbers_.size() + 1));
  if (is_new) names_.emplace(at->second, at->first);
  return {at->second, is_new};
}

std::pair<std::string, std::string> ScopeNumbers::name(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  const auto at = names_.find(number);
  return at == names_.end() ? std::pair<std::string, std::string>() : at->second;
}

}  // namespace riptide::state
