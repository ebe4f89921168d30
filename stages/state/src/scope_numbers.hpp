#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "riptide/pipeline/result.hpp"
#include "riptide/state/database.hpp"

namespace riptide::state {

/// Numbers of scopes: entries name kind and partition by them. From 1. Any thread.
class ScopeNumbers {
 public:
  /// Errors: as of the database.
  [[nodiscard]] pipeline::Result<void> load(Database& database);
  struct Number {
    std::uint32_t number = 0;
    bool is_new = false;
  };
  [[nodiscard]] Number number(std::string_view kind, std::string_view partition);
  /// Kind and partition; empty for a number that is not there.
  [[nodiscard]] std::pair<std::string, std::string> name(std::uint32_t number) const;

 private:
  mutable std::mutex mutex_;  ///< Guards the two below.
  std::unordered_map<std::uint32_t, std::pair<std::string, std::string>> names_;
  std::map<std::pair<std::string, std::string>, std::uint32_t> numbers_;
};

}  // namespace riptide::state
