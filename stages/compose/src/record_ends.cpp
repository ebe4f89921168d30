#include "record_ends.hpp"

#include <atomic>
#include <utility>

namespace riptide::stages {
namespace {

using detail::ItemState;

std::shared_ptr<MappedBlock> block_of(ReadPage& page, pipeline::EntityBuffer entities) {
  auto block = std::make_shared<MappedBlock>();
  block->entities = std::move(entities);
  block->credit = std::move(page.credit);
  block->credit.resize(block->entities.bytes.size());
  page.page.reset();
  page.release_token();
  return block;
}

Entity placed(const ItemState& item, std::uint64_t begin, std::size_t length) {
  Entity entity;
  entity.begin = begin;
  entity.length = static_cast<std::uint32_t>(length);
  entity.resource = item.from.resource;
  entity.scope = item.from.scope;
  entity.page = item.from.page;
  return entity;
}

}  // namespace

std::shared_ptr<MappedBlock> entities_of(FlowContext& context, std::size_t node, ReadPage& page) {
  NodeCounts& counts = context.counts.node(node);
  auto workspace = context.workspaces.borrow();
  workspace->clear();
  load(context, page, *workspace);
  counts.messages_in.fetch_add(1, std::memory_order_relaxed);
  counts.in.fetch_add(workspace->live.size(), std::memory_order_relaxed);
  pipeline::EntityBuffer entities;
  auto document = context.around.documents->borrow();
  std::string padded;
  for (const ItemState* item : workspace->live) {
    const std::string_view json = item->json();
    padded.assign(json).append(json::Document::kPadding, '\0');
    Entity entity = placed(*item, entities.bytes.size(), json.size());
    const auto good = detail::take_apart(std::string_view(padded).substr(0, json.size()), *document, entity);
    if (!good) {
      context.failed(node, *item, page.spec.get(), good.error());
      continue;
    }
    entities.bytes.append(json);
    entities.entities.push_back(entity);
  }
  counts.out.fetch_add(entities.entities.size(), std::memory_order_relaxed);
  if (!entities.entities.empty()) counts.messages_out.fetch_add(1, std::memory_order_relaxed);
  workspace->clear();
  return block_of(page, std::move(entities));
}

std::shared_ptr<MappedBlock> objects_of(FlowContext& context, ReadPage& page) {
  static std::atomic<std::uint64_t> number{0};
  auto workspace = context.workspaces.borrow();
  workspace->clear();
  load(context, page, *workspace);
  pipeline::EntityBuffer entities;
  entities.entities.reserve(workspace->live.size());
  for (const ItemState* item : workspace->live) {
    const std::string_view json = item->json();
    Entity entity = placed(*item, entities.bytes.size(), json.size());
    // Each is one of its own, whatever its contents.
    entity.identity = {number.fetch_add(1, std::memory_order_relaxed), UINT64_MAX};
    entities.bytes.append(json);
    entities.entities.push_back(entity);
  }
  workspace->clear();
  return block_of(page, std::move(entities));
}

}  // namespace riptide::stages
