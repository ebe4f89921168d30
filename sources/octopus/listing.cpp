#include "listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace riptide::sources::octopus {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;

constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 53;

// Reads a count; null is as good as absent.
Result<std::optional<std::uint64_t>> read_count(const json::Document& document, json::Value value,
                                                std::string_view name) {
  if (value.type == json::Type::kNull) return std::optional<std::uint64_t>();
  Result<std::string_view> raw = document.raw(value);
  if (!raw) return unexpected(std::move(raw).error());
  std::optional<std::uint64_t> count;
  if (value.type == json::Type::kNumber) count = json::to_uint64(*raw);
  if (!count || *count > kMaxCount) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("the listing's {} is not a count: {}", name, raw->substr(0, 40)));
  }
  return count;
}

// Number of the last page, from 0, of `total` records at `step` a page.
std::uint64_t last_page(std::uint64_t total, std::uint64_t step) noexcept {
  return total == 0 ? 0 : (total - 1) / step;
}

}  // namespace

Result<Envelope> read_envelope(std::string_view body, json::Document& document) {
  Result<json::Value> root = document.index(body);
  if (!root) return unexpected(std::move(root).error());
  if (root->type != json::Type::kObject) {
    return unexpected(ErrorKind::kMalformed, "the listing is not a JSON object");
  }
  Envelope envelope;
  std::optional<json::Value> items;
  json::Document::Members members(document, *root);
  while (members.next()) {
    std::optional<std::uint64_t>* count = nullptr;
    if (members.key_is("Items")) {
      items = members.value();
    } else if (members.key_is("TotalResults")) {
      count = &envelope.total_results;
    } else if (members.key_is("LastPageNumber")) {
      count = &envelope.last_page_number;
    } else if (members.key_is("ItemsPerPage")) {
      count = &envelope.items_per_page;
    }
    if (count != nullptr) {
      auto read = read_count(document, members.value(), members.raw_key());
      if (!read) return unexpected(std::move(read).error());
      *count = *read;
    }
  }
  if (auto checked = members.status(); !checked) return unexpected(std::move(checked).error());
  if (!items || items->type != json::Type::kArray) {
    return unexpected(ErrorKind::kMalformed, "the listing has no array `Items`");
  }
  json::Document::Elements elements(document, *items);
  while (elements.next()) {
    Result<std::string_view> raw = elements.raw_value();
    if (!raw) return unexpected(std::move(raw).error());
    envelope.items.push_back({elements.value(), *raw});
  }
  if (auto checked = elements.status(); !checked) return unexpected(std::move(checked).error());
  return envelope;
}

Result<PageKnowledge> judge(const Envelope& envelope, const PageAsked& asked) {
  const std::uint64_t count = envelope.items.size();
  const std::uint64_t promised_page = envelope.last_page_number.value_or(0);
  const std::uint64_t reported_step = envelope.items_per_page.value_or(0);
  std::uint64_t step = reported_step != 0 ? reported_step : asked.take;
  if (reported_step == 0 && asked.offset == 0 && count != 0 && count < asked.take && envelope.total_results &&
      envelope.last_page_number && last_page(*envelope.total_results, asked.take) != promised_page &&
      last_page(*envelope.total_results, count) == promised_page) {
    step = count;  // The server gives less than was asked for and does not say so, but its counts do.
  }
  std::uint64_t last_offset = 0;
  if (__builtin_mul_overflow(promised_page, step, &last_offset) || last_offset > kMaxCount) {
    return unexpected(
        ErrorKind::kMalformed,
        fmt::format("the listing's LastPageNumber is out of range: {} with {} a page", promised_page, step));
  }
  const std::uint64_t end = asked.offset + count;
  // Without a size of its own, a later page cannot know the step where the counts speak against the one asked for.
  const bool unknown_step = reported_step == 0 && asked.offset != 0 && !asked.chained && envelope.total_results &&
                            last_page(*envelope.total_results, step) < promised_page;
  // A total that cannot explain the promised pages, or this one, is not one of the scope: the pages are followed, as
  // Ocean does.
  const bool total_counts =
      envelope.total_results && (count == 0 || end <= *envelope.total_results) &&
      (asked.chained || unknown_step || last_page(*envelope.total_results, step) >= promised_page);
  const std::uint64_t total = total_counts ? *envelope.total_results : 0;
  if (total_counts) last_offset = last_page(total, step) * step;

  if (count == 0 && asked.offset < (total_counts ? total : last_offset)) {
    return unexpected(
        ErrorKind::kMalformed,
        total_counts ? fmt::format("the page at {} is empty though the listing has {} records", asked.offset, total)
                     : fmt::format("the page at {} is empty though LastPageNumber is {}", asked.offset, promised_page));
  }

  PageKnowledge page;
  page.keep = envelope.items.size();
  if (asked.limit != 0) {
    page.keep =
        static_cast<std::size_t>(std::min<std::uint64_t>(count, asked.limit - std::min(asked.limit, asked.offset)));
    page.capped = total_counts ? total > asked.limit : std::max(end, last_offset + 1) > asked.limit;
  }
  if (total_counts && !page.capped) page.total = total;

  const bool wanted = asked.limit == 0 || end < asked.limit;
  const bool more = wanted && (total_counts ? end < total : asked.offset < last_offset);
  if (asked.chained || (asked.offset == 0 && total_counts && more && count != step)) {
    if (more) page.next_offset = end;
    return page;
  }
  // A later page is one of many: it tells of the scope's pages only if its own step is surely theirs.
  const bool same_step = (step == asked.take && !unknown_step) || (reported_step != 0 && count == step);
  if (asked.offset != 0 && (asked.limit != 0 || !same_step || asked.offset % step != 0)) return page;
  if (asked.limit != 0) last_offset = std::min(last_offset, (asked.limit - 1) / step * step);
  page.extent = stages::PageExtent{step, last_offset};
  return page;
}

}  // namespace riptide::sources::octopus
