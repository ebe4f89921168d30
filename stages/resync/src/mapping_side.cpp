#include "mapping_side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "letters.hpp"
#include "riptide/json/cutter.hpp"

namespace riptide::stages {
namespace {

/// What a page's size promises is not believed beyond this many bytes.
constexpr std::size_t kMostReserved = 1 << 20;

/// Puts the place of its record in front of each fault.
void say_where(const ReadPage& read, transform::MappedPage& mapped) {
  std::size_t counted_to = 0;
  std::uint64_t breaks = 0;
  for (transform::MappingFault& fault : mapped.faults) {
    if (fault.record >= read.records.spans.size()) continue;
    const std::size_t begin = read.records.spans[fault.record].begin;
    if (!read.begins->line) {
      fault.message = fmt::format("byte {}: {}", read.begins->byte + begin, fault.message);
      continue;
    }
    if (begin < counted_to) counted_to = breaks = 0;  // Faults of another resource begin in front again.
    breaks += json::count_lines(read.page->view().substr(counted_to, begin - counted_to));
    counted_to = begin;
    fault.message = fmt::format("line {}: {}", *read.begins->line + breaks, fault.message);
  }
}

}  // namespace

MappingSide::MappingSide(FlowContext& context, const ScopeBook& book, std::size_t node)
    : context_(context),
      state_(context.state),
      book_(book),
      node_(node),
      spec_(context.graph[node]),
      mappers_([mapping = spec_.mapping->compiled()] { return transform::Mapper(mapping); }) {
  const std::size_t blocks = spec_.mapping->compiled()->spec().resources.size();
  for (std::size_t source = 0; source < context.graph.size(); ++source) {
    if (!context.graph[source].is_source()) continue;
    auto& of_source = resources_.emplace_back();
    for (std::uint32_t block = 0; block < blocks; ++block) {
      of_source.push_back(context.resources.of_block(node, source, block));
    }
  }
  outlet_.begin(state_.batch_bytes, context.counts.node(node).tap,
                [this](const MappedBlock& block) { hear(context_, node_, "", block); });
}

void MappingSide::build(pipeline::Graph& graph, std::string name, std::string says) {
  transform_ = graph.stage<ReadPage, MappedBlock>(
      {.name = std::move(name), .says = std::move(says)},
      [this](std::shared_ptr<ReadPage> page, pipeline::Emit<MappedBlock> emit) { map_page(*page, emit); });
}

std::size_t MappingSide::usual_entity_bytes(std::size_t page_bytes) const noexcept {
  return page_bytes / 1000 * entity_share_.load(std::memory_order_relaxed);
}

std::size_t MappingSide::expected_entity_bytes(std::size_t page_bytes) const noexcept {
  // For each sink's copy.
  return std::max<std::size_t>(1, usual_entity_bytes(page_bytes) * takers_);
}

/// Maps a page by the blocks that it was read for, and numbers what comes of it by the run's resources.
void MappingSide::map(ReadPage& read, transform::MappedPage& mapped) {
  const auto& of_block = resources_[read.source];
  bool renumber = false;
  {
    auto mapper = mappers_.borrow();
    for (const std::uint32_t resource : read.spec->resources) {
      const ResourceTable::Resource& known = context_.resources.at(resource);
      if (known.mapping != node_) continue;
      renumber = renumber || known.block != resource;
      mapper->map(known.block, read.page, read.records, mapped);
    }
  }
  if (!renumber) return;
  for (Entity& entity : mapped.entities.entities) entity.resource = of_block[entity.resource];
  for (auto& fault : mapped.faults) fault.resource = of_block[fault.resource];
  for (auto& field : mapped.misconfigured) field.resource = of_block[field.resource];
  for (auto& [resource, counts] : mapped.counts) resource = of_block[resource];
}

void MappingSide::map_page(ReadPage& read, const pipeline::Emit<MappedBlock>& emit) {
  if (on_page_) on_page_(read);
  NodeCounts& counts = context_.counts.node(node_);
  counts.in.fetch_add(read.records.spans.size(), std::memory_order_relaxed);
  transform::MappedPage mapped;
  // Usual sizes: buffers that grow by doubling are copied, and keep up to half of their memory unused.
  mapped.entities.bytes.reserve(std::min(kMostReserved, usual_entity_bytes(read.page->size()) * 9 / 8));
  mapped.entities.entities.reserve(std::min(kMostReserved / sizeof(Entity), read.records.spans.size()));
  map(read, mapped);
  const std::size_t page_bytes = read.page->size();
  if (read.begins) say_where(read, mapped);
  if (state_.letters && !mapped.faults.empty()) {
    write_record_letters(state_, read, mapped, book_.partition(read.scope));
  }
  read.page.reset();
  read.release_token();
  state_.ledger.mapped(mapped, read.scope);
  report_faults(mapped, read.scope);
  drop_repeats(mapped, read);
  if (notes_relations_) state_.related.note(mapped.entities, *relation_values_.borrow());

  auto block = std::make_shared<MappedBlock>();
  block->entities = std::move(mapped.entities);
  block->credit = std::move(read.credit);
  block->credit.resize(block->entities.bytes.size() * takers_);
  if (page_bytes >= 1000)
    entity_share_.store(std::max<std::size_t>(1, block->entities.bytes.size() / (page_bytes / 1000)),
                        std::memory_order_relaxed);
  if (block->entities.entities.empty()) {
    block->credit.release();
    return;
  }
  counts.out.fetch_add(block->entities.entities.size(), std::memory_order_relaxed);
  outlet_.give(std::move(block), [&emit](std::size_t channel, std::shared_ptr<MappedBlock> given) {
    emit.to(channel, std::move(given));
  });
}

void MappingSide::report_faults(const transform::MappedPage& mapped, std::uint32_t scope) {
  for (const transform::MappingFault& fault : mapped.faults) {
    state_.errors.add({state_.kind_of(fault.resource),
                       {},
                       {},
                       spec_.name,
                       fmt::format("{}: {}", book_.partition(scope), fault.message),
                       1});
  }
}

/// Repeats within a scope: the same contents go no further, other contents travel on and the last one stays.
void MappingSide::drop_repeats(transform::MappedPage& mapped, const ReadPage& read) {
  const std::uint32_t scope = read.scope;
  auto& entities = mapped.entities.entities;
  std::vector<std::uint64_t> dropped;
  const std::string partition = state_.options.plan != nullptr ? book_.partition(scope) : std::string();
  const auto note_for_plan = [&](const pipeline::Entity& entity, std::string_view json) {
    if (state_.options.plan != nullptr) state_.options.plan->read(state_.kind_of(entity.resource), partition, json);
  };
  PageTickets::Mapped facts;
  const bool wanted = read.ticket != 0 && state_.tickets->wants_seen();
  const auto note_for_ticket = [&](const pipeline::Entity& entity, std::uint32_t contents) {
    if (!wanted) return;
    if (facts.seen.empty() || facts.seen.back().resource != entity.resource) {
      facts.seen.push_back({entity.resource, {}});
      facts.seen.back().entries.reserve(entities.size());
    }
    facts.seen.back().entries.push_back({entity.identity, contents});
  };
  std::erase_if(entities, [&](pipeline::Entity& entity) {
    entity.scope = scope;
    entity.page = read.ticket;
    const std::string_view json = mapped.entities.json(entity);
    const std::uint32_t contents = contents_digest(json);
    switch (state_.seen.note(entity.identity, state_.repeat_scope(scope, entity.resource), contents)) {
      case pipeline::SeenSet::Sighting::kNew:
        note_for_plan(entity, json);
        note_for_ticket(entity, contents);
        return false;
      case pipeline::SeenSet::Sighting::kElsewhere:
        note_for_ticket(entity, contents);
        entity.repeated = true;
        note_for_plan(entity, json);
        return false;
      case pipeline::SeenSet::Sighting::kChanged:
        note_for_ticket(entity, contents);
        entity.duplicate = true;
        note_for_plan(entity, json);
        return false;
      case pipeline::SeenSet::Sighting::kSame:
        break;
    }
    if (dropped.size() <= entity.resource) dropped.resize(entity.resource + 1);
    ++dropped[entity.resource];
    return true;
  });
  for (std::uint32_t resource = 0; resource < dropped.size(); ++resource) {
    if (dropped[resource] != 0) state_.ledger.duplicates(resource, dropped[resource]);
  }
  if (read.ticket == 0) return;
  for (const auto& [resource, counts] : mapped.counts) {
    pipeline::Tally tally;
    tally.read = counts.read;
    tally.filtered = counts.filtered;
    tally.invalid = counts.invalid;
    facts.read.push_back({resource, tally});
  }
  for (std::uint32_t resource = 0; resource < dropped.size(); ++resource) {
    if (dropped[resource] == 0) continue;
    pipeline::Tally tally;
    tally.duplicate = dropped[resource];
    facts.read.push_back({resource, tally});
    facts.repeats = true;
  }
  facts.entities = entities.size();
  facts.spoiled = std::any_of(mapped.faults.begin(), mapped.faults.end(), [](const transform::MappingFault& fault) {
    return fault.kind == transform::MappingFault::Kind::kUnreadable;
  });
  state_.tickets->mapped(read.ticket, std::move(facts));
}

}  // namespace riptide::stages
