#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "definition.hpp"
#include "riptide/sources/custom.hpp"

namespace riptide::sources::custom {
namespace {

using stages::Field;
using Type = Field::Type;
constexpr auto kNull = Field::Null::kAllowed;

constexpr std::string_view kStyles = "none|page|offset|cursor|next_link|header_link";
constexpr std::string_view kMethods = "GET|POST|PUT|PATCH|DELETE";

constexpr std::array kPagination = {
    Field{.name = "type",
          .type = Type::kChoice,
          .meaning = "How pages follow each other.",
          .choices = kStyles,
          .null = kNull},
    Field{.name = "page_size",
          .type = Type::kInteger,
          .meaning = "Records asked for in one page.",
          .null = kNull,
          .least = 1},
    Field{.name = "pagination_param",
          .type = Type::kScalar,
          .meaning = "Parameter of the page number, offset or cursor.",
          .null = kNull},
    Field{.name = "size_param", .type = Type::kScalar, .meaning = "Parameter of the page size.", .null = kNull},
    Field{.name = "start_page", .type = Type::kInteger, .meaning = "Number of the first page.", .null = kNull},
    Field{.name = "cursor_path",
          .type = Type::kScalar,
          .meaning = "Dotted path to the next cursor in an answer.",
          .null = kNull},
    Field{.name = "has_more_path",
          .type = Type::kScalar,
          .meaning = "Dotted path to whether there are more pages.",
          .null = kNull},
    Field{.name = "last_page_path",
          .type = Type::kScalar,
          .meaning = "Dotted path to whether this is the last page.",
          .null = kNull},
    Field{.name = "next_link_path",
          .type = Type::kScalar,
          .meaning = "Where the address of the next page is.",
          .null = kNull},
    Field{.name = "header_link_rel", .type = Type::kScalar, .meaning = "Relation in the Link header.", .null = kNull},
    Field{.name = "total_path",
          .type = Type::kScalar,
          .meaning = "Dotted path to the number of all records: then pages are read at once.",
          .null = kNull},
    Field{.name = "total_pages_path",
          .type = Type::kScalar,
          .meaning = "Dotted path to the number of all pages: likewise.",
          .null = kNull},
    Field{.name = "total_header",
          .type = Type::kScalar,
          .meaning = "Header with the number of all records: likewise.",
          .null = kNull},
};

constexpr Field kMethod = {.name = "method",
                           .type = Type::kChoice,
                           .meaning = "POST and PATCH are not repeated after a failure.",
                           .fallback = "GET",
                           .choices = kMethods,
                           .null = kNull,
                           .choice_case = Field::Case::kIgnored};
constexpr Field kQuery = {.name = "query_params",
                          .type = Type::kValues,
                          .meaning = "Parameters of the address; a list repeats its name.",
                          .null = kNull};
constexpr Field kHeaders = {.name = "headers",
                            .type = Type::kValues,
                            .meaning = "Headers of the request; one that signs wins over authType.",
                            .null = kNull};
constexpr Field kBody = {
    .name = "body", .type = Type::kValues, .meaning = "Sent as JSON where it is not empty.", .null = kNull};
constexpr Field kDataPath = {.name = "data_path",
                             .type = Type::kExpression,
                             .meaning = "Where the records are; without it the answer is.",
                             .null = kNull};
constexpr Field kPages = {.name = "pagination",
                          .type = Type::kBlock,
                          .meaning = "Where the paging differs from the settings of the integration.",
                          .fields = kPagination,
                          .null = kNull};

constexpr std::array kParameter = {
    Field{.name = "endpoint",
          .type = Type::kScalar,
          .meaning = "The path that lists the values; it may name placeholders that stand before this one.",
          .required = true},
    kMethod,
    kQuery,
    kHeaders,
    kBody,
    kDataPath,
    Field{.name = "field",
          .type = Type::kExpression,
          .meaning = "Where in a record the value is, e.g. .id.",
          .required = true},
    Field{.name = "filter", .type = Type::kExpression, .meaning = "Which records count.", .null = kNull},
    kPages,
};

constexpr std::array kFields = {
    kMethod,
    kQuery,
    kHeaders,
    kBody,
    kDataPath,
    kPages,
    Field{.name = "path_parameters",
          .type = Type::kBlocks,
          .meaning = "Where the values of each {placeholder} of the kind come from.",
          .fields = kParameter,
          .null = kNull},
};

constexpr std::array kSelectors = {stages::SelectorFields{"", kFields}};

constexpr std::array kAuthRequest = {
    Field{.name = "endpoint", .type = Type::kScalar, .meaning = "Where the token is fetched.", .required = true},
    Field{.name = "method",
          .type = Type::kChoice,
          .fallback = "POST",
          .choices = kMethods,
          .null = kNull,
          .choice_case = Field::Case::kIgnored},
    Field{.name = "headers", .type = Type::kValues, .null = kNull},
    Field{.name = "body", .type = Type::kValues, .meaning = "Sent as JSON.", .null = kNull},
    Field{.name = "bodyForm", .type = Type::kScalar, .meaning = "Sent as a form.", .null = kNull},
    Field{.name = "queryParams", .type = Type::kValues, .null = kNull},
    Field{.name = "reauthenticateIntervalSeconds",
          .type = Type::kInteger,
          .meaning = "After this long the token is fetched anew.",
          .null = kNull,
          .least = 1},
};

constexpr std::array kAuthTemplate = {
    Field{.name = "headers", .type = Type::kValues, .meaning = "With {{.path}} into the answer.", .null = kNull},
    Field{.name = "queryParams", .type = Type::kValues, .null = kNull},
    Field{.name = "body", .type = Type::kValues, .null = kNull},
};

/// Of `name`'s listing: what its endpoint names that no listing before it can give.
struct Waiting {
  std::string name;
  std::vector<std::string> needs;
};

void check_order(const std::string& kind, std::vector<Waiting> waiting, std::vector<stages::SelectorFault>& faults) {
  std::vector<std::string> resolved;
  while (true) {
    const auto next = std::find_if(waiting.begin(), waiting.end(), [&](const Waiting& one) {
      return std::all_of(one.needs.begin(), one.needs.end(), [&](const std::string& need) {
        return std::find(resolved.begin(), resolved.end(), need) != resolved.end();
      });
    });
    if (next == waiting.end()) break;
    resolved.push_back(next->name);
    waiting.erase(next);
  }
  for (const Waiting& one : waiting) {
    faults.push_back({{"path_parameters", one.name, "endpoint"},
                      fmt::format("waits for itself: the placeholders of {} need each other's values; one of them must "
                                  "have an endpoint without placeholders",
                                  kind)});
  }
}

}  // namespace

std::span<const stages::SelectorFields> selectors() noexcept { return kSelectors; }
std::span<const Field> auth_request_fields() noexcept { return kAuthRequest; }
std::span<const Field> auth_template_fields() noexcept { return kAuthTemplate; }

std::vector<stages::SelectorFault> check_placeholders(const std::string& kind,
                                                      const std::vector<PlaceholderEntry>& entries) {
  std::vector<stages::SelectorFault> faults;
  if (kind.find_first_not_of('/') == std::string::npos) {
    faults.push_back({{}, "must be the path of an endpoint, e.g. /users"});
    return faults;
  }
  const std::vector<std::string> wanted = placeholders(kind);
  std::vector<std::string> given;
  for (const PlaceholderEntry& entry : entries) given.push_back(entry.name);
  const auto among = [](const std::string& name, const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::vector<std::string> unused;
  for (const std::string& name : given) {
    if (!among(name, wanted)) unused.push_back(name);
  }
  for (const std::string& name : wanted) {
    if (among(name, given)) continue;
    faults.push_back({{"path_parameters"},
                      fmt::format("has no entry for {{{}}} of the kind {}: add `{}: {{endpoint: /..., field: .id}}`, "
                                  "the listing that its values come from",
                                  name, kind, name),
                      name,
                      unused});
  }
  std::vector<Waiting> waiting;
  bool known = true;
  for (const PlaceholderEntry& entry : entries) {
    if (!among(entry.name, wanted)) continue;
    Waiting& one = waiting.emplace_back(Waiting{entry.name, placeholders(entry.endpoint)});
    for (const std::string& need : one.needs) {
      if (among(need, wanted)) continue;
      known = false;
      faults.push_back({{"path_parameters", entry.name, "endpoint"},
                        fmt::format("names {{{}}}, which is no placeholder of the kind {}", need, kind),
                        need,
                        wanted});
    }
  }
  if (known && faults.empty()) check_order(kind, std::move(waiting), faults);
  return faults;
}

}  // namespace riptide::sources::custom
