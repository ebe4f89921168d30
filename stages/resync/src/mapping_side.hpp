#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compose/src/flow_context.hpp"
#include "compose/src/outlet.hpp"
#include "messages.hpp"
#include "paginate/scope_book.hpp"
#include "riptide/pipeline/graph.hpp"
#include "riptide/pipeline/loan_pool.hpp"
#include "run_state.hpp"

namespace riptide::stages {

/// One mapping of the graph: makes entities of records, tells repeats, and lets pages go.
class MappingSide {
 public:
  /// `node` is the mapping's in the graph.
  MappingSide(FlowContext& context, const ScopeBook& book, std::size_t node);

  /// Adds its node, under this name.
  void build(pipeline::Graph& graph, std::string name, std::string says);
  /// Where its entities go. Filled before the graph runs.
  [[nodiscard]] Outlet<MappedBlock>& outlet() noexcept { return outlet_; }
  /// So many take what it gives: each copies the entities. Set before the graph runs.
  void given_to(std::size_t takers) noexcept { takers_ = std::max<std::size_t>(1, takers); }

  /// Notes in `state.related` what the entities relate to. Set before the graph runs.
  void note_relations() { notes_relations_ = true; }
  /// Hears every page before it is mapped. Set before the graph runs.
  void on_page(std::function<void(const ReadPage&)> hear) { on_page_ = std::move(hear); }

  /// Memory that what becomes of a page of that size will need.
  [[nodiscard]] std::size_t expected_entity_bytes(std::size_t page_bytes) const noexcept;
  [[nodiscard]] const pipeline::Node<ReadPage, MappedBlock>& transform() const { return *transform_; }
  [[nodiscard]] std::size_t node() const noexcept { return node_; }

 private:
  [[nodiscard]] std::size_t usual_entity_bytes(std::size_t page_bytes) const noexcept;
  void map(ReadPage& read, transform::MappedPage& mapped);
  void map_page(ReadPage& read, const pipeline::Emit<MappedBlock>& emit);
  void report_faults(const transform::MappedPage& mapped, std::uint32_t scope);
  void drop_repeats(transform::MappedPage& mapped, const ReadPage& read);

  FlowContext& context_;
  RunState& state_;
  const ScopeBook& book_;
  const std::size_t node_;
  const NodeSpec& spec_;
  std::vector<std::vector<std::uint32_t>> resources_;  ///< Of the blocks, by the number of the source.
  std::size_t takers_ = 1;
  Outlet<MappedBlock> outlet_;
  pipeline::LoanPool<transform::Mapper> mappers_;
  pipeline::LoanPool<RelationValues> relation_values_{[] { return RelationValues(); }};
  std::function<void(const ReadPage&)> on_page_;
  bool notes_relations_ = false;
  std::atomic<std::size_t> entity_share_{1000};  ///< Per mille of a page that its entities took.
  std::optional<pipeline::Node<ReadPage, MappedBlock>> transform_;
};

}  // namespace riptide::stages
