#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/packed.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/run_report.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::stages {

// What the journal of an unfinished run is made of, and its packed forms. A packed form that is damaged is an Error
// (kMalformed), never anything worse.

/// Pages of a scope that are settled, from `first` to `last`, with the edges of those two: what the pages between them
/// look like does not matter any more.
struct SettledRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<PageEdges> first_edges;
  std::optional<PageEdges> last_edges;
};

/// What is known of a scope from its settled pages.
struct ScopeEntry {
  std::uint32_t id = 0;  ///< The journal's own number for it; the same over all runs that go on from one another.
  ScopeRef spec;
  Request head;            ///< The request that it began with.
  std::uint64_t step = 0;  ///< Records a page; 0 until an extent is known.
  std::uint64_t last_page = 0;
  std::optional<std::uint64_t> total;
  std::uint32_t listing = 0;          ///< How often the listing had moved when the pages in `settled` came.
  std::vector<SettledRange> settled;  ///< Of a scope with an extent; in order, disjoint, not touching.
  std::vector<Request> open;          ///< Requests that are not settled, though the pages that named them are.
  std::uint64_t pages = 0;            ///< Settled ones, each counted once a run that read it.
};
std::string packed(const ScopeEntry& scope);
[[nodiscard]] Result<ScopeEntry> unpacked_scope(std::uint32_t id, std::string_view bytes);

/// What tells a scope from all others: its resources and its partition.
std::string key_of(const ScopeSpec& spec);

/// One request without its scope: what tells it from the others of its scope.
std::string packed(const Request& request);

/// An identity that was read, with the digest of its contents (see `SeenSet::note`).
struct SeenEntry {
  pipeline::Digest identity;
  std::uint32_t contents = 0;
};
/// The digest of an entity's contents that goes with its identity.
[[nodiscard]] std::uint32_t contents_digest(std::string_view json) noexcept;

/// Identities of one scope and resource block, appended to a text of many.
void pack_seen(std::uint32_t scope, std::uint32_t resource, const std::vector<SeenEntry>& entries, std::string& out);
/// Calls `visit(scope, resource, entry)` for each identity of such a text.
template <class Visit>
Result<void> visit_seen(std::string_view bytes, Visit visit) {
  Unpacker in(bytes);
  while (in.good() && !in.empty()) {
    const std::uint32_t scope = in.number32();
    const std::uint32_t resource = in.number32();
    const std::size_t count = in.count(17);
    for (std::size_t i = 0; i < count && in.good(); ++i) {
      SeenEntry entry;
      entry.identity.low = in.word();
      entry.identity.high = in.word();
      entry.contents = in.number32();
      if (in.good()) visit(scope, resource, entry);
    }
  }
  if (!in.good()) return pipeline::unexpected(ErrorKind::kMalformed, "the journal's identities are damaged");
  return {};
}

/// What the settled pages come to, in the terms of the report.
struct SettledCounts {
  struct Read {
    std::uint64_t pages = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    pipeline::Tally tally;  ///< What all sinks share: read, filtered, invalid, duplicate.
  };
  struct Sunk {
    pipeline::Tally tally;
    std::uint64_t bytes_out = 0;
  };
  std::vector<Read> read;               ///< By resource.
  std::vector<std::vector<Sunk>> sunk;  ///< By sink, then by resource.

  SettledCounts() = default;
  SettledCounts(std::size_t resources, std::size_t sinks)
      : read(resources), sunk(sinks, std::vector<Sunk>(resources)) {}
};
std::string packed(const SettledCounts& counts);
/// Errors: also of another shape than this run's.
Result<SettledCounts> unpacked_counts(std::string_view bytes, std::size_t resources, std::size_t sinks);

}  // namespace riptide::stages
