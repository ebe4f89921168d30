#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "paginate/scope_book.hpp"

namespace riptide::stages {

/// A scope of a book as it stood.
struct ScopeStanding {
  std::string partition;
  bool closed = false;
  std::uint64_t pages_expected = 0;
  std::uint64_t pages_read = 0;
  std::string error;
};

inline std::vector<ScopeStanding> standings(const ScopeBook& book) {
  std::vector<ScopeStanding> all;
  book.visit([&](const ScopeBook::ScopeState& scope) {
    all.push_back(
        {std::string(scope.partition), scope.closed, scope.pages_expected, scope.pages_read, std::string(scope.error)});
  });
  return all;
}

}  // namespace riptide::stages
