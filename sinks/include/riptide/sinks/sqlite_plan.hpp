#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/stages/sink.hpp"

namespace riptide::sinks {

/// The embedded catalogue for a plan: says what `SqliteSink` would do, and writes nothing. A file that is not there is
/// an empty catalogue, and is not made.
///
/// A file at rest is opened as one that nobody changes, so that nothing appears beside it; if it was changed all the
/// same, `finish` says so. A file that another process is writing (its log lies beside it) is read as it was at `open`.
class SqlitePlan final : public stages::LocalSink {
 public:
  SqlitePlan(std::string path, stages::SinkContext context);
  ~SqlitePlan() override;

  [[nodiscard]] std::string_view spec() const noexcept override { return spec_; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override { return {}; }
  [[nodiscard]] bool owns_by_kind() const noexcept override { return true; }
  [[nodiscard]] bool can_delete() const noexcept override { return true; }

  /// Errors: kConfig, as `SqliteSink::open`.
  [[nodiscard]] pipeline::Result<void> open() override;
  [[nodiscard]] pipeline::Result<std::vector<stages::Outcome>> write(const stages::Batch& batch) override;
  [[nodiscard]] pipeline::Result<void> owned(std::span<const std::uint32_t> resources,
                                             const std::function<bool(const stages::OwnedEntity&)>& visit) override;
  /// Errors: kRejected (another process wrote to the file meanwhile).
  [[nodiscard]] pipeline::Result<void> finish(stages::Finish how) override;

 private:
  struct State;
  [[nodiscard]] bool is_empty() const noexcept;
  const std::string path_;
  const stages::SinkContext context_;
  const std::string spec_;
  std::unique_ptr<State> state_;
};

}  // namespace riptide::sinks
