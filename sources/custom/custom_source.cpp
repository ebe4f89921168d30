#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "asker.hpp"
#include "custom_auth.hpp"
#include "definition.hpp"
#include "definition_reader.hpp"
#include "paging.hpp"
#include "riptide/pipeline/entity.hpp"
#include "riptide/pipeline/loan_pool.hpp"
#include "riptide/sources/custom.hpp"
#include "riptide/stages/server_url.hpp"

namespace riptide::sources::custom {
namespace {

using pipeline::Error;
using pipeline::ErrorKind;
using pipeline::unexpected;
using stages::Request;
namespace jq = transform::jq;

/// A value as Ocean writes it into a URL: as Python prints it.
std::string python_text(jq::ValueRef value) {
  if (value.type() == jq::Type::kTrue) return "True";
  if (value.type() == jq::Type::kFalse) return "False";
  return text_of(value);
}

/// Whether an answer has the address of the next page.
bool follows_links(const Pagination& pagination) noexcept {
  return pagination.style == PageStyle::kNextLink || pagination.style == PageStyle::kHeaderLink;
}

/// The value that the loaded record has for a placeholder; nothing if it has none, or is not wanted.
Result<std::optional<std::string>> value_in(jq::Evaluator& evaluator, const PathParameter& parameter) {
  const auto evaluate = [&](const jq::Program& program, std::string_view name, auto use) -> Result<void> {
    const jq::Outcome outcome = evaluator.run(program, [&](jq::ValueRef value) {
      use(value);
      return jq::Next::kStop;
    });
    if (outcome.ok()) return {};
    return unexpected(ErrorKind::kMalformed, fmt::format("path_parameters.{}.{} ({}): {}", parameter.name, name,
                                                         program.text(), outcome.message));
  };
  bool wanted = parameter.filter == nullptr;
  if (parameter.filter != nullptr) {
    auto ran =
        evaluate(*parameter.filter, "filter", [&](jq::ValueRef value) { wanted = value.type() == jq::Type::kTrue; });
    if (!ran) return unexpected(std::move(ran).error());
  }
  std::optional<std::string> value;
  if (!wanted) return value;
  auto ran = evaluate(*parameter.field, "field", [&](jq::ValueRef found) {
    if (found.type() != jq::Type::kNull) value = python_text(found);
  });
  if (!ran) return unexpected(std::move(ran).error());
  if (value && (*value == "." || *value == "..")) {
    return unexpected(ErrorKind::kMalformed, "a path parameter has a value that cannot stand in a URL: " + *value);
  }
  return value;
}

/// Enters the records of a page, each with the values that its address was made of.
void add_records(const Asker& asker, const Items& items, std::string_view body, stages::PageStep& step) {
  const char* const base = items.page ? items.page->view().data() : body.data();
  std::vector<std::string> values;
  if (!items.whole) {
    for (const std::string_view value : asker.values) json::append_quoted(value, values.emplace_back());
  }
  step.records.spans.reserve(items.raw.size());
  for (const std::string_view raw : items.raw) {
    step.records.add(static_cast<std::uint32_t>(raw.data() - base), static_cast<std::uint32_t>(raw.size()));
    if (!raw.starts_with('{')) continue;  // What is no object cannot carry anything; the mapping says so.
    for (std::size_t i = 0; i < values.size(); ++i) {
      step.records.overlay(asker.endpoint->parameters[i].overlay_key, values[i]);
    }
  }
}

std::string_view origin_of(std::string_view url) noexcept {
  const auto host = url.find("://");
  if (host == std::string_view::npos) return {};
  return url.substr(0, std::min(url.find_first_of("/?#", host + 3), url.size()));
}

}  // namespace

struct CustomSource::Parts {
  explicit Parts(Options settings)
      : options(std::move(settings)), evaluators([limits = options.limits] { return jq::Evaluator(limits); }) {}

  /// The compiled form of a definition. It is made once; the same definition always gives the same endpoint.
  Result<std::shared_ptr<const Endpoint>> endpoint(std::string_view definition) {
    {
      const std::lock_guard lock(mutex);
      if (const auto found = endpoints.find(definition); found != endpoints.end()) return found->second;
    }
    auto compiled = compile_endpoint(definition, options.pagination);
    if (!compiled) return compiled;
    const std::lock_guard lock(mutex);
    return endpoints.emplace(definition, *std::move(compiled)).first->second;
  }

  /// Whom a request is for: one at least. Errors: kInternal (a request that this source did not make).
  Result<std::vector<Asker>> askers_of(const Request& request) {
    std::vector<Asker> askers = unpacked_askers(request);
    if (askers.empty()) return unexpected(ErrorKind::kInternal, "a request for nobody");
    for (Asker& asker : askers) {
      auto found = endpoint(asker.definition);
      if (!found) return unexpected(std::move(found).error());
      asker.endpoint = *std::move(found);
      if (asker.values.size() > asker.endpoint->parameters.size()) {
        return unexpected(ErrorKind::kInternal, "too many values");
      }
    }
    return askers;
  }

  Result<void> add_children(std::span<const Asker> hanging, bool shared, const Items& items, stages::PageStep& step);
  [[nodiscard]] Error refused(const Endpoint& endpoint, const stages::HttpResponse& response) const;

  Options options;
  std::unique_ptr<const RequestedAuth> requested_auth;
  std::unique_ptr<const FixedAuth> fixed_auth;
  NoAuth no_auth;
  pipeline::LoanPool<jq::Evaluator> evaluators;
  std::mutex mutex;  ///< Guards endpoints.
  std::map<std::string, std::shared_ptr<const Endpoint>, std::less<>> endpoints;
};

CustomSource::CustomSource(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
CustomSource::~CustomSource() = default;

Result<std::unique_ptr<CustomSource>> CustomSource::create(Options options) {
  auto url = stages::checked_server_url(options.base_url, "OCEAN__INTEGRATION__CONFIG__BASE_URL");
  if (!url) return unexpected(std::move(url).error());
  options.base_url = *std::move(url);
  if (options.pagination.page_size == 0) {
    return unexpected(ErrorKind::kConfig, "OCEAN__INTEGRATION__CONFIG__PAGE_SIZE must be 1 or more");
  }
  auto parts = std::make_unique<Parts>(std::move(options));
  if (parts->options.auth.style == AuthStyle::kCustom) {
    auto auth = RequestedAuth::create(parts->options.auth, parts->options.base_url);
    if (!auth) return unexpected(std::move(auth).error());
    parts->requested_auth = *std::move(auth);
  }
  auto fixed = FixedAuth::create(parts->options.auth);
  if (!fixed) return unexpected(std::move(fixed).error());
  parts->fixed_auth = *std::move(fixed);
  return std::unique_ptr<CustomSource>(new CustomSource(std::move(parts)));
}

const stages::Auth* CustomSource::auth() const noexcept {
  if (parts_->requested_auth) return parts_->requested_auth.get();
  return parts_->fixed_auth.get();
}

std::vector<stages::HostLimits> CustomSource::host_limits() const {
  stages::HostLimits limits;
  limits.url = parts_->options.base_url;
  limits.max_in_flight = parts_->options.max_in_flight;
  limits.budgets = parts_->options.budgets;
  return {limits};
}

Result<std::vector<Request>> CustomSource::start(std::span<const stages::SourceResource> resources) const {
  // Blocks that ask the same are read once.
  std::vector<std::pair<std::string, std::vector<std::uint32_t>>> groups;
  for (const stages::SourceResource& resource : resources) {
    std::string definition = definition_of(resource);
    if (auto compiled = parts_->endpoint(definition); !compiled) {
      return unexpected(std::move(compiled).error().within(
          fmt::format("resource {} of the mapping ({})", resource.index, resource.kind)));
    }
    const auto group =
        std::find_if(groups.begin(), groups.end(), [&](const auto& known) { return known.first == definition; });
    if (group != groups.end()) {
      group->second.push_back(resource.index);
    } else {
      groups.emplace_back(std::move(definition), std::vector{resource.index});
    }
  }
  Askers askers;
  for (const auto& [definition, blocks] : groups) {
    auto endpoint = parts_->endpoint(definition);
    if (!endpoint) return unexpected(std::move(endpoint).error());
    askers.add({blocks, definition, {}, *std::move(endpoint)});
  }
  std::vector<Request> requests;
  for (const std::vector<Asker>& group : askers.groups()) requests.push_back(request_for(group));
  return requests;
}

stages::HttpRequest CustomSource::render(const Request& request) const {
  stages::HttpRequest http;
  const auto askers = parts_->askers_of(request);
  if (!askers) return http;
  const Asker& first = askers->front();
  const Listing& listing = first.listing();
  http.method = listing.method;
  http.headers = listing.headers;
  http.retryable = listing.method != stages::Method::kPost && listing.method != stages::Method::kPatch;
  const ChainPlace place = chain_place(request.cursor);
  if (follows_links(listing.pagination) && !place.token.empty()) {
    http.url = place.token;
  } else {
    http.url = parts_->options.base_url + "/" + first.path();
    // Of a repeated name the selector's own lists stay lists; what pages ask for replaces it.
    std::string separator = http.url.find('?') == std::string::npos ? "?" : "&";
    for (const auto& [name, value] : listing.query) {
      http.url += separator + stages::percent_encoded(name) + "=" + stages::percent_encoded(value);
      separator = "&";
    }
    http.url = stages::with_query(http.url, page_parameters(listing.pagination, request));
  }
  if (!listing.body.empty()) {
    http.body = listing.body;
    if (!stages::has_header(http.headers, "content-type")) http.headers.push_back({"Content-Type", "application/json"});
  }
  http.auth = auth();
  const bool brings_own =
      parts_->fixed_auth != nullptr && stages::has_header(http.headers, parts_->fixed_auth->header());
  if (brings_own || http.auth == nullptr) http.auth = &parts_->no_auth;
  return http;
}

Result<stages::PageStep> CustomSource::read(const Request& request, const stages::HttpResponse& response,
                                            json::Document& document) const {
  const auto askers = parts_->askers_of(request);
  if (!askers) return unexpected(askers.error());
  const Asker& first = askers->front();
  if (!response.ok()) return unexpected(parts_->refused(*first.endpoint, response));
  const auto wrong = [&response](Error error) {
    error.message += fmt::format(", url={}", response.safe_url);
    return unexpected(std::move(error));
  };
  const Listing& listing = first.listing();
  const std::string_view body = response.body ? response.body->view() : std::string_view();
  auto root = document.index(body);
  if (!root) return wrong(std::move(root).error());
  Result<Items> items = Items();
  {
    auto evaluator = parts_->evaluators.borrow();
    items = listing.data_path.extract(body, *root, document, *evaluator);
  }
  if (!items) return wrong(std::move(items).error());
  // The pages of an answer that is a list are counted by its elements, whatever the data path makes of them.
  std::size_t counted = items->raw.size();
  if (root->type == json::Type::kArray) {
    counted = 0;
    json::Document::Elements elements(document, *root);
    while (elements.next()) ++counted;
    if (auto checked = elements.status(); !checked) return wrong(std::move(checked).error());
  }
  auto known = judge(listing.pagination, request, response, *root, counted, document);
  if (!known) return wrong(std::move(known).error());

  stages::PageStep step;
  step.extent = known->extent;
  step.total = known->total;
  if (known->next) {
    Request& next = step.next.emplace_back(request);
    next.offset = known->next->offset;
    next.cursor = std::move(known->next->cursor);
    if (follows_links(listing.pagination)) {
      const ChainPlace place = chain_place(next.cursor);
      const std::string base(origin_of(parts_->options.base_url));
      if (place.token.starts_with('/')) {
        ChainPlace absolute = place;
        const std::string address = base + std::string(place.token);
        absolute.token = address;
        next.cursor = written(absolute);
      } else if (origin_of(place.token) != base) {
        return wrong(Error(ErrorKind::kMalformed,
                           fmt::format("the next page is at another server: {} (credentials go to {} only)",
                                       stages::safe_url(place.token), base)));
      }
    }
  }
  std::span<const Asker> hanging(*askers);
  if (first.at_its_end()) {
    add_records(first, *items, body, step);
    hanging = hanging.subspan(1);
  }
  if (!hanging.empty()) {
    auto added = parts_->add_children(hanging, askers->size() > 1, *items, step);
    if (!added) return wrong(std::move(added).error());
  }
  if (step.extent && !items->raw.empty() && items->raw.front().starts_with('{')) {
    step.edges = {pipeline::digest_of(items->raw.front()).low, pipeline::digest_of(items->raw.back()).low};
  }
  step.page = std::move(items->page);
  return step;
}

/// What the records of a page name: for each asker the next placeholder's listing, or the endpoint itself. Askers do
/// not hang on each other: one whose expressions fail on a record leaves a shared listing and reads it alone, so that
/// it fails alone.
Result<void> CustomSource::Parts::add_children(std::span<const Asker> hanging, bool shared, const Items& items,
                                               stages::PageStep& step) {
  auto evaluator = evaluators.borrow();
  std::vector<bool> left(hanging.size());
  for (const std::string_view raw : items.raw) {
    const Result<void> loaded = evaluator->load(raw);
    Askers children;
    std::deque<std::string> values;  // What `children` points to.
    for (std::size_t i = 0; i < hanging.size(); ++i) {
      if (left[i]) continue;
      Result<std::optional<std::string>> value = std::optional<std::string>();
      if (loaded) {
        value = value_in(*evaluator, hanging[i].parameter());
      } else {
        value = unexpected(loaded.error());
      }
      if (!value && !shared) return unexpected(std::move(value).error());
      if (!value) {
        left[i] = true;
        step.next.push_back(request_for(hanging.subspan(i, 1)));
        continue;
      }
      if (!*value) continue;
      Asker child = hanging[i];
      child.values.push_back(values.emplace_back(**std::move(value)));
      children.add(std::move(child));
    }
    for (const std::vector<Asker>& group : children.groups()) step.next.push_back(request_for(group));
  }
  return {};
}

Error CustomSource::Parts::refused(const Endpoint& endpoint, const stages::HttpResponse& response) const {
  Error error = stages::http_error(response);
  if (response.status == 401 || response.status == 403) {
    error.message += options.auth.style == AuthStyle::kNone
                         ? " (nothing signs the requests: set OCEAN__INTEGRATION__CONFIG__AUTH_TYPE)"
                         : fmt::format(" (check what authType {} signs with, and what it may read)",
                                       requested_auth ? "custom" : "gives");
  } else if (response.status == 404) {
    error.message +=
        fmt::format(" (a kind is the path of an endpoint behind {}; this one is {})", options.base_url, endpoint.kind);
  } else if (response.status >= 300 && response.status < 400) {
    error.message += " (the server sends readers elsewhere: put the final address in baseUrl or the kind)";
  }
  return error;
}

std::string_view default_mapping() noexcept {
  return "# Only you know your API: add a block for each endpoint.\n"
         "deleteDependentEntities: true\n"
         "createMissingRelatedEntities: true\n"
         "resources: []\n";
}

}  // namespace riptide::sources::custom
