#include "page_reader.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "packed_fields.hpp"
#include "riptide/pipeline/entity.hpp"

namespace riptide::sources::jira {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::unexpected;

/// A search whose filter leaves nothing of a page may answer some empty ones; not for ever.
constexpr std::uint64_t kMaxEmptyPages = 20;

// Puts what the last record lies under over all others too, without another copy.
void share_overlay(pipeline::RecordSet& records) {
  const pipeline::OverlayField field = records.overlay_fields.back();
  for (auto& span : records.spans) {
    if (span.overlay_count != 0) continue;
    span.overlay_begin = static_cast<std::uint32_t>(records.overlay_fields.size());
    span.overlay_count = 1;
    records.overlay_fields.push_back(field);
  }
}

}  // namespace

TokenPlace token_place(std::string_view cursor) {
  TokenPlace place;
  const std::vector<std::string_view> fields = unpacked(cursor);
  if (fields.size() != 4) return place;
  place.pages = json::to_uint64(fields[0]).value_or(0);
  place.empties = json::to_uint64(fields[1]).value_or(0);
  place.token = fields[2];
  place.landmark = fields[3];
  return place;
}

bool is_anonymous(const stages::HttpResponse& response) {
  const auto reason = response.header("X-Seraph-LoginReason");
  return reason && (reason->find("AUTHENTICATED_FAILED") != std::string_view::npos ||
                    reason->find("AUTHENTICATION_DENIED") != std::string_view::npos);
}

PageReader::PageReader(const stages::Request& request, const stages::HttpResponse& response, json::Document& document,
                       std::uint64_t page_size)
    : request_(request),
      response_(response),
      document_(document),
      page_size_(page_size),
      traits_(traits_of(step_of(request))),
      body_(response.body ? response.body->view() : std::string_view()) {}

pipeline::Unexpected PageReader::wrong(Error error) const {
  error.message += fmt::format(", url={}", response_.safe_url);
  return unexpected(std::move(error));
}

pipeline::Unexpected PageReader::malformed(std::string message) const {
  return wrong(Error(ErrorKind::kMalformed, std::move(message)));
}

Result<void> PageReader::read() {
  auto listing = read_listing(body_, document_, traits_.shape);
  if (!listing) return wrong(std::move(listing).error());
  listing_ = *std::move(listing);
  return {};
}

Result<std::string_view> PageReader::member(const Item& item, std::string_view key) const {
  if (item.value.type != json::Type::kObject) return std::string_view();
  auto value = document_.find(item.value, key);
  if (!value) return wrong(std::move(value).error());
  if (!value->has_value()) return std::string_view();
  const json::Type type = (*value)->type;
  if (type != json::Type::kString && type != json::Type::kNumber) return std::string_view();
  auto raw = document_.raw(**value);
  if (!raw) return wrong(std::move(raw).error());
  return *raw;
}

Result<std::string> PageReader::segment(const Item& item, std::string_view key) const {
  auto raw = member(item, key);
  if (!raw) return unexpected(std::move(raw).error());
  std::string text(*raw);
  if (!raw->empty() && raw->front() == '"') {
    auto decoded = json::decoded(*raw);
    if (!decoded) return wrong(std::move(decoded).error());
    text = *std::move(decoded);
  }
  if (text.empty() || text == "." || text == "..") {
    return malformed(
        fmt::format("one of the {} has no {} that can be asked for: {}", traits_.what, key, item.raw.substr(0, 80)));
  }
  return text;
}

Result<void> PageReader::add_records(std::string_view overlay_json, stages::PageStep& step) {
  pipeline::RecordSet& records = step.records;
  records.spans.reserve(listing_.items.size());
  for (const Item& item : listing_.items) {
    records.add(static_cast<std::uint32_t>(item.raw.data() - body_.data()),
                static_cast<std::uint32_t>(item.raw.size()));
  }
  if (listing_.items.empty()) return {};
  if (!traits_.overlay.empty() && !overlay_json.empty()) {
    records.overlay(traits_.overlay, overlay_json);
    share_overlay(records);
  }
  return {};
}

Result<void> PageReader::add_offset_pages(stages::PageStep& step) const {
  if (!listing_.items.empty()) {
    auto first = member(listing_.items.front(), traits_.id);
    if (!first) return unexpected(std::move(first).error());
    auto last = member(listing_.items.back(), traits_.id);
    if (!last) return unexpected(std::move(last).error());
    if (!first->empty() && !last->empty()) {
      step.edges = {pipeline::digest_of(*first).low, pipeline::digest_of(*last).low};
    }
  }
  const std::uint64_t take = take_of(request_.cursor, page_size_);
  auto page = judge(listing_, {request_.offset, take, request_.cursor, traits_.ends}, step.edges);
  if (!page) return wrong(std::move(page).error());
  step.extent = page->extent;
  step.total = page->total;
  if (page->next) {
    stages::Request& next = step.next.emplace_back(request_);
    next.offset = page->next->offset;
    next.cursor = std::move(page->next->cursor);
  }
  return {};
}

Result<void> PageReader::add_token_page(stages::PageStep& step) const {
  if (listing_.token.empty() && listing_.is_last == false && traits_.paging == Paging::kSearch) {
    return malformed("the page is not the last, as it says, but does not tell the next");
  }
  if (listing_.token.empty() || listing_.is_last == true) return {};
  const TokenPlace place = token_place(request_.cursor);
  const bool power_of_two = (place.pages & (place.pages - 1)) == 0;
  const std::string_view landmark = power_of_two ? place.token : place.landmark;
  if (listing_.token == place.token || listing_.token == landmark) {
    return malformed("the server's pages go round in a circle: the next one was read before");
  }
  const std::uint64_t empties = listing_.items.empty() ? place.empties + 1 : 0;
  if (empties > kMaxEmptyPages) {
    return malformed(fmt::format("the server sends one empty page after the other: {}", empties));
  }
  stages::Request& next = step.next.emplace_back(request_);
  next.offset = request_.offset + listing_.items.size();
  next.cursor = packed({std::to_string(place.pages + 1), std::to_string(empties), listing_.token, landmark});
  return {};
}

}  // namespace riptide::sources::jira
