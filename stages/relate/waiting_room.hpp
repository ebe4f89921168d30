#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relate/relation_values.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/pipeline/seen_set.hpp"
#include "riptide/state/database.hpp"

namespace riptide::stages {

/// Entities that may not be sent yet, since the target refuses an entity that relates to one which is not there. They
/// lie in a file of their own that dies with the process, as bytes; in memory there is nothing that grows with them.
/// When all has been read they come out again, parents first.
///
/// An entity waits for the others here whose identifier it relates to, whatever their blueprint: a relation does not
/// tell. What relates to nobody here comes at once: it is there already, or never will be. In a cycle all that is left
/// comes together, as it came in. Linear in entities and relations, but for the file's index.
class WaitingRoom {
 public:
  /// @param path Of the file; made anew. Errors: those of `state::Database`.
  [[nodiscard]] static pipeline::Result<std::unique_ptr<WaitingRoom>> open(const std::string& path);

  // While the run reads.

  /// Whether an entity must wait: it relates to one that was not confirmed in this run. One thread at a time.
  [[nodiscard]] bool must_wait(const pipeline::EntityBuffer& buffer, const pipeline::Entity& entity);
  /// Notes that the target holds an entity now. What is not noted for want of memory only waits longer. Any thread.
  void confirm(std::string_view identifier);
  /// Keeps entities. Blocks on the disk; any thread. Errors: those of `state::Database`.
  [[nodiscard]] pipeline::Result<void> keep(const pipeline::EntityBuffer& entities);

  // When it has been read.

  /// Finds who waits for whom among those that are here. To be called before `take`, and again when entities came back
  /// after all others had gone.
  [[nodiscard]] pipeline::Result<void> order();
  /// Takes out entities that wait for nobody, about `bytes` of them, each identity once; appends them to `out`. Nothing
  /// appended: `order` must be called again, or nobody is left.
  [[nodiscard]] pipeline::Result<void> take(std::size_t bytes, pipeline::EntityBuffer& out);
  /// What was taken last is settled: who waited for it waits no more.
  [[nodiscard]] pipeline::Result<void> settled();

  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }

 private:
  WaitingRoom() = default;
  [[nodiscard]] pipeline::Result<void> prepare();
  [[nodiscard]] pipeline::Result<void> keep_one(const pipeline::EntityBuffer& buffer, const pipeline::Entity& entity);
  [[nodiscard]] pipeline::Result<bool> release_rest();

  RelationValues values_;  ///< Of `must_wait`.
  pipeline::SeenSet confirmed_;
  std::atomic<std::size_t> confirmed_count_{0};
  std::atomic<std::size_t> size_{0};

  std::mutex mutex_;  ///< Guards all below: the file is for one thread at a time.
  state::Database file_;
  RelationValues kept_values_;
  state::Statement insert_, insert_body_, insert_edge_, ready_, remove_, remove_body_, held_, children_, unlock_,
      remove_edges_;
  std::vector<std::int64_t> taken_;  ///< Keys of what was taken last.
};

}  // namespace riptide::stages
