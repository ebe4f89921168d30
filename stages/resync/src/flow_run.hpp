#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "compose/src/graph_spec.hpp"
#include "riptide/live.hpp"
#include "riptide/stages/resync.hpp"

namespace riptide::stages {

/// What a run is made of.
struct FlowParts {
  std::string title;
  GraphSpec graph;
  SinkContext context;  ///< Its kinds are filled in.
  std::shared_ptr<const state::StateFile> state;
  std::optional<JournalPlan> journal;
  std::shared_ptr<DeadLetters> dead_letters;
  std::shared_ptr<RememberedPages> remembered_pages;
};

/// The engine: runs a graph as its user described it, once. What `Graph` and `Resync` show of it is documented there.
class FlowRun {
 public:
  /// Errors: kConfig.
  static Result<std::unique_ptr<FlowRun>> create(FlowParts parts, ResyncOptions options);
  ~FlowRun();
  FlowRun(const FlowRun&) = delete;
  FlowRun& operator=(const FlowRun&) = delete;

  [[nodiscard]] pipeline::GraphDescription describe();
  Result<pipeline::RunReport> run(pipeline::Stop& stop, const std::function<int()>& stop_signal);
  [[nodiscard]] Progress progress() const;
  [[nodiscard]] bool can_be_resumed() const;
  [[nodiscard]] LiveGraph live() const;
  Result<void> tap(std::string_view node, std::size_t count, std::function<void(const TappedItem&)> hear);

 private:
  struct Impl;
  explicit FlowRun(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace riptide::stages
