#include "paging.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "packed_fields.hpp"
#include "riptide/pipeline/entity.hpp"

namespace riptide::sources::custom {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;

/// Empty pages in a row after which a chain is taken to lead nowhere.
constexpr std::uint64_t kMaxEmptyPages = 100;
/// Counts beyond this are no counts.
constexpr std::uint64_t kMaxCount = 1'000'000'000'000;

std::string_view name_or(const std::string& name, std::string_view fallback) noexcept {
  return name.empty() ? fallback : std::string_view(name);
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > kMaxCount) return std::nullopt;
  return number;
}

/// Looks into one answer along dotted paths.
class Answer {
 public:
  Answer(const json::Document& document, json::Value root) : document_(document), root_(root) {}

  [[nodiscard]] bool is_array() const noexcept { return root_.type == json::Type::kArray; }

  /// Walks through objects; null for what leads nowhere.
  [[nodiscard]] json::Value at(std::string_view path) const {
    json::Value value = root_;
    while (true) {
      const auto dot = path.find('.');
      value = member(value, path.substr(0, dot));
      if (dot == std::string_view::npos || value.type == json::Type::kNull) return value;
      path.remove_prefix(dot + 1);
    }
  }
  /// A member of the answer whose key may have dots in it.
  [[nodiscard]] json::Value literally(std::string_view key) const { return member(root_, key); }

  /// Python's idea of true.
  [[nodiscard]] bool truthy(json::Value value) const {
    const std::string_view raw = raw_of(value);
    switch (value.type) {
      case json::Type::kNull:
        return false;
      case json::Type::kBool:
        return raw == "true";
      case json::Type::kNumber:
        return raw.substr(0, raw.find_first_of("eE")).find_first_of("123456789") != std::string_view::npos;
      case json::Type::kString:
        return raw.size() > 2;
      case json::Type::kArray:
      case json::Type::kObject:
        return raw.substr(1).find_first_not_of(" \t\r\n") != raw.size() - 2;
    }
    return false;
  }

  [[nodiscard]] std::string text(json::Value value) const {
    const std::string_view raw = raw_of(value);
    if (value.type != json::Type::kString) return std::string(raw);
    auto decoded = json::decoded(raw);
    return decoded ? *std::move(decoded) : std::string();
  }

  /// A count: a whole number, or text that is one.
  [[nodiscard]] std::optional<std::uint64_t> count(json::Value value) const {
    if (value.type != json::Type::kNumber && value.type != json::Type::kString) return std::nullopt;
    return whole_number(text(value));
  }

 private:
  [[nodiscard]] json::Value member(json::Value object, std::string_view key) const {
    if (object.type != json::Type::kObject) return {};
    const auto found = document_.find(object, key);
    return found && *found ? **found : json::Value{};
  }
  [[nodiscard]] std::string_view raw_of(json::Value value) const {
    const auto raw = document_.raw(value);
    return raw ? *raw : std::string_view();
  }

  const json::Document& document_;
  json::Value root_;
};

/// Whether a page is followed by another, by number.
bool page_goes_on(const Pagination& pagination, const Answer& answer, std::size_t records) {
  if (answer.is_array()) return records >= pagination.page_size;
  if (!pagination.has_more_path.empty()) {
    const json::Value more = answer.at(pagination.has_more_path);
    if (more.type != json::Type::kNull) return answer.truthy(more);
  }
  if (!pagination.last_page_path.empty()) {
    const json::Value last = answer.at(pagination.last_page_path);
    if (last.type != json::Type::kNull) return !answer.truthy(last);
  }
  return answer.at("next_page").type != json::Type::kNull || answer.at("next").type != json::Type::kNull ||
         answer.truthy(answer.at("hasMore"));
}

/// Whether a page is followed by another, by offset. Where nothing in the answer tells, an empty page is the last.
bool offset_goes_on(const Pagination& pagination, const Answer& answer, std::size_t records) {
  if (answer.is_array()) return records >= pagination.page_size;
  if (!pagination.has_more_path.empty()) return answer.truthy(answer.at(pagination.has_more_path));
  for (const std::string_view path : {"has_more", "hasMore"}) {
    const json::Value more = answer.at(path);
    if (more.type != json::Type::kNull) return answer.truthy(more);
  }
  return records != 0;
}

/// The cursor of the next page; empty if this is the last.
std::string next_cursor(const Pagination& pagination, const Answer& answer) {
  if (answer.is_array()) return {};
  json::Value cursor;
  if (!pagination.cursor_path.empty()) {
    cursor = answer.at(pagination.cursor_path);
  } else {
    for (const std::string_view path : {"next_cursor", "cursor", "meta.after_cursor", "links.next"}) {
      cursor = answer.at(path);
      if (answer.truthy(cursor)) break;
    }
  }
  if (!answer.truthy(cursor)) return {};
  bool more = false;
  if (!pagination.has_more_path.empty()) {
    more = answer.truthy(answer.at(pagination.has_more_path));
  } else {
    for (const std::string_view path : {"has_more", "hasMore", "meta.has_more"}) {
      const json::Value value = answer.at(path);
      if (value.type == json::Type::kNull) continue;
      more = answer.truthy(value);
      break;
    }
  }
  return more ? answer.text(cursor) : std::string();
}

std::string next_link(const Pagination& pagination, const Answer& answer) {
  if (answer.is_array()) return {};
  json::Value link = answer.literally(pagination.next_link_path);
  if (!answer.truthy(link) && pagination.next_link_path.find('.') != std::string::npos) {
    link = answer.at(pagination.next_link_path);
  }
  return answer.truthy(link) ? answer.text(link) : std::string();
}

std::string header_link(const Pagination& pagination, const stages::HttpResponse& response) {
  for (const stages::Header& header : response.headers) {
    if (!stages::same_header_name(header.name, "link")) continue;
    if (auto link = link_with_rel(header.value, pagination.header_link_rel)) return *std::move(link);
  }
  return {};
}

/// The step of a chain, checked against going round in a circle (Brent's algorithm: the landmark moves up to the
/// present page whenever the number of pages is a power of two).
Result<PageKnowledge::Next> chained(const stages::Request& request, std::uint64_t records, std::uint64_t digest,
                                    std::string_view token) {
  ChainPlace place = chain_place(request.cursor);
  if (digest != 0 && place.pages != 0 && digest == place.landmark) {
    return unexpected(ErrorKind::kMalformed,
                      token.empty() ? "the same page came twice: the server does not heed the parameter that asks for "
                                      "the next one; check pagination_param and the pagination type"
                                    : "the pages go round in a circle: the same next page was named twice");
  }
  if (std::has_single_bit(place.pages + 1) || place.landmark == 0) place.landmark = digest;
  place.empties = records == 0 ? place.empties + 1 : 0;
  if (place.empties > kMaxEmptyPages) {
    return unexpected(ErrorKind::kMalformed,
                      fmt::format("{} pages in a row had no records, and still more were announced", place.empties));
  }
  ++place.pages;
  place.token = token;
  return PageKnowledge::Next{request.offset, written(place)};
}

struct Declared {
  std::optional<std::uint64_t> records;
  std::optional<std::uint64_t> pages;
};

/// What the answer declares of the whole listing. A header that nobody named counts only where it cannot be the size of
/// this page instead. Errors: kMalformed (a path that was given leads to no count).
Result<Declared> declared(const Pagination& pagination, const stages::HttpResponse& response, const Answer& answer,
                          std::uint64_t end, bool full) {
  Declared found;
  const auto at = [&](const std::string& path, std::string_view setting) -> Result<std::optional<std::uint64_t>> {
    if (path.empty() || answer.is_array()) return std::optional<std::uint64_t>();
    const auto count = answer.count(answer.at(path));
    if (!count) return unexpected(ErrorKind::kMalformed, fmt::format("there is no count at {} ({})", path, setting));
    return count;
  };
  auto records = at(pagination.total_path, "total_path");
  if (!records) return unexpected(std::move(records).error());
  auto pages = at(pagination.total_pages_path, "total_pages_path");
  if (!pages) return unexpected(std::move(pages).error());
  found.records = *records;
  found.pages = *pages;
  if (!found.records && !found.pages && !pagination.total_header.empty()) {
    const auto header = response.header(pagination.total_header);
    const auto count = header ? whole_number(*header) : std::nullopt;
    if (count && (*count > end || (*count == end && !full))) found.records = count;
  }
  return found;
}

/// All pages at once. A page's number within the listing is offset / page_size whatever the server really gives.
Result<PageKnowledge> ranged(const Pagination& pagination, const stages::Request& request, const Declared& counts,
                             std::uint64_t records) {
  PageKnowledge known;
  const bool by_number = pagination.style == PageStyle::kPage;
  const std::uint64_t size = pagination.page_size;
  const bool first = request.offset == 0;
  if (!by_number && counts.records && request.offset + records > *counts.records) {
    return unexpected(ErrorKind::kMalformed, fmt::format("{} records up to offset {}, though the answer counts {}",
                                                         records, request.offset + records, *counts.records));
  }
  const std::uint64_t expected = counts.records.value_or(counts.pages.value_or(0) * size);
  if (records == 0 && request.offset < expected) {
    return unexpected(
        ErrorKind::kMalformed,
        fmt::format("an empty page at offset {}, though the answer counts {} {}", request.offset,
                    counts.records ? *counts.records : *counts.pages, counts.records ? "records" : "pages"));
  }
  std::uint64_t pages = counts.pages.value_or(0);
  if (!counts.pages) {
    // A first page that is shorter than it should be tells what the server gives at most.
    const std::uint64_t given = first && records != 0 && records < std::min(size, *counts.records) ? records : size;
    if (given != size && !by_number) {
      known.next = PageKnowledge::Next{records, {}};  // The next page begins where this one ended.
      return known;
    }
    pages = (*counts.records + given - 1) / given;
    if (!first) return PageKnowledge{.extent = std::nullopt, .total = counts.records, .next = std::nullopt};
  }
  known.total = counts.records ? counts.records : counts.pages;
  known.extent = stages::PageExtent{size, pages == 0 ? 0 : (pages - 1) * size};
  return known;
}

}  // namespace

ChainPlace chain_place(std::string_view cursor) {
  ChainPlace place;
  const std::vector<std::string_view> fields = unpacked(cursor);
  if (fields.size() != 4) return place;
  place.pages = whole_number(fields[0]).value_or(0);
  place.empties = whole_number(fields[1]).value_or(0);
  std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), place.landmark, 16);
  place.token = fields[3];
  return place;
}

std::string written(const ChainPlace& place) {
  return packed({fmt::format("{}", place.pages), fmt::format("{}", place.empties), fmt::format("{:x}", place.landmark),
                 place.token});
}

std::vector<std::pair<std::string, std::string>> page_parameters(const Pagination& pagination,
                                                                 const stages::Request& request) {
  std::vector<std::pair<std::string, std::string>> out;
  const std::string size = fmt::format("{}", pagination.page_size);
  switch (pagination.style) {
    case PageStyle::kNone:
    case PageStyle::kNextLink:
    case PageStyle::kHeaderLink:
      break;
    case PageStyle::kPage:
      out.emplace_back(name_or(pagination.page_param, "page"),
                       fmt::format("{}", pagination.start_page + request.offset / pagination.page_size));
      out.emplace_back(name_or(pagination.size_param, "size"), size);
      break;
    case PageStyle::kOffset:
      out.emplace_back(name_or(pagination.page_param, "offset"), fmt::format("{}", request.offset));
      out.emplace_back(name_or(pagination.size_param, "limit"), size);
      break;
    case PageStyle::kCursor: {
      out.emplace_back(name_or(pagination.size_param, "limit"), size);
      const ChainPlace place = chain_place(request.cursor);
      if (!place.token.empty()) out.emplace_back(name_or(pagination.page_param, "cursor"), place.token);
      break;
    }
  }
  return out;
}

Result<PageKnowledge> judge(const Pagination& pagination, const stages::Request& request,
                            const stages::HttpResponse& response, json::Value root, std::size_t records,
                            const json::Document& document) {
  const Answer answer(document, root);
  const bool by_number = pagination.style == PageStyle::kPage || pagination.style == PageStyle::kOffset;
  const ChainPlace place = chain_place(request.cursor);
  const bool full = records >= pagination.page_size;
  Declared counts;
  if (pagination.style == PageStyle::kOffset || (by_number && place.pages == 0)) {
    auto found = declared(pagination, response, answer, request.offset + records, full);
    if (!found) return unexpected(std::move(found).error());
    counts = *found;
  }
  if (place.pages == 0 && (counts.records || counts.pages)) {
    auto known = ranged(pagination, request, counts, records);
    if (!known || !known->next) return known;
    // The server gives less than was asked for: page after page, each where the last one ended.
  }
  PageKnowledge known;
  std::string token;
  std::uint64_t offset = request.offset;
  switch (pagination.style) {
    case PageStyle::kNone:
      return known;
    case PageStyle::kPage:
      if (!page_goes_on(pagination, answer, records)) return known;
      offset += pagination.page_size;
      break;
    case PageStyle::kOffset: {
      const std::uint64_t read = request.offset + records;
      const bool more =
          counts.records ? read < *counts.records && records != 0 : offset_goes_on(pagination, answer, records);
      if (counts.records && records == 0 && read < *counts.records) {
        return unexpected(ErrorKind::kMalformed, fmt::format("an empty page at offset {}, though the answer counts {} "
                                                             "records",
                                                             request.offset, *counts.records));
      }
      if (!more) return known;
      offset = records != 0 && records < pagination.page_size ? read : request.offset + pagination.page_size;
      break;
    }
    case PageStyle::kCursor:
      token = next_cursor(pagination, answer);
      if (token.empty()) return known;
      offset += records;
      break;
    case PageStyle::kNextLink:
      token = next_link(pagination, answer);
      if (token.empty()) return known;
      offset += records;
      break;
    case PageStyle::kHeaderLink:
      token = header_link(pagination, response);
      if (token.empty()) return known;
      offset += records;
      break;
  }
  const std::string_view body = response.body ? response.body->view() : std::string_view();
  const std::uint64_t digest = !token.empty() ? pipeline::digest_of(token).low
                               : records != 0 ? pipeline::digest_of(body).low
                                              : 0;
  auto next = chained(request, records, digest, token);
  if (!next) return unexpected(std::move(next).error());
  next->offset = offset;
  known.next = *std::move(next);
  return known;
}

std::optional<std::string> link_with_rel(std::string_view header, std::string_view rel) {
  while (true) {
    const auto open = header.find('<');
    if (open == std::string_view::npos) return std::nullopt;
    const auto close = header.find('>', open);
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view address = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    // Parameters up to the comma that is not inside quotes.
    bool quoted = false;
    std::size_t end = 0;
    while (end < header.size() && (quoted || header[end] != ',')) {
      if (header[end] == '"') quoted = !quoted;
      ++end;
    }
    std::string_view parameters = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    while (!parameters.empty()) {
      const auto semicolon = parameters.find(';');
      std::string_view parameter = parameters.substr(0, semicolon);
      parameters.remove_prefix(semicolon == std::string_view::npos ? parameters.size() : semicolon + 1);
      while (parameter.starts_with(' ')) parameter.remove_prefix(1);
      if (parameter.size() < 4 || !stages::same_header_name(parameter.substr(0, 4), "rel=")) continue;
      parameter.remove_prefix(4);
      while (parameter.ends_with(' ')) parameter.remove_suffix(1);
      if (parameter.size() >= 2 && parameter.front() == '"' && parameter.back() == '"') {
        parameter = parameter.substr(1, parameter.size() - 2);
      }
      // A relation may be one of several in the same quotes.
      while (!parameter.empty()) {
        const auto blank = parameter.find(' ');
        if (stages::same_header_name(parameter.substr(0, blank), rel)) return std::string(address);
        parameter.remove_prefix(blank == std::string_view::npos ? parameter.size() : blank + 1);
      }
    }
  }
}

}  // namespace riptide::sources::custom
