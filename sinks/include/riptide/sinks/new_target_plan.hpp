#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/stages/sink.hpp"

namespace riptide::sinks {

/// A target that begins empty (a file that is written anew, `null`), for a plan: everything would be created.
class NewTargetPlan final : public stages::LocalSink {
 public:
  explicit NewTargetPlan(std::string spec) : spec_(std::move(spec)) {}

  [[nodiscard]] std::string_view spec() const noexcept override { return spec_; }
  [[nodiscard]] stages::SinkLimits limits() const noexcept override { return {}; }
  [[nodiscard]] bool inline_writes() const noexcept override { return true; }
  [[nodiscard]] pipeline::Result<void> open() override { return {}; }
  [[nodiscard]] pipeline::Result<std::vector<stages::Outcome>> write(const stages::Batch& batch) override {
    return std::vector<stages::Outcome>(batch.entities.size(),
                                        stages::Outcome{stages::Outcome::Kind::kCreated, {}, {}});
  }
  [[nodiscard]] pipeline::Result<void> finish(stages::Finish) override { return {}; }

 private:
  const std::string spec_;
};

}  // namespace riptide::sinks
