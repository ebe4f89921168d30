#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/stages/sink.hpp"

namespace riptide::sinks {

/// The embedded catalogue: one row an entity in the table `entities` of a SQLite file, and a view a blueprint with one
/// column a property and relation. The tables and views are described in sinks/sqlite/README.md.
///
/// A row is rewritten only if something in it changes: the entity, or the kind or scope that it was read in. The write
/// lock is held from `open` to `finish`, but for a moment every `rows_per_commit` changed rows; readers are never kept
/// out. Being killed costs what was not committed yet, never the file.
class SqliteSink final : public stages::LocalSink {
 public:
  /// The file, and who writes to it.
  struct Options {
    std::string path;
    stages::SinkContext context;
    /// Returns the time now in ISO 8601, as it is stored in `first_seen` and `updated_at`. Called once a batch.
    std::function<std::string()> now;
    std::size_t rows_per_commit = 50'000;
    std::chrono::milliseconds open_timeout{250};  ///< How long `open` waits for another process to let go.
  };

  explicit SqliteSink(Options options);
  ~SqliteSink() override;

  [[nodiscard]] std::string_view spec() const noexcept override { return spec_; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override { return {}; }
  [[nodiscard]] bool owns_by_kind() const noexcept override { return true; }
  [[nodiscard]] bool can_delete() const noexcept override { return true; }
  [[nodiscard]] bool can_resume() const noexcept override { return true; }

  /// Errors, naming the file: kConfig (no such directory, not a database, another's table `entities`, made by a later
  /// riptide), kRejected (held by another process).
  [[nodiscard]] pipeline::Result<void> open() override;
  /// Errors: kTransport (disk full or failing), kRejected (another process took the file).
  [[nodiscard]] pipeline::Result<std::vector<stages::Outcome>> write(const stages::Batch& batch) override;
  [[nodiscard]] bool is_kept() const noexcept override;
  /// Commits, with the views. Errors: as of `write`.
  [[nodiscard]] pipeline::Result<void> keep() override;
  [[nodiscard]] std::string catalogue_name() const override;
  /// Walks the rows of this integration whose kind is that of one of the resources. The walk must not write.
  [[nodiscard]] pipeline::Result<void> owned(std::span<const std::uint32_t> resources,
                                             const std::function<bool(const stages::OwnedEntity&)>& visit) override;
  /// Removes all of them or, on an error, none.
  [[nodiscard]] pipeline::Result<std::size_t> remove(std::span<const stages::OwnedEntity> entities) override;
  /// Brings the views up to date and commits; what was written stands however the run ends.
  [[nodiscard]] pipeline::Result<void> finish(stages::Finish how) override;

 private:
  [[nodiscard]] pipeline::Result<void> refresh_views();
  struct State;
  Options options_;
  std::string spec_;
  std::unique_ptr<State> state_;
};

}  // namespace riptide::sinks
