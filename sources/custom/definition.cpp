#include "definition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "definition_reader.hpp"
#include "packed_fields.hpp"

namespace riptide::sources::custom {
namespace {

using pipeline::ErrorKind;
using pipeline::unexpected;
namespace jq = transform::jq;

constexpr std::string_view kUserAgent = "Port-Ocean-HTTP-Integration/1.0";

/// Fields of a selector that are not the source's business.
constexpr std::array<std::string_view, 2> kNotOurs = {"query", "exportEnvVariables"};

bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

Result<std::shared_ptr<const jq::Program>> compile(const FieldReader& fields, std::string_view key) {
  auto text = fields.text(key);
  if (!text) return unexpected(std::move(text).error());
  if (text->empty()) return std::shared_ptr<const jq::Program>();
  auto program = jq::Program::compile(*text);
  if (!program) return unexpected(std::move(program).error().within(fields.place(key)));
  return program;
}

Result<Pagination> read_pagination(const FieldReader& fields, Pagination pagination) {
  static constexpr std::array kKnown = {"type",           "page_size",       "pagination_param", "size_param",
                                        "start_page",     "cursor_path",     "has_more_path",    "last_page_path",
                                        "next_link_path", "header_link_rel", "total_path",       "total_pages_path",
                                        "total_header"};
  if (auto known = fields.only(kKnown); !known) return unexpected(std::move(known).error());
  auto type = fields.text("type");
  if (!type) return unexpected(std::move(type).error());
  if (!type->empty()) {
    const auto style = page_style(*type);
    if (!style) {
      return unexpected(ErrorKind::kConfig,
                        fmt::format("{} must be one of none, page, offset, cursor, next_link, header_link, not '{}'",
                                    fields.place("type"), *type));
    }
    pagination.style = *style;
  }
  for (const auto& [key, value, least] :
       {std::tuple("page_size", &pagination.page_size, 1u), std::tuple("start_page", &pagination.start_page, 0u)}) {
    auto number = fields.number(key, *value, least);
    if (!number) return unexpected(std::move(number).error());
    *value = *number;
  }
  for (const auto& [key, value] :
       {std::pair("pagination_param", &pagination.page_param), std::pair("size_param", &pagination.size_param),
        std::pair("cursor_path", &pagination.cursor_path), std::pair("has_more_path", &pagination.has_more_path),
        std::pair("last_page_path", &pagination.last_page_path),
        std::pair("next_link_path", &pagination.next_link_path),
        std::pair("header_link_rel", &pagination.header_link_rel), std::pair("total_path", &pagination.total_path),
        std::pair("total_pages_path", &pagination.total_pages_path),
        std::pair("total_header", &pagination.total_header)}) {
    auto text = fields.text(key);
    if (!text) return unexpected(std::move(text).error());
    if (!text->empty()) *value = *std::move(text);
  }
  return pagination;
}

/// Reads what a block of the mapping and the listing of a placeholder have in common.
Result<Listing> read_listing(const FieldReader& fields, std::string_view path, const Pagination& pagination) {
  Listing listing;
  while (path.starts_with('/')) path.remove_prefix(1);
  listing.path = path;
  auto method = fields.method("method");
  if (!method) return unexpected(std::move(method).error());
  listing.method = *method;
  auto query = fields.parameters("query_params");
  if (!query) return unexpected(std::move(query).error());
  listing.query = *std::move(query);
  auto headers = fields.headers("headers");
  if (!headers) return unexpected(std::move(headers).error());
  listing.headers.push_back({"User-Agent", std::string(kUserAgent)});
  for (stages::Header& header : *headers) {
    std::erase_if(listing.headers,
                  [&](const stages::Header& other) { return stages::same_header_name(other.name, header.name); });
    listing.headers.push_back(std::move(header));
  }
  auto body = fields.object("body");
  if (!body) return unexpected(std::move(body).error());
  listing.body = *std::move(body);
  auto data_path = fields.text("data_path");
  if (!data_path) return unexpected(std::move(data_path).error());
  auto compiled = DataPath::compile(*data_path);
  if (!compiled) return unexpected(std::move(compiled).error().within(fields.place("data_path")));
  listing.data_path = *std::move(compiled);
  auto block = fields.block("pagination");
  if (!block) return unexpected(std::move(block).error());
  listing.pagination = pagination;
  if (*block) {
    auto own = read_pagination(**block, pagination);
    if (!own) return unexpected(std::move(own).error());
    listing.pagination = *std::move(own);
  }
  return listing;
}

Result<PathParameter> read_parameter(const FieldReader& fields, const std::string& name, const Pagination& pagination) {
  static constexpr std::array kKnown = {"endpoint", "method", "query_params", "headers",   "data_path",
                                        "field",    "filter", "body",         "pagination"};
  if (auto known = fields.only(kKnown); !known) return unexpected(std::move(known).error());
  PathParameter parameter;
  parameter.name = name;
  parameter.overlay_key = "__" + name;
  auto endpoint = fields.text("endpoint");
  if (!endpoint) return unexpected(std::move(endpoint).error());
  if (endpoint->empty()) {
    return unexpected(ErrorKind::kConfig, fields.place("endpoint") + " is required: the path that lists the values");
  }
  auto listing = read_listing(fields, *endpoint, pagination);
  if (!listing) return unexpected(std::move(listing).error());
  parameter.listing = *std::move(listing);
  auto field = compile(fields, "field");
  if (!field) return unexpected(std::move(field).error());
  if (*field == nullptr) {
    return unexpected(ErrorKind::kConfig,
                      fields.place("field") + " is required: where in a record the value is, e.g. .id");
  }
  parameter.field = *std::move(field);
  auto filter = compile(fields, "filter");
  if (!filter) return unexpected(std::move(filter).error());
  parameter.filter = *std::move(filter);
  return parameter;
}

/// Puts the placeholders into an order in which each listing names only those before it.
Result<void> order(std::vector<PathParameter>& parameters, const std::string& kind) {
  std::vector<PathParameter> ordered;
  const auto resolved = [&](const std::string& name) {
    return std::any_of(ordered.begin(), ordered.end(), [&](const PathParameter& done) { return done.name == name; });
  };
  while (!parameters.empty()) {
    const auto next = std::find_if(parameters.begin(), parameters.end(), [&](const PathParameter& parameter) {
      const std::vector<std::string> needs = placeholders(parameter.listing.path);
      return std::all_of(needs.begin(), needs.end(), resolved);
    });
    if (next == parameters.end()) {
      return unexpected(ErrorKind::kConfig,
                        fmt::format("the path parameters of {} wait for each other, or for one that has no entry: the "
                                    "endpoint of `{}` is {}",
                                    kind, parameters.front().name, parameters.front().listing.path));
    }
    ordered.push_back(std::move(*next));
    parameters.erase(next);
  }
  parameters = std::move(ordered);
  return {};
}

}  // namespace

bool same_but_for_path(const Listing& a, const Listing& b) {
  const auto same_header = [](const stages::Header& one, const stages::Header& other) {
    return one.name == other.name && one.value == other.value;
  };
  return a.method == b.method && a.query == b.query && a.body == b.body && a.data_path.text() == b.data_path.text() &&
         a.pagination == b.pagination &&
         std::equal(a.headers.begin(), a.headers.end(), b.headers.begin(), b.headers.end(), same_header);
}

std::optional<PageStyle> page_style(std::string_view name) noexcept {
  static constexpr std::array<std::pair<std::string_view, PageStyle>, 6> kStyles = {{
      {"none", PageStyle::kNone},
      {"page", PageStyle::kPage},
      {"offset", PageStyle::kOffset},
      {"cursor", PageStyle::kCursor},
      {"next_link", PageStyle::kNextLink},
      {"header_link", PageStyle::kHeaderLink},
  }};
  for (const auto& [text, style] : kStyles) {
    if (text == name) return style;
  }
  return std::nullopt;
}

std::vector<std::string> placeholders(std::string_view path) {
  std::vector<std::string> names;
  for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
    std::size_t end = open + 1;
    while (end < path.size() && is_word(path[end])) ++end;
    if (end == open + 1 || end >= path.size() || path[end] != '}') continue;
    std::string name(path.substr(open + 1, end - open - 1));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

std::string definition_of(const stages::SourceResource& resource) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& field : resource.selector) {
    if (std::find(kNotOurs.begin(), kNotOurs.end(), field.first) == kNotOurs.end()) fields.push_back(field);
  }
  std::sort(fields.begin(), fields.end());
  std::string definition;
  append_packed(resource.kind, definition);
  for (const auto& [key, value] : fields) {
    append_packed(key, definition);
    append_packed(value, definition);
  }
  return definition;
}

Result<std::shared_ptr<const Endpoint>> compile_endpoint(std::string_view definition, const Pagination& pagination) {
  const std::vector<std::string_view> parts = unpacked(definition);
  if (parts.empty()) return unexpected(ErrorKind::kInternal, "an endpoint without a definition");
  auto endpoint = std::make_shared<Endpoint>();
  endpoint->kind = parts.front();
  if (endpoint->kind.find_first_not_of('/') == std::string::npos) {
    return unexpected(ErrorKind::kConfig, "a kind of the type custom is the path of an endpoint; this one is empty");
  }
  std::string json = "{";
  for (std::size_t i = 1; i + 1 < parts.size(); i += 2) {
    if (json.size() > 1) json += ',';
    json::append_quoted(parts[i], json);
    json += ':';
    json += parts[i + 1];
  }
  json += '}';
  jq::Evaluator evaluator;
  auto fields = FieldReader::read(json, "selector", evaluator);
  if (!fields) return unexpected(std::move(fields).error());

  auto listing = read_listing(*fields, endpoint->kind, pagination);
  if (!listing) return unexpected(std::move(listing).error());
  endpoint->listing = *std::move(listing);
  auto block = fields->block("path_parameters");
  if (!block) return unexpected(std::move(block).error());
  for (const std::string& name : placeholders(endpoint->kind)) {
    auto own = *block ? (*block)->block(name) : Result<std::optional<FieldReader>>(std::optional<FieldReader>());
    if (!own) return unexpected(std::move(own).error());
    if (!*own) {
      return unexpected(ErrorKind::kConfig,
                        fmt::format("selector.path_parameters.{} is required: {} has the placeholder {{{}}}, and this "
                                    "is where its values come from",
                                    name, endpoint->kind, name));
    }
    auto parameter = read_parameter(**own, name, pagination);
    if (!parameter) return unexpected(std::move(parameter).error());
    endpoint->parameters.push_back(*std::move(parameter));
  }
  if (auto ordered = order(endpoint->parameters, endpoint->kind); !ordered) {
    return unexpected(std::move(ordered).error());
  }
  return std::shared_ptr<const Endpoint>(std::move(endpoint));
}

}  // namespace riptide::sources::custom
