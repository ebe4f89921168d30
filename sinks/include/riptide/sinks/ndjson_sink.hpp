#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/stages/sink.hpp"

namespace riptide::sinks {

/// Writes one line an entity, exactly the object that Port would be sent.
///
/// A regular file is written as `FILE.partial` and takes its name when the run ends well; else it stays where it is.
/// An identity that is read twice leaves one line, the last (after a failed write, all of its whole lines). Order is
/// unspecified. stdout ("-"), pipes and devices are
/// written as the entities come: what went out cannot be taken back.
/// Every entity counts as updated. Memory: about 25 bytes an entity, to know identities that come again.
class NdjsonSink final : public stages::LocalSink {
 public:
  /// @param path A file, or "-" for stdout.
  explicit NdjsonSink(std::string path);
  ~NdjsonSink() override;

  [[nodiscard]] std::string_view spec() const noexcept override { return spec_; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override { return {}; }
  [[nodiscard]] bool takes_any() const noexcept override { return true; }

  /// Errors: kConfig (a directory, no right to write), kRejected (another process writes `FILE.partial`).
  [[nodiscard]] pipeline::Result<void> open() override;
  /// Errors: kTransport (disk full, a closed pipe), naming the file.
  [[nodiscard]] pipeline::Result<std::vector<stages::Outcome>> write(const stages::Batch& batch) override;
  [[nodiscard]] pipeline::Result<void> finish(stages::Finish how) override;

  /// Where what was written lies if the run does not end well; empty for what is written as it comes.
  [[nodiscard]] const std::string& partial_path() const noexcept { return partial_path_; }

 private:
  struct State;
  std::string path_;
  std::string spec_;
  std::string partial_path_;
  std::unique_ptr<State> state_;
};

}  // namespace riptide::sinks
