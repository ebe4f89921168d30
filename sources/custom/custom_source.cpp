#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "custom_auth.hpp"
#include "definition.hpp"
#include "definition_reader.hpp"
#include "packed_fields.hpp"
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
using stages::ScopeSpec;
namespace jq = transform::jq;

/// What a request carries: the definition of its endpoint, and the values of the placeholders so far. Its step is their
/// number: the placeholder that it looks for, or, with all of them there, the endpoint itself.
struct Place {
  std::string_view definition;
  std::vector<std::string_view> values;
};

Place place_of(const Request& request) {
  Place place;
  if (request.context == nullptr) return place;
  std::vector<std::string_view> fields = unpacked(*request.context);
  if (fields.empty()) return place;
  place.definition = fields.front();
  place.values.assign(fields.begin() + 1, fields.end());
  return place;
}

std::shared_ptr<const std::string> context_of(std::string_view definition,
                                              const std::vector<std::string_view>& values) {
  auto context = std::make_shared<std::string>();
  append_packed(definition, *context);
  for (const std::string_view value : values) append_packed(value, *context);
  return context;
}

/// A value within a path: what cannot stand in a URL is encoded, slashes stay.
std::string in_path(std::string_view value) {
  std::string out;
  std::size_t begin = 0;
  while (true) {
    const auto slash = value.find('/', begin);
    std::string_view part = value.substr(begin, slash == std::string_view::npos ? slash : slash - begin);
    // What is encoded already stays as it is.
    while (!part.empty()) {
      const auto percent = part.find('%');
      out += stages::percent_encoded(part.substr(0, percent));
      if (percent == std::string_view::npos) break;
      const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); };
      const bool encoded = percent + 2 < part.size() && is_hex(part[percent + 1]) && is_hex(part[percent + 2]);
      out += encoded ? "%" : "%25";
      part.remove_prefix(percent + 1);
    }
    if (slash == std::string_view::npos) return out;
    out += '/';
    begin = slash + 1;
  }
}

/// Puts the values into the placeholders of a path.
std::string resolved(std::string_view path, const std::vector<PathParameter>& parameters,
                     const std::vector<std::string_view>& values) {
  std::string out(path);
  for (std::size_t i = 0; i < std::min(parameters.size(), values.size()); ++i) {
    const std::string placeholder = "{" + parameters[i].name + "}";
    const std::string value = in_path(values[i]);
    for (auto at = out.find(placeholder); at != std::string::npos; at = out.find(placeholder, at + value.size())) {
      out.replace(at, placeholder.size(), value);
    }
  }
  return out;
}

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

  /// Where a request belongs. Errors: kInternal (a request that this source did not make).
  struct Located {
    std::shared_ptr<const Endpoint> endpoint;
    Place place;
    const PathParameter* parameter = nullptr;  ///< The placeholder that is looked for; null for the endpoint itself.
    const Listing* listing = nullptr;
  };
  Result<Located> locate(const Request& request) {
    Located located;
    located.place = place_of(request);
    auto found = endpoint(located.place.definition);
    if (!found) return unexpected(std::move(found).error());
    located.endpoint = *std::move(found);
    const std::size_t level = located.place.values.size();
    if (level > located.endpoint->parameters.size()) return unexpected(ErrorKind::kInternal, "too many values");
    if (level < located.endpoint->parameters.size()) located.parameter = &located.endpoint->parameters[level];
    located.listing = located.parameter != nullptr ? &located.parameter->listing : &located.endpoint->listing;
    return located;
  }

  [[nodiscard]] Request request_for(const Endpoint& endpoint, std::string_view definition,
                                    const std::vector<std::string_view>& values,
                                    const std::vector<std::uint32_t>& resources) const {
    auto scope = std::make_shared<ScopeSpec>();
    if (values.size() < endpoint.parameters.size()) {
      const PathParameter& parameter = endpoint.parameters[values.size()];
      scope->dependents = resources;
      scope->partition =
          fmt::format("{{{}}} of {} in {} (blocks {})", parameter.name, endpoint.kind,
                      resolved(parameter.listing.path, endpoint.parameters, values), fmt::join(resources, ", "));
    } else {
      scope->resources = resources;
      if (values.size() == 1) scope->partition = values.front();
      if (values.size() > 1) {
        scope->partition.clear();
        for (const std::string_view value : values) {
          if (!scope->partition.empty()) scope->partition += '/';
          scope->partition += stages::percent_encoded(value);
        }
      }
    }
    Request request;
    request.scope = std::move(scope);
    request.step = static_cast<std::uint32_t>(values.size());
    request.context = context_of(definition, values);
    return request;
  }

  Result<void> add_records(const Located& located, const Items& items, std::string_view body, stages::PageStep& step);
  Result<void> add_children(const Located& located, const Items& items, const Request& request, stages::PageStep& step);
  [[nodiscard]] Error refused(const Located& located, const stages::HttpResponse& response) const;

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
  std::vector<Request> requests;
  for (const auto& [definition, blocks] : groups) {
    auto endpoint = parts_->endpoint(definition);
    if (!endpoint) return unexpected(std::move(endpoint).error());
    requests.push_back(parts_->request_for(**endpoint, definition, {}, blocks));
  }
  return requests;
}

stages::HttpRequest CustomSource::render(const Request& request) const {
  stages::HttpRequest http;
  auto located = parts_->locate(request);
  if (!located) return http;
  const Listing& listing = *located->listing;
  http.method = listing.method;
  http.headers = listing.headers;
  http.retryable = listing.method != stages::Method::kPost && listing.method != stages::Method::kPatch;
  const ChainPlace place = chain_place(request.cursor);
  if (follows_links(listing.pagination) && !place.token.empty()) {
    http.url = place.token;
  } else {
    http.url =
        parts_->options.base_url + "/" + resolved(listing.path, located->endpoint->parameters, located->place.values);
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
  auto located = parts_->locate(request);
  if (!located) return unexpected(std::move(located).error());
  if (!response.ok()) return unexpected(parts_->refused(*located, response));
  const auto wrong = [&response](Error error) {
    error.message += fmt::format(", url={}", response.safe_url);
    return unexpected(std::move(error));
  };
  const Listing& listing = *located->listing;
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
  auto added = located->parameter != nullptr ? parts_->add_children(*located, *items, request, step)
                                             : parts_->add_records(*located, *items, body, step);
  if (!added) return wrong(std::move(added).error());
  step.page = std::move(items->page);
  return step;
}

/// The records of a page, each with the values that its address was made of.
Result<void> CustomSource::Parts::add_records(const Located& located, const Items& items, std::string_view body,
                                              stages::PageStep& step) {
  const char* const base = items.page ? items.page->view().data() : body.data();
  std::vector<std::string> values;
  if (!items.whole) {
    for (const std::string_view value : located.place.values) json::append_quoted(value, values.emplace_back());
  }
  step.records.spans.reserve(items.raw.size());
  for (const std::string_view raw : items.raw) {
    step.records.add(static_cast<std::uint32_t>(raw.data() - base), static_cast<std::uint32_t>(raw.size()));
    if (!raw.starts_with('{')) continue;  // What is no object cannot carry anything; the mapping says so.
    for (std::size_t i = 0; i < values.size(); ++i) {
      step.records.overlay(located.endpoint->parameters[i].overlay_key, values[i]);
    }
  }
  if (step.extent && !items.raw.empty() && items.raw.front().starts_with('{')) {
    step.edges = {pipeline::digest_of(items.raw.front()).low, pipeline::digest_of(items.raw.back()).low};
  }
  return {};
}

/// What the records of a page of values name: the next placeholder's listing, or the endpoint itself.
Result<void> CustomSource::Parts::add_children(const Located& located, const Items& items, const Request& request,
                                               stages::PageStep& step) {
  const PathParameter& parameter = *located.parameter;
  auto evaluator = evaluators.borrow();
  const pipeline::Page padded = items.page;  // Keeps what `raw` lies in.
  for (const std::string_view raw : items.raw) {
    if (auto loaded = evaluator->load(raw); !loaded) return unexpected(std::move(loaded).error());
    const auto evaluate = [&](const jq::Program& program, std::string_view name, auto use) -> Result<void> {
      const jq::Outcome outcome = evaluator->run(program, [&](jq::ValueRef value) {
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
      if (!ran) return ran;
    }
    if (!wanted) continue;
    std::optional<std::string> value;
    auto ran = evaluate(*parameter.field, "field", [&](jq::ValueRef found) {
      if (found.type() != jq::Type::kNull) value = python_text(found);
    });
    if (!ran) return ran;
    if (!value) continue;
    if (*value == "." || *value == "..") {
      return unexpected(ErrorKind::kMalformed, "a path parameter has a value that cannot stand in a URL: " + *value);
    }
    std::vector<std::string_view> values = located.place.values;
    values.push_back(*value);
    step.next.push_back(request_for(*located.endpoint, located.place.definition, values, request.scope->dependents));
  }
  return {};
}

Error CustomSource::Parts::refused(const Located& located, const stages::HttpResponse& response) const {
  Error error = stages::http_error(response);
  if (response.status == 401 || response.status == 403) {
    error.message += options.auth.style == AuthStyle::kNone
                         ? " (nothing signs the requests: set OCEAN__INTEGRATION__CONFIG__AUTH_TYPE)"
                         : fmt::format(" (check what authType {} signs with, and what it may read)",
                                       requested_auth ? "custom" : "gives");
  } else if (response.status == 404) {
    error.message += fmt::format(" (a kind is the path of an endpoint behind {}; this one is {})", options.base_url,
                                 located.endpoint->kind);
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
