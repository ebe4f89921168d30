#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "riptide/json/document.hpp"
#include "riptide/sources/custom.hpp"
#include "riptide/stages/source.hpp"

namespace riptide::sources::custom {

/// Where a chain of pages stands: what `Request::cursor` holds after the first page. Views into it.
struct ChainPlace {
  std::uint64_t pages = 0;    ///< Read before this one.
  std::uint64_t empties = 0;  ///< Of them without records, the latest in a row.
  std::uint64_t landmark =
      0;                   ///< Digest of an earlier page or token: a chain that goes round in a circle meets it again.
  std::string_view token;  ///< Cursor, or address of this page; empty where numbers lead on.
};
[[nodiscard]] ChainPlace chain_place(std::string_view cursor);
[[nodiscard]] std::string written(const ChainPlace& place);

/// Parameters that ask for one page.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> page_parameters(const Pagination& pagination,
                                                                               const stages::Request& request);

/// What a page tells of its listing.
struct PageKnowledge {
  std::optional<stages::PageExtent> extent;
  std::optional<std::uint64_t> total;
  struct Next {
    std::uint64_t offset = 0;
    std::string cursor;
  };
  std::optional<Next> next;  ///< Of a chain.
};

/// Works out which pages a listing has, from one answer and how many records it had.
///
/// Where a total is declared, all pages are known at once; a first page that is shorter than asked for then says how
/// many records the server gives at most. Elsewhere each page leads to the next, by the rules of Ocean's `custom`.
/// Errors: kMalformed (counts that contradict the records; the same page or token twice; page after page empty).
[[nodiscard]] Result<PageKnowledge> judge(const Pagination& pagination, const stages::Request& request,
                                          const stages::HttpResponse& response, json::Value root, std::size_t records,
                                          const json::Document& document);

/// The address in a `Link` header (RFC 8288) with that relation; nothing if there is none.
[[nodiscard]] std::optional<std::string> link_with_rel(std::string_view header, std::string_view rel);

}  // namespace riptide::sources::custom
