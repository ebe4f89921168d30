#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/record.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::sources::octopus {

using pipeline::Result;

/// An element of a listing: its place in the indexed body, and its raw JSON.
struct Item {
  json::Value value;
  std::string_view raw;
};

/// The envelope around every listing. Counts that the server leaves out, or has as null, are empty.
struct Envelope {
  std::vector<Item> items;  ///< Elements of `Items`, in order. Valid until the document indexes another text.
  std::optional<std::uint64_t> total_results;
  std::optional<std::uint64_t> last_page_number;  ///< Counted from 0.
  std::optional<std::uint64_t> items_per_page;
};

/// Reads a listing's body. Errors: kMalformed (not JSON, not an object, no array `Items`, a count that is not one).
[[nodiscard]] Result<Envelope> read_envelope(std::string_view body, json::Document& document);

/// How a page was asked for.
struct PageAsked {
  std::uint64_t offset = 0;
  std::uint64_t take = 0;
  std::uint64_t limit = 0;  ///< Records wanted of the scope at most; 0 is all.
  bool chained = false;     ///< One of a scope that is followed page by page.
};

/// What a page tells of its scope.
struct PageKnowledge {
  std::optional<stages::PageExtent> extent;
  std::optional<std::uint64_t> total;  ///< Only where the server's counts agree with each other and nothing is cut.
  std::optional<std::uint64_t> next_offset;  ///< Of a scope that is followed page by page.
  std::size_t keep = 0;                      ///< How many of the page's records are wanted.
  bool capped = false;                       ///< The scope has more than `limit`.
};

/// Works out which pages a scope has.
///
/// The step is what the server says that it gives (`ItemsPerPage`), since it may give less than was asked for. A first
/// page that is shorter than even that, with more to come, turns the scope into a chain: each page starts where the
/// last one really ended. `TotalResults` counts unless `LastPageNumber` promises more pages than it explains.
/// Errors: kMalformed (counts beyond reason; an empty page in front of records that the counts promise: what nobody
/// read must never look like what is gone).
[[nodiscard]] Result<PageKnowledge> judge(const Envelope& envelope, const PageAsked& asked);

}  // namespace riptide::sources::octopus
