#include "resource_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "local_reading.hpp"

namespace riptide {
namespace {

using stages::SourceResource;

bool asks_for(const SourceOptions& options, const std::string& kind) {
  return options.kinds.empty() ||
         std::any_of(options.kinds.begin(), options.kinds.end(), [&](const Kind& asked) { return asked.name == kind; });
}

bool knows(const NodeSpec& source, const std::string& kind,
           const std::vector<std::pair<std::string, std::string>>& selector) {
  const std::vector<SourceResource> one{{0, kind, selector}};
  if (source.source != nullptr) return source.source->start(one).has_value();
  return LocalReading(source.local_source).start(one).has_value();
}

/// Where records of a source end without a mapping.
bool ends_raw(const GraphSpec& graph, const Ways& ways, std::size_t source) {
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const bool takes_them = graph[i].is_sink() || graph[i].type == NodeSpec::Type::kEntities;
    if (takes_them && graph[i].takes == detail::Carries::kRecords && ways.raw(source, i)) return true;
  }
  return false;
}

bool is_mapped(const GraphSpec& graph, const Ways& ways, std::size_t source) {
  for (std::size_t node = 0; node < graph.size(); ++node) {
    if (graph[node].is_mapping() && ways.raw(source, node)) return true;
  }
  return false;
}

}  // namespace

Result<ResourceTable> ResourceTable::create(const GraphSpec& graph, const Ways& ways) {
  ResourceTable table;
  std::vector<std::string> problems;
  std::vector<std::set<std::string>> found(graph.size());  // Kinds, by source.
  for (std::size_t mapping = 0; mapping < graph.size(); ++mapping) {
    if (!graph[mapping].is_mapping()) continue;
    std::vector<std::size_t> sources;
    for (std::size_t i = 0; i < mapping; ++i) {
      if (graph[i].is_source() && ways.raw(i, mapping)) sources.push_back(i);
    }
    const auto& blocks = graph[mapping].mapping->compiled()->spec().resources;
    std::vector<bool> taken(blocks.size(), false);
    for (const std::size_t source : sources) {
      for (std::uint32_t block = 0; block < blocks.size(); ++block) {
        const transform::ResourceSpec& spec = blocks[block];
        Resource resource{spec.kind, spec.selector_fields, source, mapping, block, &spec, true};
        resource.wanted = asks_for(graph[source].source_options, spec.kind);
        if (sources.size() > 1 && resource.wanted && !knows(graph[source], spec.kind, spec.selector_fields)) continue;
        taken[block] = true;
        if (resource.wanted) found[source].insert(spec.kind);
        table.resources_.push_back(std::move(resource));
      }
    }
    for (std::uint32_t block = 0; block < blocks.size(); ++block) {
      if (taken[block] || sources.empty()) continue;
      problems.push_back(fmt::format("no source before {} has the kind {}", graph[mapping].name, blocks[block].kind));
    }
  }
  for (std::size_t source = 0; source < graph.size(); ++source) {
    if (!graph[source].is_source()) continue;
    const SourceOptions& options = graph[source].source_options;
    if (ends_raw(graph, ways, source)) {
      std::vector<Kind> kinds = options.kinds;
      if (kinds.empty()) {
        for (const std::string& kind : found[source]) kinds.push_back({kind, {}});
      }
      if (kinds.empty()) {
        kinds.push_back({std::string(graph[source].source != nullptr ? graph[source].source->type()
                                                                     : graph[source].local_source->type()),
                         {}});
      }
      for (Kind& kind : kinds) {
        found[source].insert(kind.name);
        Resource& resource = table.resources_.emplace_back();
        resource.kind = std::move(kind.name);
        resource.selector = std::move(kind.selector);
        resource.source = source;
      }
    }
    for (const Kind& kind : options.kinds) {
      if (found[source].contains(kind.name)) continue;
      problems.push_back(
          fmt::format("{} is to read {}, but no mapping behind it has that kind", graph[source].name, kind.name));
    }
    // A mapping without blocks asks for nothing, and may: the source knows whether it can do with that.
    if (found[source].empty() && !is_mapped(graph, ways, source)) {
      problems.push_back(fmt::format("nothing is read of {}", graph[source].name));
    }
  }
  if (!problems.empty()) return unexpected(ErrorKind::kConfig, fmt::format("{}", fmt::join(problems, "\n")));
  return table;
}

std::vector<std::uint32_t> ResourceTable::wanted() const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < resources_.size(); ++i) {
    if (resources_[i].wanted) out.push_back(i);
  }
  return out;
}

std::vector<SourceResource> ResourceTable::wanted_of(std::size_t source) const {
  std::vector<SourceResource> out;
  for (std::uint32_t i = 0; i < resources_.size(); ++i) {
    const Resource& resource = resources_[i];
    if (resource.source == source && resource.wanted) out.push_back({i, resource.kind, resource.selector});
  }
  return out;
}

std::uint32_t ResourceTable::of_block(std::size_t mapping, std::size_t source, std::uint32_t block) const {
  for (std::uint32_t i = 0; i < resources_.size(); ++i) {
    const Resource& resource = resources_[i];
    if (resource.mapping == mapping && resource.source == source && resource.block == block) return i;
  }
  return kNone;
}

std::uint32_t ResourceTable::raw_of(const stages::ScopeSpec& spec) const {
  for (const std::uint32_t resource : spec.resources) {
    if (resources_.at(resource).mapping == SIZE_MAX) return resource;
  }
  return kNone;
}

std::vector<std::uint32_t> ResourceTable::reaching(std::size_t node, const GraphSpec& graph, const Ways& ways) const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < resources_.size(); ++i) {
    const Resource& resource = resources_[i];
    if (!resource.wanted) continue;
    bool reaches = false;
    if (resource.mapping != SIZE_MAX) {
      reaches = ways.leads(resource.mapping, node);
    } else if (graph[node].takes == detail::Carries::kRecords) {
      reaches = ways.raw(resource.source, node);
    } else {
      for (std::size_t between = 0; between < graph.size(); ++between) {
        reaches = reaches || (graph[between].type == NodeSpec::Type::kEntities && ways.raw(resource.source, between) &&
                              ways.leads(between, node));
      }
    }
    if (reaches) out.push_back(i);
  }
  return out;
}

}  // namespace riptide
