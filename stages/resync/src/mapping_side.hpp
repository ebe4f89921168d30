#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "messages.hpp"
#include "paginate/scope_book.hpp"
#include "riptide/pipeline/graph.hpp"
#include "riptide/pipeline/loan_pool.hpp"
#include "run_state.hpp"
#include "upload/valve.hpp"

namespace riptide::stages {

/// The middle of the graph: the budget for entities on their way, and the transform.
class MappingSide {
 public:
  /// Maps for so many sinks: each copies the entities.
  MappingSide(RunState& state, const ScopeBook& book, std::size_t sinks);

  /// Adds its nodes behind `paginate`. `starved` is called when a page has to wait for batch memory.
  void build(pipeline::Graph& graph, const pipeline::Node<FetchedPage, ReadPage>& paginate,
             std::function<void()> starved);

  /// Notes in `state.related` what the entities relate to. Set before the graph runs.
  void note_relations() { notes_relations_ = true; }
  /// Hears every page before it is mapped. Set before the graph runs.
  void on_page(std::function<void(const ReadPage&)> hear) { on_page_ = std::move(hear); }

  [[nodiscard]] const pipeline::Node<ReadPage, ReadPage>& budget() const { return *budget_; }
  [[nodiscard]] const pipeline::Node<ReadPage, MappedBlock>& transform() const { return *transform_; }

 private:
  [[nodiscard]] std::size_t usual_entity_bytes(std::size_t page_bytes) const noexcept;
  [[nodiscard]] std::size_t expected_entity_bytes(std::size_t page_bytes) const noexcept;
  void map_page(ReadPage& read, const pipeline::Emit<MappedBlock>& emit);
  void report_faults(const transform::MappedPage& mapped, std::uint32_t scope);
  void drop_repeats(transform::MappedPage& mapped, const ReadPage& read);

  RunState& state_;
  const ScopeBook& book_;
  const std::size_t sinks_;
  pipeline::LoanPool<transform::Mapper> mappers_;
  pipeline::LoanPool<RelationValues> relation_values_{[] { return RelationValues(); }};
  std::function<void(const ReadPage&)> on_page_;
  bool notes_relations_ = false;
  std::atomic<std::size_t> entity_share_{1000};  ///< Per mille of a page that its entities took.
  std::unique_ptr<Valve<ReadPage>> valve_;
  std::optional<pipeline::Node<ReadPage, ReadPage>> budget_;
  std::optional<pipeline::Node<ReadPage, MappedBlock>> transform_;
};

}  // namespace riptide::stages
