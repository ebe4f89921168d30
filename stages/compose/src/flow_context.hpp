#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "flow_counts.hpp"
#include "item_state.hpp"
#include "resource_table.hpp"
#include "resync/src/messages.hpp"
#include "resync/src/run_state.hpp"
#include "riptide/pipeline/loan_pool.hpp"

namespace riptide::stages {

/// The items that a body works on: memory that is reused from block to block. One thread at a time.
class Workspace {
 public:
  /// An item to be begun. Valid until `clear`.
  detail::ItemState& take();
  void clear() noexcept;

  std::vector<detail::ItemState*> live;                 ///< In order.
  std::vector<detail::ItemState*> next;                 ///< Of the next stage, while one runs.
  std::vector<std::vector<detail::ItemState*>> chosen;  ///< By output, while a route runs.

 private:
  std::vector<std::unique_ptr<detail::ItemState>> items_;
  std::size_t used_ = 0;
};

/// What all stages of a run share. Outlives the graph.
struct FlowContext {
  RunState& state;
  const GraphSpec& graph;
  const Ways& ways;
  FlowCounts& counts;
  const ResourceTable& resources;
  detail::Surroundings around;
  pipeline::LoanPool<Workspace> workspaces{[] { return Workspace(); }};

  /// The resource that stands for the records of a page in what users see.
  [[nodiscard]] std::uint32_t resource_of(const ReadPage& page) const;
  /// Counts an item that goes no further, and says why if it failed.
  void filtered(std::size_t node, const detail::ItemState& item, const ScopeSpec* scope);
  void failed(std::size_t node, const detail::ItemState& item, const ScopeSpec* scope, const Error& error);
};

/// Runs a body of the user's: what it throws becomes an Error.
template <class Call>
auto shielded(Call&& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::exception& thrown) {
    return pipeline::unexpected(ErrorKind::kInternal, std::string("it threw: ") + thrown.what());
  } catch (...) {
    return pipeline::unexpected(ErrorKind::kInternal, "it threw something that is no exception");
  }
}

inline const ScopeSpec* scope_of(const ReadPage& page) noexcept { return page.spec.get(); }
inline const ScopeSpec* scope_of(const MappedBlock&) noexcept { return nullptr; }

/// Puts the items of a message into `workspace.live`; their bytes are the message's.
void load(const FlowContext& context, const ReadPage& page, Workspace& workspace);
void load(const FlowContext& context, const MappedBlock& block, Workspace& workspace);

/// Makes a message of what remains of one, in order: the same where nothing was left out or edited. Edited entities
/// were taken apart (`ItemState::parts`).
std::shared_ptr<ReadPage> store(const FlowContext& context, std::shared_ptr<ReadPage> page,
                                const std::vector<detail::ItemState*>& items);
std::shared_ptr<MappedBlock> store(const FlowContext& context, std::shared_ptr<MappedBlock> block,
                                   const std::vector<detail::ItemState*>& items);

/// The same as a message of its own, for one of `parts` parts of it; the other message stays as it is.
std::shared_ptr<ReadPage> store_part(const FlowContext& context, ReadPage& page,
                                     const std::vector<detail::ItemState*>& items, std::size_t parts);
std::shared_ptr<MappedBlock> store_part(const FlowContext& context, MappedBlock& block,
                                        const std::vector<detail::ItemState*>& items, std::size_t parts);

/// Checks what a stage edited or made: entities must have their parts. Errors: kMalformed.
Result<void> check_edit(const FlowContext& context, detail::ItemState& item, const ReadPage&);
Result<void> check_edit(const FlowContext& context, detail::ItemState& item, const MappedBlock&);

/// Lets a tap hear the items of a message.
void hear(const FlowContext& context, std::size_t node, std::string_view output, const ReadPage& page);
void hear(const FlowContext& context, std::size_t node, std::string_view output, const MappedBlock& block);

}  // namespace riptide::stages
