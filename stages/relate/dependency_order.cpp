#include "relate/dependency_order.hpp"

#include <string_view>
#include <unordered_map>
#include <utility>

namespace riptide::stages {

std::vector<std::vector<std::size_t>> dependents_first(std::span<const OwnedEntity> entities) {
  std::unordered_multimap<std::string_view, std::size_t> by_identifier;
  by_identifier.reserve(entities.size());
  for (std::size_t i = 0; i < entities.size(); ++i) by_identifier.emplace(entities[i].identifier, i);

  // Edges from a dependent to what it relates to, and how many dependents each still has.
  std::vector<std::vector<std::size_t>> leads_to(entities.size());
  std::vector<std::size_t> dependents(entities.size(), 0);
  for (std::size_t i = 0; i < entities.size(); ++i) {
    for (const std::string& related : entities[i].related) {
      const auto [begin, end] = by_identifier.equal_range(related);
      for (auto at = begin; at != end; ++at) {
        if (at->second == i) continue;
        leads_to[i].push_back(at->second);
        ++dependents[at->second];
      }
    }
  }

  std::vector<std::vector<std::size_t>> levels;
  std::vector<std::size_t> level;
  std::vector<bool> placed(entities.size(), false);
  for (std::size_t i = 0; i < entities.size(); ++i) {
    if (dependents[i] == 0) level.push_back(i);
  }
  std::size_t first_open = 0;
  while (true) {
    if (level.empty()) {
      while (first_open < entities.size() && placed[first_open]) ++first_open;
      if (first_open == entities.size()) return levels;
      level.push_back(first_open);  // Breaks a cycle.
    }
    std::vector<std::size_t> next;
    for (const std::size_t i : level) placed[i] = true;
    for (const std::size_t i : level) {
      for (const std::size_t target : leads_to[i]) {
        if (--dependents[target] == 0 && !placed[target]) next.push_back(target);
      }
    }
    levels.push_back(std::exchange(level, std::move(next)));
  }
}

}  // namespace riptide::stages
