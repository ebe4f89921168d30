#include "riptide/cli/integration_type.hpp"

#include <algorithm>
#include <array>

#include "riptide/cli/config.hpp"
#include "riptide/cli/file_reader.hpp"
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
     .meaning = "`auto` reads issues project by project side by side where the JQL allows it; `none` as one chain.",
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

constexpr IntegrationType kTypes[] = {
    {"octopus", kOctopusSettings, &sources::octopus::default_mapping, &sources::octopus::default_blueprints,
     &make_octopus},
    {"jira", kJiraSettings, &sources::jira::default_mapping, &sources::jira::default_blueprints, &make_jira},
    {"jira-server", kJiraServerSettings, &sources::jira_server::default_mapping,
     &sources::jira_server::default_blueprints, &make_jira_server},
};

constexpr std::string_view kFuture[] = {"custom", "file"};

}  // namespace

std::span<const IntegrationType> integration_types() { return kTypes; }

const IntegrationType* find_integration_type(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                         [&](const IntegrationType& type) { return type.name == name; });
  return found == std::end(kTypes) ? nullptr : found;
}

std::span<const std::string_view> future_integration_types() { return kFuture; }

}  // namespace riptide::cli
