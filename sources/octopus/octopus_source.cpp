#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "listing.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/sources/octopus.hpp"
#include "riptide/stages/server_url.hpp"

namespace riptide::sources::octopus {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::unexpected;
using stages::Request;
using stages::ScopeSpec;

constexpr std::string_view kSpace = "space";
constexpr std::string_view kDeployment = "deployment";

// Marks of our requests (`Request::step`).
constexpr std::uint32_t kSpaces = 0;   // A page of spaces; context: what hangs on a space.
constexpr std::uint32_t kRecords = 1;  // A page of a kind in a space; context: the kind.
constexpr std::uint32_t kChained = 2;  // Added to the mark of a scope that is followed page by page.

bool is_chained(const Request& request) noexcept { return (request.step & kChained) != 0; }
bool lists_spaces(const Request& request) noexcept { return (request.step & kRecords) == 0; }

constexpr std::size_t kTypicalLinkBytes = 64;  // Behind the server's address.

std::string_view context_of(const Request& request) noexcept {
  return request.context ? std::string_view(*request.context) : std::string_view();
}

std::string_view kind_of(const Request& request) noexcept {
  return lists_spaces(request) ? kSpace : context_of(request);
}

// A kind that is read in every space, and the resource blocks that map it.
struct KindInSpace {
  std::string kind;
  std::vector<std::uint32_t> resources;
};

// Kinds travel with the requests for spaces as text: "<index>,<index>:<bytes of kind>:<kind>" each.
std::string written(const std::vector<KindInSpace>& kinds) {
  std::string text;
  for (const KindInSpace& kind : kinds) {
    text += fmt::format("{}:{}:{}", fmt::join(kind.resources, ","), kind.kind.size(), kind.kind);
  }
  return text;
}

std::vector<KindInSpace> kinds_read(std::string_view text) {
  std::vector<KindInSpace> kinds;
  const auto number = [&text](auto& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return !text.empty();
  };
  while (!text.empty()) {
    KindInSpace& kind = kinds.emplace_back();
    char behind = ',';
    while (behind == ',') {
      if (!number(kind.resources.emplace_back())) return {};
      behind = text.front();
      text.remove_prefix(1);
    }
    std::size_t length = 0;
    if (!number(length) || length >= text.size()) return {};
    kind.kind = text.substr(1, length);
    text.remove_prefix(1 + length);
  }
  return kinds;
}

// What a record is called, as raw JSON values; empty where it does not have them.
struct RecordNames {
  std::string_view id;
  std::string_view space_id;
};

// Finds the identifying members of a record. Returns empty ones for what is not an object, and for members that are
// neither text nor number. Stops at the second of them, which is most of the way saved: they come first. Of a repeated
// key the first counts; the link is all that hangs on it.
Result<RecordNames> names_of(const json::Document& document, json::Value record, bool in_space) {
  RecordNames names;
  if (record.type != json::Type::kObject) return names;
  bool has_id = false;
  bool has_space_id = !in_space;
  json::Document::Members members(document, record);
  while (!(has_id && has_space_id) && members.next()) {
    std::string_view* name = nullptr;
    if (!has_id && members.key_is("Id")) {
      name = &names.id;
      has_id = true;
    } else if (!has_space_id && members.key_is("SpaceId")) {
      name = &names.space_id;
      has_space_id = true;
    }
    if (name == nullptr) continue;
    const json::Type type = members.value().type;
    if (type != json::Type::kString && type != json::Type::kNumber) continue;
    Result<std::string_view> raw = members.raw_value();
    if (!raw) return unexpected(std::move(raw).error());
    *name = *raw;
  }
  if (auto checked = members.status(); !checked) return unexpected(std::move(checked).error());
  return names;
}

// Appends a name as it stands inside a JSON string. A name that is no JSON string is left out.
void append_inside_string(std::string_view raw, std::string& out) {
  if (raw.empty()) return;
  if (raw.front() != '"') {
    out += raw;  // A number.
  } else if (raw.find('\\') == std::string_view::npos) {
    out += raw.substr(1, raw.size() - 2);
  } else if (auto text = json::decoded(raw)) {
    std::string quoted;
    json::append_quoted(*text, quoted);
    out.append(quoted, 1, quoted.size() - 2);
  }
}

// The id of a space as text; empty for one that Ocean would take for false.
std::string space_id_of(std::string_view raw_id) {
  if (raw_id.empty()) return {};
  if (raw_id.front() != '"') return raw_id == "0" ? std::string() : std::string(raw_id);
  auto text = json::decoded(raw_id);
  return text ? std::move(*text) : std::string();
}

// Where a kind's records are shown: `<prefix><SpaceId><middle><Id><suffix>`.
struct Link {
  std::string_view kind;
  std::string_view middle;
  std::string_view suffix;
};
constexpr std::array kLinks = {
    Link{"project", "/projects/", ""},
    Link{"release", "/releases/", ""},
    Link{"deployment", "/deployments/", ""},
    Link{"machine", "/infrastructure/machines/", "/settings"},
};

const Link* link_of(std::string_view kind) noexcept {
  const auto* link = std::find_if(kLinks.begin(), kLinks.end(), [kind](const Link& one) { return one.kind == kind; });
  return link == kLinks.end() ? nullptr : link;
}

}  // namespace

Result<std::unique_ptr<OctopusSource>> OctopusSource::create(Options options) {
  Result<std::string> url = stages::checked_server_url(options.server_url, "OCEAN__INTEGRATION__CONFIG__SERVER_URL");
  if (!url) return unexpected(std::move(url).error());
  options.server_url = *std::move(url);
  if (options.api_key.empty()) {
    return unexpected(ErrorKind::kConfig,
                      "the Octopus API key is missing: set OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY");
  }
  if (options.api_key.reveal().find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return unexpected(ErrorKind::kConfig,
                      "the Octopus API key has a line break in it: check OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY");
  }
  if (options.page_size == 0 || options.page_size > kMaxPageSize) {
    return unexpected(ErrorKind::kConfig,
                      fmt::format("pageSize must be from 1 to {}: {}", kMaxPageSize, options.page_size));
  }
  return std::unique_ptr<OctopusSource>(new OctopusSource(std::move(options)));
}

OctopusSource::OctopusSource(Options options)
    : server_url_(std::move(options.server_url)),
      page_size_(options.page_size),
      deployment_limit_(options.deployment_limit),
      auth_(std::move(options.api_key)) {
  std::string quoted;
  json::append_quoted(server_url_ + "/app#/", quoted);
  link_prefix_ = quoted.substr(1, quoted.size() - 2);
}

Result<stages::Credentials> OctopusSource::ApiKey::fixed() const {
  return stages::Credentials{{{"X-Octopus-ApiKey", key_.reveal()}}, std::nullopt};
}

std::uint64_t OctopusSource::limit_of(std::string_view kind) const noexcept {
  return kind == kDeployment ? deployment_limit_ : 0;
}

std::uint64_t OctopusSource::take_at(std::uint64_t offset, std::uint64_t limit) const noexcept {
  if (limit == 0 || offset >= limit) return page_size_;
  return std::min<std::uint64_t>(page_size_, limit - offset);
}

Result<std::vector<Request>> OctopusSource::start(std::span<const stages::SourceResource> resources) const {
  auto scope = std::make_shared<ScopeSpec>();
  std::vector<KindInSpace> kinds;
  for (const stages::SourceResource& resource : resources) {
    if (resource.kind.empty()) {
      return unexpected(ErrorKind::kConfig,
                        fmt::format("resource {} of the mapping has an empty kind: use space, project, release, "
                                    "deployment, machine, or a route of the server without its final s",
                                    resource.index));
    }
    if (resource.kind == kSpace) {
      scope->resources.push_back(resource.index);
      continue;
    }
    scope->dependents.push_back(resource.index);
    auto kind = std::find_if(kinds.begin(), kinds.end(),
                             [&resource](const KindInSpace& one) { return one.kind == resource.kind; });
    if (kind == kinds.end()) kind = kinds.insert(kinds.end(), {resource.kind, {}});
    kind->resources.push_back(resource.index);
  }
  std::vector<Request> requests;
  if (resources.empty()) return requests;
  Request& spaces = requests.emplace_back();
  spaces.scope = std::move(scope);
  spaces.step = kSpaces;
  spaces.context = std::make_shared<const std::string>(written(kinds));
  return requests;
}

stages::HttpRequest OctopusSource::render(const Request& request) const {
  stages::HttpRequest http;
  http.method = stages::Method::kGet;
  http.retryable = true;
  http.auth = &auth_;
  http.headers.push_back({"Accept", "application/json"});
  const std::uint64_t take = take_at(request.offset, limit_of(kind_of(request)));
  const std::string path = lists_spaces(request)
                               ? std::string("spaces")
                               : fmt::format("{}/{}s", stages::percent_encoded(request.scope->partition),
                                             stages::percent_encoded(kind_of(request)));
  http.url = fmt::format("{}/api/{}?skip={}&take={}", server_url_, path, request.offset, take);
  return http;
}

Error OctopusSource::refused(const Request& request, const stages::HttpResponse& response) const {
  Error error = stages::http_error(response);
  if (response.status == 401) {
    error.message += " (Octopus does not accept the API key: check OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY)";
  } else if (response.status == 403) {
    error.message += fmt::format(
        " (the owner of the API key may not read {}: grant it, or use another key in "
        "OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY)",
        lists_spaces(request) ? std::string("the spaces")
                              : fmt::format("{}s of {}", kind_of(request), request.scope->partition));
  } else if (response.status == 404 && lists_spaces(request)) {
    error.message += " (is this an Octopus server? check OCEAN__INTEGRATION__CONFIG__SERVER_URL)";
  } else if (response.status == 404) {
    error.message += fmt::format(
        " (the server has no listing `{}s` in this space: a kind is such a route without its "
        "final s)",
        kind_of(request));
  } else if (response.status >= 300 && response.status < 400) {
    error.message +=
        " (the server sends readers elsewhere: put the final address in OCEAN__INTEGRATION__CONFIG__SERVER_URL)";
  }
  return error;
}

Result<stages::PageStep> OctopusSource::read(const Request& request, const stages::HttpResponse& response,
                                             json::Document& document) const {
  if (!response.ok()) return unexpected(refused(request, response));
  const std::string_view body = response.body ? response.body->view() : std::string_view();
  const auto malformed = [&response](Error error) {
    error.message += fmt::format(", url={}", response.safe_url);
    return unexpected(std::move(error));
  };

  Result<Envelope> envelope = read_envelope(body, document);
  if (!envelope) return malformed(std::move(envelope).error());
  const std::string_view kind = kind_of(request);
  PageAsked asked;
  asked.offset = request.offset;
  asked.limit = limit_of(kind);
  asked.take = take_at(request.offset, asked.limit);
  asked.chained = is_chained(request);
  Result<PageKnowledge> page = judge(*envelope, asked);
  if (!page) return malformed(std::move(page).error());

  stages::PageStep step;
  step.extent = page->extent;
  step.total = page->total;
  if (page->next_offset) {
    Request& next = step.next.emplace_back(request);
    next.step |= kChained;
    next.offset = *page->next_offset;
  }
  if (page->capped && request.offset == 0) {
    step.notice =
        fmt::format("only the newest {} {}s of {} are read{}: deploymentLimit raises that, 0 reads all", asked.limit,
                    kind, request.scope->partition,
                    envelope->total_results ? fmt::format(", of {}", *envelope->total_results) : std::string());
  }

  const std::vector<KindInSpace> kinds =
      lists_spaces(request) ? kinds_read(context_of(request)) : std::vector<KindInSpace>();
  std::vector<std::shared_ptr<const std::string>> contexts;
  for (const KindInSpace& one : kinds) contexts.push_back(std::make_shared<const std::string>(one.kind));

  const Link* link = link_of(kind);
  const bool has_link = lists_spaces(request) || link != nullptr;
  std::string url;
  std::string_view first_id;
  step.records.spans.reserve(page->keep);
  step.records.overlay_fields.reserve(page->keep);
  if (has_link) step.records.overlay_bytes.reserve(page->keep * (link_prefix_.size() + kTypicalLinkBytes));
  for (std::size_t i = 0; i < page->keep; ++i) {
    const Item& item = envelope->items[i];
    step.records.add(static_cast<std::uint32_t>(item.raw.data() - body.data()),
                     static_cast<std::uint32_t>(item.raw.size()));
    const bool at_edge = i == 0 || i + 1 == page->keep;
    Result<RecordNames> names = RecordNames();
    if (has_link || at_edge) names = names_of(document, item.value, link != nullptr);
    if (!names) return malformed(std::move(names).error());
    if (i == 0) first_id = names->id;
    if (at_edge && !first_id.empty() && !names->id.empty()) {
      step.edges = {pipeline::digest_of(first_id).low, pipeline::digest_of(names->id).low};
    }
    if (!has_link) {
      step.records.overlay("__url", "\"\"");
      continue;
    }
    url.assign("\"");
    url += link_prefix_;
    if (link != nullptr) {
      append_inside_string(names->space_id, url);
      url += link->middle;
    }
    append_inside_string(names->id, url);
    if (link != nullptr) url += link->suffix;
    url += '"';
    step.records.overlay("__url", url);

    if (kinds.empty()) continue;
    const std::string space_id = space_id_of(names->id);
    if (space_id.empty()) continue;
    if (space_id == "." || space_id == "..") {
      return malformed(Error(ErrorKind::kMalformed, "a space has an Id that cannot stand in a URL: " + space_id));
    }
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      auto scope = std::make_shared<ScopeSpec>();
      scope->resources = kinds[k].resources;
      scope->partition = space_id;
      Request& child = step.next.emplace_back();
      child.scope = std::move(scope);
      child.step = kRecords;
      child.context = contexts[k];
    }
  }
  return step;
}

}  // namespace riptide::sources::octopus
