#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "plan/spool.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/sink.hpp"

namespace riptide::stages {

/// Entities that may have to go, in the order in which they came: in memory up to a bound, past that on disk. One
/// thread.
class StaleList {
 public:
  /// So many are in memory: of a list that is being made, and of one that is being gone through.
  static constexpr std::size_t kInMemory = 50'000;

  /// The file is made in this directory, as of `Spool`.
  explicit StaleList(std::string directory) : spool_(std::move(directory)) {}

  void add(const OwnedEntity& entity);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Calls `visit` with parts of at most `most` entities, in order, until it fails. Errors: those of `visit`, and
  /// kTransport (the disk).
  [[nodiscard]] pipeline::Result<void> each_part(
      std::size_t most, const std::function<pipeline::Result<void>(std::vector<OwnedEntity>&)>& visit);

 private:
  [[nodiscard]] bool in_memory() const noexcept { return size_ == memory_.size(); }

  std::vector<OwnedEntity> memory_;  ///< All of them, or none.
  Spool spool_;
  std::size_t size_ = 0;
};

}  // namespace riptide::stages
