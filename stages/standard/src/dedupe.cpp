#include "riptide/stages/dedupe.hpp"

#include <exception>
#include <filesystem>
#include <optional>
#include <utility>

namespace riptide::stages {
namespace {

std::string temporary_directory() {
  std::error_code failed;
  const auto path = std::filesystem::temp_directory_path(failed);
  return failed ? std::string("/tmp") : path.string();
}

}  // namespace

Dedupe::Dedupe(std::shared_ptr<const JqProgram> key, std::size_t memory_bytes)
    : key_(std::move(key)), seen_({.memory_bytes = memory_bytes, .directory = temporary_directory()}) {}

Result<bool> Dedupe::is_first(std::string_view json) {
  std::optional<std::string> key;
  if (key_ != nullptr) {
    auto found = key_->first(json);
    if (!found) return pipeline::unexpected(std::move(found).error());
    if (!*found) return true;
    key = std::move(*found);
  }
  try {
    return seen_.note(pipeline::digest_of(key ? *key : json), 0, 0) == pipeline::SeenSet::Sighting::kNew;
  } catch (const std::exception& thrown) {
    return pipeline::unexpected(pipeline::ErrorKind::kInternal, thrown.what());
  }
}

}  // namespace riptide::stages
