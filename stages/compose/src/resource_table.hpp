#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "graph_spec.hpp"
#include "riptide/stages/source.hpp"

namespace riptide {

/// The resources of a run in one numbering: what scopes, ledgers and what is seen count by. One for each block of each
/// mapping and source that leads to it, and one for each kind that goes elsewhere as it is. In a graph of one source
/// and one mapping these are the mapping's blocks, by their numbers.
class ResourceTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Resource {
    std::string kind;
    std::vector<std::pair<std::string, std::string>> selector;
    std::size_t source = 0;          ///< Node.
    std::size_t mapping = SIZE_MAX;  ///< Node; SIZE_MAX: records that are taken as they are.
    std::uint32_t block = 0;         ///< Of the mapping.
    const transform::ResourceSpec* spec = nullptr;
    bool wanted = true;  ///< False: its kind was not asked for.
  };

  /// Numbers the resources of a graph. What a source does not know is left out where another one may. Errors: kConfig
  /// (a kind that is not there).
  static Result<ResourceTable> create(const GraphSpec& graph, const Ways& ways);

  [[nodiscard]] const std::vector<Resource>& all() const noexcept { return resources_; }
  [[nodiscard]] const Resource& at(std::uint32_t resource) const { return resources_.at(resource); }
  [[nodiscard]] std::size_t size() const noexcept { return resources_.size(); }
  [[nodiscard]] std::vector<std::uint32_t> wanted() const;
  /// What a source is asked for.
  [[nodiscard]] std::vector<stages::SourceResource> wanted_of(std::size_t source) const;
  /// The resource of a block of a mapping, for records of a source; kNone if that is not asked for them.
  [[nodiscard]] std::uint32_t of_block(std::size_t mapping, std::size_t source, std::uint32_t block) const;
  /// The resource of a page's records where they are taken as they are; kNone if they are for mappings only.
  [[nodiscard]] std::uint32_t raw_of(const stages::ScopeSpec& spec) const;
  /// Resources whose items can come to a node.
  [[nodiscard]] std::vector<std::uint32_t> reaching(std::size_t node, const GraphSpec& graph, const Ways& ways) const;

 private:
  std::vector<Resource> resources_;
};

}  // namespace riptide
