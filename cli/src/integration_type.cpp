#include "riptide/cli/integration_type.hpp"

#include <algorithm>
#include <array>

#include "riptide/cli/config.hpp"
#include "riptide/cli/file_reader.hpp"
#include "riptide/cli/tree.hpp"
#include "riptide/sources/custom.hpp"
#include "riptide/sources/file.hpp"
#include "riptide/sources/jira.hpp"
#include "riptide/sources/jira_server.hpp"
#include "riptide/sources/octopus.hpp"

namespace riptide::cli {
namespace {

constexpr Setting kOctopusSettings[] = {
    {.key = "integration.config.octopus_api_key",
     .meaning = "API key of the Octopus server.",
     .required = true,
     .sensitive = true},
    {.key = "integration.config.server_url",
     .type = SettingType::kUrl,
     .meaning = "Address of the Octopus server, e.g. `https://demo.octopus.app`.",
     .required = true},
    {.key = "integration.config.app_host",
     .type = SettingType::kUrl,
     .meaning = "Public URL for webhooks, in a process that stays.",
     .use = SettingUse::kIgnored},
    {.key = "integration.config.deployment_limit",
     .type = SettingType::kInteger,
     .fallback = "150",
     .meaning = "Newest deployments read of each space; 0 is all.",
     .least = 0,
     .most = 1e12},
    {.key = "integration.config.page_size",
     .type = SettingType::kInteger,
     .fallback = "50",
     .meaning = "Records asked for in one page.",
     .least = 1,
     .most = sources::octopus::kMaxPageSize},
};

pipeline::Result<std::shared_ptr<const stages::Source>> make_octopus(const Config& config) {
  auto source = sources::octopus::OctopusSource::create(
      {.server_url = config.text("integration.config.server_url"),
       .api_key = config.secret("integration.config.octopus_api_key"),
       .page_size = static_cast<std::uint32_t>(config.integer("integration.config.page_size")),
       .deployment_limit = static_cast<std::uint64_t>(config.integer("integration.config.deployment_limit"))});
  if (!source) return pipeline::unexpected(std::move(source).error());
  return std::shared_ptr<const stages::Source>(std::move(*source));
}

constexpr Setting kCustomSettings[] = {
    {.key = "integration.config.base_url",
     .type = SettingType::kUrl,
     .meaning = "Address of the API; a kind is a path behind it.",
     .required = true},
    {.key = "integration.config.auth_type",
     .type = SettingType::kChoice,
     .fallback = "none",
     .meaning = "How requests are signed.",
     .choices = "none|bearer_token|basic|api_key|custom"},
    {.key = "integration.config.api_token", .meaning = "Token of `bearer_token`.", .sensitive = true},
    {.key = "integration.config.username", .meaning = "Name of `basic`."},
    {.key = "integration.config.password", .meaning = "Password of `basic`.", .sensitive = true},
    {.key = "integration.config.api_key", .meaning = "Key of `api_key`.", .sensitive = true},
    {.key = "integration.config.api_key_header", .fallback = "X-API-Key", .meaning = "Header of `api_key`."},
    {.key = "integration.config.custom_auth_request",
     .type = SettingType::kJson,
     .meaning = "The request of `custom` that fetches a token: `endpoint`, `method`, `headers`, `body` or `bodyForm`, "
                "`queryParams`, `reauthenticateIntervalSeconds`.",
     .sensitive = true,
     .fields = &sources::custom::auth_request_fields},
    {.key = "integration.config.custom_auth_request_template",
     .type = SettingType::kJson,
     .meaning = "Where the token goes: `headers`, `queryParams`, `body` with `{{.path}}` into the answer.",
     .sensitive = true,
     .fields = &sources::custom::auth_template_fields},
    {.key = "integration.config.pagination_type",
     .type = SettingType::kChoice,
     .fallback = "none",
     .meaning = "How pages follow each other; a selector's `pagination` can say otherwise.",
     .choices = "none|page|offset|cursor|next_link|header_link"},
    {.key = "integration.config.page_size",
     .type = SettingType::kInteger,
     .fallback = "100",
     .meaning = "Records asked for in one page.",
     .least = 1,
     .most = 1e6},
    {.key = "integration.config.pagination_param",
     .meaning = "Parameter of the page number, offset or cursor. Default: `page`, `offset`, `cursor`."},
    {.key = "integration.config.size_param",
     .meaning = "Parameter of the page size. Default: `size` with pages, else `limit`."},
    {.key = "integration.config.start_page",
     .type = SettingType::kInteger,
     .fallback = "1",
     .meaning = "Number of the first page.",
     .least = 0,
     .most = 1e6},
    {.key = "integration.config.cursor_path", .meaning = "Dotted path to the next cursor in an answer."},
    {.key = "integration.config.has_more_path", .meaning = "Dotted path to whether there are more pages."},
    {.key = "integration.config.last_page_path", .meaning = "Dotted path to whether this is the last page."},
    {.key = "integration.config.next_link_path",
     .fallback = "@odata.nextLink",
     .meaning = "Where the address of the next page is."},
    {.key = "integration.config.header_link_rel", .fallback = "next", .meaning = "Relation in the `Link` header."},
    {.key = "integration.config.total_path",
     .meaning = "Dotted path to the number of all records: then pages are read at once."},
    {.key = "integration.config.total_pages_path", .meaning = "Dotted path to the number of all pages: likewise."},
    {.key = "integration.config.total_header",
     .fallback = "X-Total-Count",
     .meaning = "Header with the number of all records: likewise."},
    {.key = "integration.config.max_concurrent_requests",
     .type = SettingType::kInteger,
     .fallback = "10",
     .meaning = "Requests at once to the API.",
     .least = 1,
     .most = 4096},
    {.key = "integration.config.requests_per_minute",
     .type = SettingType::kInteger,
     .fallback = "0",
     .meaning = "What the API allows; 0 says nothing. Quotas that its answers tell are obeyed anyway.",
     .least = 0,
     .most = 1e9},
    {.key = "integration.config.verify_ssl",
     .type = SettingType::kBool,
     .fallback = "true",
     .meaning = "Whether the API's certificate is checked; `false` is as `ssl.third_party.verify`."},
    {.key = "integration.config.timeout",
     .type = SettingType::kInteger,
     .fallback = "0",
     .meaning = "Seconds until a request to the API is given up; 0: as `clientTimeout` says.",
     .least = 0,
     .most = 86'400},
    // Names that the README of Ocean's integration has, and its settings do not.
    {.key = "integration.config.page_param", .meaning = "`paginationParam` for `page`."},
    {.key = "integration.config.offset_param", .meaning = "`paginationParam` for `offset`."},
    {.key = "integration.config.cursor_param", .meaning = "`paginationParam` for `cursor`."},
    {.key = "integration.config.limit_param", .meaning = "Another name of `sizeParam`."},
};

// The parameter that asks for a page: by its setting, or by the one of the page style.
std::string page_parameter(const Config& config, sources::custom::PageStyle style) {
  if (const std::string& name = config.text("integration.config.pagination_param"); !name.empty()) return name;
  switch (style) {
    case sources::custom::PageStyle::kPage:
      return config.text("integration.config.page_param");
    case sources::custom::PageStyle::kOffset:
      return config.text("integration.config.offset_param");
    case sources::custom::PageStyle::kCursor:
      return config.text("integration.config.cursor_param");
    case sources::custom::PageStyle::kNone:
    case sources::custom::PageStyle::kNextLink:
    case sources::custom::PageStyle::kHeaderLink:
      break;
  }
  return {};
}

pipeline::Result<std::shared_ptr<const stages::Source>> make_custom(const Config& config) {
  const auto text = [&](std::string_view name) { return config.text("integration.config." + std::string(name)); };
  const auto secret = [&](std::string_view name) { return config.secret("integration.config." + std::string(name)); };
  const auto number = [&](std::string_view name) {
    return static_cast<std::uint64_t>(config.integer("integration.config." + std::string(name)));
  };
  sources::custom::Options options;
  options.base_url = text("base_url");
  options.auth = {.style = sources::custom::auth_style(text("auth_type")).value_or(sources::custom::AuthStyle::kNone),
                  .api_token = secret("api_token"),
                  .username = text("username"),
                  .password = secret("password"),
                  .api_key = secret("api_key"),
                  .api_key_header = text("api_key_header"),
                  .request = secret("custom_auth_request"),
                  .template_ = secret("custom_auth_request_template")};
  const sources::custom::PageStyle style =
      sources::custom::page_style(text("pagination_type")).value_or(sources::custom::PageStyle::kNone);
  options.pagination = {.style = style,
                        .page_size = number("page_size"),
                        .page_param = page_parameter(config, style),
                        .size_param = text("size_param").empty() ? text("limit_param") : text("size_param"),
                        .start_page = number("start_page"),
                        .cursor_path = text("cursor_path"),
                        .has_more_path = text("has_more_path"),
                        .last_page_path = text("last_page_path"),
                        .next_link_path = text("next_link_path"),
                        .header_link_rel = text("header_link_rel"),
                        .total_path = text("total_path"),
                        .total_pages_path = text("total_pages_path"),
                        .total_header = text("total_header")};
  options.max_in_flight = number("max_concurrent_requests");
  if (const std::uint64_t budget = number("requests_per_minute"); budget != 0) {
    options.budgets.push_back({.requests = budget, .window = std::chrono::minutes(1)});
  }
  options.limits.max_steps = static_cast<std::uint64_t>(config.integer("riptide.jq_steps"));
  options.limits.max_memory_bytes = config.bytes("riptide.jq_memory");
  auto source = sources::custom::CustomSource::create(std::move(options));
  if (!source) return pipeline::unexpected(std::move(source).error());
  return std::shared_ptr<const stages::Source>(std::move(*source));
}

constexpr Setting kJiraSettings[] = {
    {.key = "integration.config.jira_host",
     .type = SettingType::kUrl,
     .meaning = "Address of the Jira site, e.g. `https://example.atlassian.net`.",
     .required = true},
    {.key = "integration.config.atlassian_user_email",
     .meaning = "Who reads: the account's email address.",
     .required = true,
     .sensitive = true},
    {.key = "integration.config.atlassian_user_token",
     .meaning = "API token of that account.",
     .required = true,
     .sensitive = true},
    {.key = "integration.config.atlassian_organization_id",
     .meaning = "Organization whose teams are read; without it there are none."},
    {.key = "integration.config.app_host",
     .type = SettingType::kUrl,
     .meaning = "Public URL for webhooks, in a process that stays.",
     .use = SettingUse::kIgnored},
    {.key = "integration.config.partition",
     .type = SettingType::kChoice,
     .fallback = "auto",
     .meaning =
         "`auto` reads issues and worklogs project by project side by side where the JQL allows it; `none` as one "
         "chain.",
     .choices = "auto|none"},
    {.key = "integration.config.page_size",
     .type = SettingType::kInteger,
     .fallback = "50",
     .meaning = "Records asked for in one page; Jira may give fewer.",
     .least = 1,
     .most = sources::jira::kMaxPageSize},
};

constexpr Setting kJiraServerSettings[] = {
    {.key = "integration.config.jira_server_host",
     .type = SettingType::kUrl,
     .meaning = "Address of the Jira Server or Data Center.",
     .required = true},
    {.key = "integration.config.token",
     .meaning = "Personal access token; or else username and password.",
     .required = true,
     .sensitive = true,
     .unless = "integration.config.password"},
    {.key = "integration.config.username", .meaning = "Who reads, where there is no token."},
    {.key = "integration.config.password", .meaning = "Password of that user.", .sensitive = true},
};

pipeline::Result<std::shared_ptr<const stages::Source>> make_jira(const Config& config) {
  sources::jira::Options options{
      .jira_host = config.text("integration.config.jira_host"),
      .user_email = config.secret("integration.config.atlassian_user_email"),
      .user_token = config.secret("integration.config.atlassian_user_token"),
      .organization_id = config.text("integration.config.atlassian_organization_id"),
      .partition = config.text("integration.config.partition") != "none",
      .page_size = static_cast<std::uint32_t>(config.integer("integration.config.page_size"))};
  if (const std::string path = config.text("oauth_access_token_file_path"); !path.empty()) {
    options.oauth_token = [path]() -> pipeline::Result<pipeline::Secret> {
      auto text = read_file(path);
      if (!text) return pipeline::unexpected(std::move(text).error());
      return pipeline::Secret(*std::move(text));
    };
  }
  auto source = sources::jira::JiraSource::create(std::move(options));
  if (!source) return pipeline::unexpected(std::move(source).error());
  return std::shared_ptr<const stages::Source>(std::move(*source));
}

pipeline::Result<std::shared_ptr<const stages::Source>> make_jira_server(const Config& config) {
  auto source =
      sources::jira_server::JiraServerSource::create({.host = config.text("integration.config.jira_server_host"),
                                                      .token = config.secret("integration.config.token"),
                                                      .username = config.text("integration.config.username"),
                                                      .password = config.secret("integration.config.password")});
  if (!source) return pipeline::unexpected(std::move(source).error());
  return std::shared_ptr<const stages::Source>(std::move(*source));
}

constexpr Setting kFileSettings[] = {
    {.key = "integration.config.path",
     .meaning = "What is read where a block of the mapping names no path: a file, a directory, a pattern "
                "(`exports/**/*.ndjson`), `-` for standard input."},
    {.key = "integration.config.paths", .type = SettingType::kJson, .meaning = "Several of them, as a list."},
    {.key = "integration.config.format",
     .type = SettingType::kChoice,
     .fallback = "auto",
     .meaning =
         "`ndjson`: a record a line; `array`: JSON over any number of lines, the elements of arrays are records.",
     .choices = "auto|ndjson|array"},
    {.key = "integration.config.page_bytes",
     .type = SettingType::kSize,
     .fallback = "512KiB",
     .meaning = "What is read as one page, unless a record is longer; at most 1/64 of `riptide.memory`.",
     .least = static_cast<double>(sources::file::kLeastPageBytes),
     .most = 1e9},
};

pipeline::Result<std::shared_ptr<const stages::Source>> make_file(const Config& config) {
  sources::file::Options options;
  if (const std::string path = config.text("integration.config.path"); !path.empty()) options.paths.push_back(path);
  if (const std::string list = config.text("integration.config.paths"); !list.empty()) {
    auto paths = sources::file::paths_of(list, "integration.config.paths");
    if (!paths) return pipeline::unexpected(std::move(paths).error());
    options.paths.insert(options.paths.end(), paths->begin(), paths->end());
  }
  options.format = config.text("integration.config.format");
  options.page_bytes =
      std::min<std::uint64_t>(config.bytes("integration.config.page_bytes"),
                              std::max(sources::file::kLeastPageBytes, config.bytes("riptide.memory") / 64));
  auto source = sources::file::FileSource::create(std::move(options));
  if (!source) return pipeline::unexpected(std::move(source).error());
  return std::shared_ptr<const stages::Source>(std::move(*source));
}

// Of types whose selectors have nothing but `query`, whatever the kind.
std::span<const stages::SelectorFields> no_selectors() {
  static constexpr stages::SelectorFields kNone[] = {{"", {}}};
  return kNone;
}

std::vector<stages::SelectorFault> check_custom(const std::string& kind, const Tree& selector) {
  std::vector<sources::custom::PlaceholderEntry> entries;
  if (const Tree* const given = selector.find("path_parameters")) {
    for (const auto& [name, entry] : given->members) {
      const Tree* const endpoint = entry.find("endpoint");
      entries.push_back({name, endpoint != nullptr && endpoint->scalar() ? endpoint->text : ""});
    }
  }
  return sources::custom::check_placeholders(kind, entries);
}

constexpr IntegrationType kTypes[] = {
    {"octopus", kOctopusSettings, &sources::octopus::default_mapping, &sources::octopus::default_blueprints,
     &make_octopus, &no_selectors},
    {"custom", kCustomSettings, &sources::custom::default_mapping, nullptr, &make_custom, &sources::custom::selectors,
     &check_custom, "integration.config.verify_ssl", "integration.config.timeout"},
    {"file", kFileSettings, &sources::file::default_mapping, nullptr, &make_file, &sources::file::selectors},
    {"jira", kJiraSettings, &sources::jira::default_mapping, &sources::jira::default_blueprints, &make_jira,
     &sources::jira::selectors},
    {"jira-server", kJiraServerSettings, &sources::jira_server::default_mapping,
     &sources::jira_server::default_blueprints, &make_jira_server, &sources::jira_server::selectors},
};

}  // namespace

std::span<const IntegrationType> integration_types() { return kTypes; }

const IntegrationType* find_integration_type(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                         [&](const IntegrationType& type) { return type.name == name; });
  return found == std::end(kTypes) ? nullptr : found;
}

}  // namespace riptide::cli
