#include "journal/entries.hpp"

#include <xxhash.h>

#include <array>
#include <utility>

namespace riptide::stages {
namespace {

using pipeline::Tally;

void pack_request(const Request& request, Packer& out) {
  out.number(request.step).number(request.offset).text(request.cursor).number(request.context ? 1 : 0);
  if (request.context) out.text(*request.context);
}

Request unpack_request(const ScopeRef& scope, Unpacker& in) {
  Request request;
  request.scope = scope;
  request.step = in.number32();
  request.offset = in.number();
  request.cursor = in.text();
  if (in.number() != 0) request.context = std::make_shared<const std::string>(in.text());
  return request;
}

void pack_edges(const std::optional<PageEdges>& edges, Packer& out) {
  out.number(edges ? 1 : 0);
  if (edges) out.word(edges->first).word(edges->last);
}

std::optional<PageEdges> unpack_edges(Unpacker& in) {
  if (in.number() == 0) return std::nullopt;
  PageEdges edges;
  edges.first = in.word();
  edges.last = in.word();
  return edges;
}

void pack_resources(const std::vector<std::uint32_t>& resources, Packer& out) {
  out.number(resources.size());
  for (const std::uint32_t resource : resources) out.number(resource);
}

std::vector<std::uint32_t> unpack_resources(Unpacker& in) {
  std::vector<std::uint32_t> resources(in.count(1));
  for (std::uint32_t& resource : resources) resource = in.number32();
  return resources;
}

constexpr std::array kTallyFields = {
    &Tally::read,    &Tally::created,  &Tally::updated,   &Tally::unchanged, &Tally::filtered,
    &Tally::invalid, &Tally::rejected, &Tally::duplicate, &Tally::abandoned, &Tally::deleted,
};

void pack_tally(const Tally& tally, Packer& out) {
  for (const auto field : kTallyFields) out.number(tally.*field);
}

Tally unpack_tally(Unpacker& in) {
  Tally tally;
  for (const auto field : kTallyFields) tally.*field = in.number();
  return tally;
}

pipeline::Unexpected damaged(const char* what) {
  return pipeline::unexpected(ErrorKind::kMalformed, std::string("the journal's ") + what + " are damaged");
}

/// More pages than any listing has: what is counted up to stays small enough to count.
constexpr std::uint64_t kMostPages = std::uint64_t{1} << 40;

bool in_order(const std::vector<SettledRange>& ranges, std::uint64_t last_page) {
  if (last_page > kMostPages) return false;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].first > ranges[i].last || ranges[i].last > last_page) return false;
    if (i > 0 && ranges[i].first <= ranges[i - 1].last + 1) return false;
  }
  return true;
}

}  // namespace

std::string key_of(const ScopeSpec& spec) {
  std::string key;
  for (const std::uint32_t resource : spec.resources) key += std::to_string(resource) + ",";
  // Listings whose records are nobody's: two sources may have one each.
  if (spec.resources.empty()) {
    for (const std::uint32_t resource : spec.dependents) key += std::to_string(resource) + ";";
  }
  return key + ":" + spec.partition;
}

std::string packed(const Request& request) {
  std::string bytes;
  Packer out(bytes);
  pack_request(request, out);
  return bytes;
}

std::string packed(const ScopeEntry& scope) {
  std::string bytes;
  Packer out(bytes);
  pack_resources(scope.spec->resources, out);
  pack_resources(scope.spec->dependents, out);
  out.text(scope.spec->partition);
  pack_request(scope.head, out);
  out.number(scope.step).number(scope.last_page).optional(scope.total).number(scope.listing).number(scope.pages);
  out.number(scope.settled.size());
  for (const SettledRange& range : scope.settled) {
    out.number(range.first).number(range.last);
    pack_edges(range.first_edges, out);
    pack_edges(range.last_edges, out);
  }
  out.number(scope.open.size());
  for (const Request& request : scope.open) pack_request(request, out);
  return bytes;
}

Result<ScopeEntry> unpacked_scope(std::uint32_t id, std::string_view bytes) {
  Unpacker in(bytes);
  ScopeEntry scope;
  scope.id = id;
  auto spec = std::make_shared<ScopeSpec>();
  spec->resources = unpack_resources(in);
  spec->dependents = unpack_resources(in);
  spec->partition = in.text();
  scope.spec = std::move(spec);
  scope.head = unpack_request(scope.spec, in);
  scope.step = in.number();
  scope.last_page = in.number();
  scope.total = in.optional();
  scope.listing = in.number32();
  scope.pages = in.number();
  scope.settled.resize(in.count(4));
  for (SettledRange& range : scope.settled) {
    range.first = in.number();
    range.last = in.number();
    range.first_edges = unpack_edges(in);
    range.last_edges = unpack_edges(in);
  }
  const std::size_t open = in.count(4);
  for (std::size_t i = 0; i < open && in.good(); ++i) scope.open.push_back(unpack_request(scope.spec, in));
  if (!in.done() || !in_order(scope.settled, scope.last_page) || (scope.step == 0 && !scope.settled.empty())) {
    return damaged("scopes");
  }
  return scope;
}

std::uint32_t contents_digest(std::string_view json) noexcept {
  return static_cast<std::uint32_t>(XXH3_64bits(json.data(), json.size()));
}

void pack_seen(std::uint32_t scope, std::uint32_t resource, const std::vector<SeenEntry>& entries, std::string& out) {
  Packer packer(out);
  packer.number(scope).number(resource).number(entries.size());
  for (const SeenEntry& entry : entries) {
    packer.word(entry.identity.low).word(entry.identity.high).number(entry.contents);
  }
}

std::string packed(const SettledCounts& counts) {
  std::string bytes;
  Packer out(bytes);
  out.number(counts.read.size());
  for (const SettledCounts::Read& read : counts.read) {
    out.number(read.pages).number(read.records).number(read.bytes);
    pack_tally(read.tally, out);
  }
  out.number(counts.sunk.size());
  for (const auto& sink : counts.sunk) {
    out.number(sink.size());
    for (const SettledCounts::Sunk& sunk : sink) {
      out.number(sunk.bytes_out);
      pack_tally(sunk.tally, out);
    }
  }
  return bytes;
}

Result<SettledCounts> unpacked_counts(std::string_view bytes, std::size_t resources, std::size_t sinks) {
  Unpacker in(bytes);
  SettledCounts counts;
  counts.read.resize(in.count(3 + kTallyFields.size()));
  for (SettledCounts::Read& read : counts.read) {
    read.pages = in.number();
    read.records = in.number();
    read.bytes = in.number();
    read.tally = unpack_tally(in);
  }
  counts.sunk.resize(in.count(1));
  for (auto& sink : counts.sunk) {
    sink.resize(in.count(1 + kTallyFields.size()));
    if (sink.size() != resources) return damaged("counts");
    for (SettledCounts::Sunk& sunk : sink) {
      sunk.bytes_out = in.number();
      sunk.tally = unpack_tally(in);
    }
  }
  if (!in.done() || counts.read.size() != resources || counts.sunk.size() != sinks) return damaged("counts");
  return counts;
}

}  // namespace riptide::stages
