#include "flow_context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace riptide::stages {

using detail::ItemState;
using detail::Provenance;

ItemState& Workspace::take() {
  if (used_ == items_.size()) items_.push_back(std::make_unique<ItemState>());
  return *items_[used_++];
}

void Workspace::clear() noexcept {
  live.clear();
  next.clear();
  used_ = 0;
}

std::uint32_t FlowContext::resource_of(const ReadPage& page) const {
  const std::uint32_t raw = resources.raw_of(*page.spec);
  if (raw != ResourceTable::kNone) return raw;
  return page.spec->resources.empty() ? 0 : page.spec->resources.front();
}

void FlowContext::filtered(std::size_t node, const ItemState& item, const ScopeSpec* scope) {
  NodeCounts& of_node = counts.node(node);
  of_node.filtered.fetch_add(1, std::memory_order_relaxed);
  if (scope == nullptr) {
    of_node.filtered_of.at(item.from.resource).fetch_add(1, std::memory_order_relaxed);
    return;
  }
  for (const std::uint32_t resource : scope->resources) {
    of_node.filtered_of.at(resource).fetch_add(1, std::memory_order_relaxed);
  }
}

void FlowContext::failed(std::size_t node, const ItemState& item, const ScopeSpec* scope, const Error& error) {
  NodeCounts& of_node = counts.node(node);
  of_node.failed.fetch_add(1, std::memory_order_relaxed);
  if (scope == nullptr) {
    of_node.failed_of.at(item.from.resource).fetch_add(1, std::memory_order_relaxed);
  } else {
    for (const std::uint32_t resource : scope->resources) {
      of_node.failed_of.at(resource).fetch_add(1, std::memory_order_relaxed);
    }
  }
  const auto text = [&](std::string_view pointer) {
    const auto raw = item.at(pointer);
    return raw ? json::text_of(*raw) : std::string();
  };
  const bool entity = scope == nullptr;
  state.errors.add({state.kind_of(item.from.resource), entity ? text("/identifier") : std::string(),
                    entity ? text("/blueprint") : std::string(), graph[node].name,
                    fmt::format("{}: {}", around.partition_of(item.from.scope), error.message), 1});
}

void load(const FlowContext& context, const ReadPage& page, Workspace& workspace) {
  if (page.records.spans.empty()) return;
  const std::string_view bytes = page.page->view();
  const char* const readable_end = bytes.data() + bytes.size() + pipeline::kPagePadding;
  const Provenance from{context.resource_of(page), page.scope, page.ticket};
  workspace.live.reserve(page.records.spans.size());
  for (std::size_t i = 0; i < page.records.spans.size(); ++i) {
    ItemState& item = workspace.take();
    item.begin(context.around, from, pipeline::view_of(page.page, page.records, page.records.spans[i]), readable_end);
    item.place = i;
    workspace.live.push_back(&item);
  }
}

void load(const FlowContext& context, const MappedBlock& block, Workspace& workspace) {
  const pipeline::EntityBuffer& buffer = block.entities;
  const char* const readable_end = buffer.bytes.data() + buffer.bytes.capacity();
  workspace.live.reserve(buffer.entities.size());
  for (std::size_t i = 0; i < buffer.entities.size(); ++i) {
    const Entity& entity = buffer.entities[i];
    ItemState& item = workspace.take();
    item.begin(context.around, {entity.resource, entity.scope, entity.page}, buffer.json(entity), readable_end);
    item.place = i;
    workspace.live.push_back(&item);
  }
}

namespace {

/// True if the items are those of a message with so many of them, as they came.
bool untouched(const std::vector<ItemState*>& items, std::size_t count) {
  if (items.size() != count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (items[i]->place != i || items[i]->edited()) return false;
  }
  return true;
}

bool any_edited(const std::vector<ItemState*>& items) {
  return std::any_of(items.begin(), items.end(),
                     [](const ItemState* item) { return item->edited() || item->place == ItemState::kMade; });
}

}  // namespace

namespace {

/// Entities as they are now, in a buffer of their own.
pipeline::EntityBuffer rebuilt(const pipeline::EntityBuffer& before, const std::vector<ItemState*>& items) {
  pipeline::EntityBuffer after;
  for (const ItemState* item : items) {
    if (!item->edited()) {
      after.append(before, before.entities[item->place]);
      continue;
    }
    Entity entity = item->parts;
    entity.begin = after.bytes.size();
    entity.resource = item->from.resource;
    entity.scope = item->from.scope;
    entity.page = item->from.page;
    if (item->place != ItemState::kMade) {
      entity.repeated = before.entities[item->place].repeated;
      entity.duplicate = before.entities[item->place].duplicate;
    }
    after.bytes.append(item->json());
    after.entities.push_back(entity);
  }
  return after;
}

}  // namespace

std::shared_ptr<ReadPage> store(const FlowContext& context, std::shared_ptr<ReadPage> page,
                                const std::vector<ItemState*>& items) {
  if (untouched(items, page->records.spans.size())) return page;
  std::vector<pipeline::RecordSpan> spans;
  spans.reserve(items.size());
  if (!any_edited(items)) {
    for (const ItemState* item : items) spans.push_back(page->records.spans[item->place]);
    page->records.spans = std::move(spans);
    return page;
  }
  auto made = std::make_shared<pipeline::PageBuffer>();
  for (const ItemState* item : items) {
    pipeline::RecordSpan span;
    std::string_view json;
    if (item->edited()) {
      json = item->json();
    } else {
      // What lies over it goes on lying over it.
      span = page->records.spans[item->place];
      json = page->page->view().substr(span.begin, span.length);
    }
    span.begin = static_cast<std::uint32_t>(made->size());
    span.length = static_cast<std::uint32_t>(json.size());
    made->append(json);
    spans.push_back(span);
  }
  made->credit = context.state.body_bytes.take(made->size());
  page->page = std::move(made);
  page->begins.reset();  // It is no place of a file any more.
  page->records.spans = std::move(spans);
  return page;
}

std::shared_ptr<MappedBlock> store(const FlowContext& context, std::shared_ptr<MappedBlock> block,
                                   const std::vector<ItemState*>& items) {
  pipeline::EntityBuffer& before = block->entities;
  if (untouched(items, before.entities.size())) return block;
  if (!any_edited(items)) {
    std::vector<Entity> left;
    left.reserve(items.size());
    for (const ItemState* item : items) left.push_back(before.entities[item->place]);
    before.entities = std::move(left);
    return block;
  }
  block->entities = rebuilt(before, items);
  block->credit = context.state.batch_bytes.take(block->entities.bytes.size());
  return block;
}

std::shared_ptr<ReadPage> store_part(const FlowContext& context, ReadPage& page, const std::vector<ItemState*>& items,
                                     std::size_t parts) {
  if (page.shared_token == nullptr) page.shared_token = std::make_shared<const Credit>(std::move(page.token));
  auto part = std::make_shared<ReadPage>();
  part->page = page.page;
  part->records = page.records;
  part->scope = page.scope;
  part->ticket = page.ticket;
  part->spec = page.spec;
  part->begins = page.begins;
  part->shared_token = page.shared_token;
  part->source = page.source;
  part->credit = context.state.batch_bytes.take(page.credit.amount() / parts);
  return store(context, std::move(part), items);
}

std::shared_ptr<MappedBlock> store_part(const FlowContext& context, MappedBlock& block,
                                        const std::vector<ItemState*>& items, std::size_t) {
  auto part = std::make_shared<MappedBlock>();
  part->entities = rebuilt(block.entities, items);
  part->credit = context.state.batch_bytes.take(part->entities.bytes.size());
  return part;
}

Result<void> check_edit(const FlowContext&, ItemState& item, const ReadPage&) {
  (void)item.take_dirty();
  return {};
}

Result<void> check_edit(const FlowContext& context, ItemState& item, const MappedBlock&) {
  if (!item.take_dirty()) return {};
  auto document = context.around.documents->borrow();
  std::string padded(item.json());
  padded.append(json::Document::kPadding, '\0');
  return detail::take_apart(std::string_view(padded).substr(0, item.json().size()), *document, item.parts);
}

namespace {

void hear_all(const FlowContext& context, std::size_t node, std::string_view output, Workspace& workspace) {
  Tap& tap = context.counts.node(node).tap;
  for (const ItemState* item : workspace.live) {
    if (!tap.open()) return;
    tap.hear({context.graph[node].name, output, context.state.kind_of(item->from.resource), item->json()});
  }
}

}  // namespace

void hear(const FlowContext& context, std::size_t node, std::string_view output, const ReadPage& page) {
  Workspace workspace;
  load(context, page, workspace);
  hear_all(context, node, output, workspace);
}

void hear(const FlowContext& context, std::size_t node, std::string_view output, const MappedBlock& block) {
  Workspace workspace;
  load(context, block, workspace);
  hear_all(context, node, output, workspace);
}

}  // namespace riptide::stages
