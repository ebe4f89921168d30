#include "riptide/cli/integration_type.hpp"

#include <algorithm>
#include <array>

#include "riptide/cli/config.hpp"
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

constexpr IntegrationType kTypes[] = {
    {"octopus", kOctopusSettings, &sources::octopus::default_mapping, &sources::octopus::default_blueprints,
     &make_octopus},
};

constexpr std::string_view kFuture[] = {"jira", "jira-server", "custom", "file"};

}  // namespace

std::span<const IntegrationType> integration_types() { return kTypes; }

const IntegrationType* find_integration_type(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                         [&](const IntegrationType& type) { return type.name == name; });
  return found == std::end(kTypes) ? nullptr : found;
}

std::span<const std::string_view> future_integration_types() { return kFuture; }

}  // namespace riptide::cli
