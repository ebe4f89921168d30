#include "listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace riptide::sources::jira {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;

constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 53;
constexpr std::uint32_t kMaxRounds = 3;
constexpr std::string_view kChain = "chain ";
constexpr std::string_view kPiece = "piece ";

Result<void> read_count(std::string_view raw, json::Value value, std::string_view key,
                        std::optional<std::uint64_t>& out) {
  out.reset();
  if (value.type == json::Type::kNull) return {};
  if (value.type == json::Type::kNumber) out = json::to_uint64(raw);
  if (!out || *out > kMaxCount) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("the listing's {} is not a count: {}", key, raw.substr(0, 40)));
  }
  return {};
}

Result<void> read_flag(std::string_view raw, json::Value value, std::string_view key, std::optional<bool>& out) {
  out.reset();
  if (value.type == json::Type::kNull) return {};
  if (value.type != json::Type::kBool) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("the listing's {} is neither true nor false: {}", key, raw.substr(0, 40)));
  }
  out = raw == "true";
  return {};
}

Result<void> read_token(std::string_view raw, json::Value value, std::string_view key, std::string& out) {
  out.clear();
  if (value.type == json::Type::kNull) return {};
  if (value.type != json::Type::kString) {
    return unexpected(ErrorKind::kMalformed, fmt::format("the listing's {} is not text: {}", key, raw.substr(0, 40)));
  }
  Result<std::string> text = json::decoded(raw);
  if (!text) return unexpected(std::move(text).error());
  out = *std::move(text);
  return {};
}

// The token in `pageInfo`, which counts while there is a next page.
Result<void> read_page_info(const json::Document& document, json::Value object, std::string& out) {
  out.clear();
  std::optional<bool> more;
  json::Document::Members members(document, object);
  while (members.next()) {
    const bool flag = members.key_is("hasNextPage");
    if (!flag && !members.key_is("endCursor")) continue;
    Result<std::string_view> raw = members.raw_value();
    if (!raw) return unexpected(std::move(raw).error());
    auto read = flag ? read_flag(*raw, members.value(), "pageInfo.hasNextPage", more)
                     : read_token(*raw, members.value(), "pageInfo.endCursor", out);
    if (!read) return read;
  }
  if (auto checked = members.status(); !checked) return checked;
  if (!more.value_or(false)) out.clear();
  return {};
}

Result<void> read_envelope_member(const json::Document& document, json::Document::Members& members,
                                  std::string_view token_key, Listing& listing) {
  const bool total = members.key_is("total");
  const bool max_results = members.key_is("maxResults");
  const bool is_last = members.key_is("isLast");
  const bool token = !token_key.empty() && members.key_is(token_key);
  if (!total && !max_results && !is_last && !token) return {};
  const json::Value value = members.value();
  Result<std::string_view> raw = members.raw_value();
  if (!raw) return unexpected(std::move(raw).error());
  if (total) return read_count(*raw, value, "total", listing.total);
  if (max_results) return read_count(*raw, value, "maxResults", listing.max_results);
  if (is_last) return read_flag(*raw, value, "isLast", listing.is_last);
  if (token_key == "pageInfo" && value.type == json::Type::kObject) {
    return read_page_info(document, value, listing.token);
  }
  return read_token(*raw, value, token_key, listing.token);
}

// A position in an offset listing beyond its offset.
struct Position {
  bool chained = false;
  std::uint32_t round = 0;
  std::optional<std::uint64_t> total;  // As the page before told.
  std::uint64_t edge = 0;              // Of the page before; 0 if there was none.
  std::uint64_t piece = 0;             // Records that a short page still lacks.
};

template <class Number>
Number next_number(std::string_view& text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc()) value = 0;
  if (!text.empty()) text.remove_prefix(1);
  return value;
}

Position position_of(std::string_view cursor) {
  Position position;
  if (cursor.starts_with(kPiece)) {
    cursor.remove_prefix(kPiece.size());
    position.piece = next_number<std::uint64_t>(cursor);
  } else if (cursor.starts_with(kChain)) {
    cursor.remove_prefix(kChain.size());
    position.chained = true;
    position.round = next_number<std::uint32_t>(cursor);
    position.edge = next_number<std::uint64_t>(cursor);
    if (!cursor.empty()) position.total = next_number<std::uint64_t>(cursor);
  }
  return position;
}

std::string chain_from(std::uint32_t round, std::uint64_t edge, const std::optional<std::uint64_t>& total) {
  std::string text = fmt::format("{}{} {}", kChain, round, edge);
  if (total) text += fmt::format(" {}", *total);
  return text;
}

// Tells a page from the one before it; never 0.
std::uint64_t edge_of(const std::optional<stages::PageEdges>& edges) noexcept {
  return edges ? (edges->first * 0x9e3779b97f4a7c15u + edges->last) | 1u : 0;
}

Result<PageKnowledge> judge_chain(const Listing& listing, const PageAsked& asked, const Position& position,
                                  std::uint64_t edge, bool more) {
  PageKnowledge page;
  if (position.total && listing.total != position.total) {
    if (position.round >= kMaxRounds) {
      return unexpected(ErrorKind::kLimit,
                        fmt::format("the listing changed while it was read, in each of {} rounds", kMaxRounds + 1));
    }
    page.next = NextPage{0, chain_cursor(position.round + 1)};
    return page;
  }
  if (position.edge != 0 && position.edge == edge) {
    return unexpected(
        ErrorKind::kMalformed,
        fmt::format("the page at {} is the page before it again: the listing does not go on", asked.offset));
  }
  if (more) page.next = NextPage{asked.offset + listing.items.size(), chain_from(position.round, edge, listing.total)};
  return page;
}

}  // namespace

Result<Listing> read_listing(std::string_view body, json::Document& document, const ListingShape& shape) {
  Result<json::Value> root = document.index(body);
  if (!root) return unexpected(std::move(root).error());
  Listing listing;
  std::optional<json::Value> items;
  if (shape.items.empty()) {
    if (root->type != json::Type::kArray) return unexpected(ErrorKind::kMalformed, "the listing is not a JSON array");
    items = *root;
  } else {
    if (root->type != json::Type::kObject) return unexpected(ErrorKind::kMalformed, "the listing is not a JSON object");
    json::Document::Members members(document, *root);
    while (members.next()) {
      if (members.key_is(shape.items) || (!shape.alt_items.empty() && members.key_is(shape.alt_items))) {
        items = members.value();
        continue;
      }
      if (auto read = read_envelope_member(document, members, shape.token, listing); !read) {
        return unexpected(std::move(read).error());
      }
    }
    if (auto checked = members.status(); !checked) return unexpected(std::move(checked).error());
    if (!items || items->type != json::Type::kArray) {
      return unexpected(ErrorKind::kMalformed, fmt::format("the listing has no array `{}`", shape.items));
    }
  }
  json::Document::Elements elements(document, *items);
  while (elements.next()) {
    Result<std::string_view> raw = elements.raw_value();
    if (!raw) return unexpected(std::move(raw).error());
    listing.items.push_back({elements.value(), *raw});
  }
  if (auto checked = elements.status(); !checked) return unexpected(std::move(checked).error());
  return listing;
}

std::string chain_cursor(std::uint32_t round) { return chain_from(round, 0, std::nullopt); }

std::uint32_t round_of(std::string_view cursor) { return position_of(cursor).round; }

std::uint64_t take_of(std::string_view cursor, std::uint64_t page_size) {
  const std::uint64_t piece = position_of(cursor).piece;
  if (piece == 0) return page_size;
  return page_size == 0 ? piece : std::min(piece, page_size);
}

Result<PageKnowledge> judge(const Listing& listing, const PageAsked& asked,
                            const std::optional<stages::PageEdges>& edges) {
  const Position position = position_of(asked.cursor);
  const std::uint64_t count = listing.items.size();
  const std::uint64_t end = asked.offset + count;
  const std::uint64_t given = listing.max_results.value_or(0);
  // What the server says that it gives counts, unless it only repeats some bound of its own.
  const bool own_step = given != 0 && (asked.take == 0 || given <= asked.take || count > asked.take);
  const std::uint64_t step = own_step ? given : asked.take != 0 ? asked.take : count;

  const bool ended = asked.ends == Ends::kOnePage || (asked.ends == Ends::kLastFlag && listing.is_last == true);
  // A total that does not explain this page, or that the listing itself does not wait for, is none of this listing.
  const bool total_counts = listing.total && (count == 0 || end <= *listing.total) && !(ended && end < *listing.total);
  const std::uint64_t total = total_counts ? *listing.total : 0;
  if (total_counts && count == 0 && asked.offset < total && position.piece == 0 &&
      !(position.total && position.total != listing.total)) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("the page at {} is empty though the listing has {} records", asked.offset, total));
  }
  bool more = count != 0 && !ended;
  if (total_counts) {
    more = end < total;
  } else if (asked.ends == Ends::kLastFlag && !listing.is_last) {
    more = more && count >= step;
  }

  PageKnowledge page;
  if (position.piece != 0) {
    if (total_counts) page.total = total;
    if (more && count != 0 && count < position.piece) {
      page.next = NextPage{end, fmt::format("{}{}", kPiece, position.piece - count)};
    }
    return page;
  }
  const bool first = asked.offset == 0;
  const bool ranged = total_counts && step != 0 && (!first || !more || count == step);
  if (position.chained || (first && !ranged)) return judge_chain(listing, asked, position, edge_of(edges), more);
  if (!ranged) return page;
  page.total = total;
  if (first || count == step || step == asked.take) {
    page.extent = stages::PageExtent{step, total == 0 ? 0 : (total - 1) / step * step};
  }
  if (more && count < step) page.next = NextPage{end, fmt::format("{}{}", kPiece, step - count)};
  return page;
}

}  // namespace riptide::sources::jira
