#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::sources::jira {

using pipeline::Result;

/// An element of a listing: its place in the indexed body, and its raw JSON.
struct Item {
  json::Value value;
  std::string_view raw;
};

/// What stands around a page's records, in any of the ways in which Jira and Atlassian's platform page. What an answer
/// leaves out, or has as null, is empty.
struct Listing {
  std::vector<Item> items;  ///< In order. Valid until the document indexes another text.
  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> max_results;
  std::optional<bool> is_last;
  std::string token;  ///< Of the next page.
};

/// Where a listing keeps its records and the next page's token.
struct ListingShape {
  std::string_view items;      ///< Key of the array; empty: the answer is the array.
  std::string_view alt_items;  ///< Another key that it may have instead; empty if none.
  std::string_view token;      ///< "pageInfo" is an object with `endCursor` and `hasNextPage`. Empty if there is none.
};

/// Reads a listing's body. Errors: kMalformed (not JSON, no array where it should be, a count, flag or token of another
/// type).
[[nodiscard]] Result<Listing> read_listing(std::string_view body, json::Document& document, const ListingShape& shape);

/// How a listing that is read by offset ends where it has no total.
enum class Ends : std::uint8_t {
  kEmptyPage,  ///< Platform API.
  kLastFlag,   ///< Agile API: `isLast`, or without one a page that is not full.
  kOnePage,    ///< The answer is all there is.
};

/// How a page of an offset listing was asked for.
struct PageAsked {
  std::uint64_t offset = 0;
  std::uint64_t take = 0;  ///< 0: the server was left to choose.
  std::string_view cursor;
  Ends ends = Ends::kEmptyPage;
};

/// The cursor that makes an offset listing a chain from its first page on: each page is asked for when the one before
/// it came. For listings that share a scope with other requests. A listing that moves while it is read is begun anew,
/// three times at most; `round` says how often that happened.
[[nodiscard]] std::string chain_cursor(std::uint32_t round = 0);
/// Which round of a chain a cursor belongs to; 0 for what is no chain.
[[nodiscard]] std::uint32_t round_of(std::string_view cursor);
/// How many records a page is asked for: a piece of a page asks for what is missing. A `page_size` of 0 leaves whole
/// pages to the server.
[[nodiscard]] std::uint64_t take_of(std::string_view cursor, std::uint64_t page_size);

struct NextPage {
  std::uint64_t offset = 0;
  std::string cursor;
};

/// What a page tells of its listing.
struct PageKnowledge {
  std::optional<stages::PageExtent> extent;
  std::optional<std::uint64_t> total;
  std::optional<NextPage> next;  ///< Of a chain, or the rest of a page that came short in the middle of the listing.
};

/// Works out which pages an offset listing has. With a total its pages are known at once; without one, or where the
/// first page is shorter than it should be, they form a chain.
/// Errors: kMalformed (an empty page in front of records that the total promises, the same page again), kLimit (moved
/// in every round).
[[nodiscard]] Result<PageKnowledge> judge(const Listing& listing, const PageAsked& asked,
                                          const std::optional<stages::PageEdges>& edges);

}  // namespace riptide::sources::jira
