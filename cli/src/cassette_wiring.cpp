#include "riptide/cli/cassette_wiring.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "riptide/cli/integration_type.hpp"
#include "riptide/cli/numbers.hpp"
#include "riptide/cli/settings.hpp"
#include "riptide/pipeline/check.hpp"
#include "riptide/stages/fault_injector.hpp"
#include "riptide/stages/secret_settings.hpp"

namespace riptide::cli {
namespace {

/// Settings of ours that do not change what is asked, but belong to the machine.
constexpr std::array<std::string_view, 2> kOfTheMachine = {"riptide.memory", "riptide.threads"};

bool is_recorded(const Setting& setting) {
  if (setting.use == SettingUse::kIgnored) return false;
  if (setting.key.starts_with("integration.")) return true;
  if (!setting.key.starts_with("riptide.") || setting.key.starts_with("riptide.port")) return false;
  return !setting.sensitive &&
         std::find(kOfTheMachine.begin(), kOfTheMachine.end(), setting.key) == kOfTheMachine.end();
}

std::string recorded_value(const Config& config, const Setting& setting) {
  if (setting.sensitive) return stages::without_secrets(config.secret(setting.key).reveal());
  return config.text(setting.key);
}

}  // namespace

stages::CassetteHeader cassette_header(const Config& config, const SyncFlags& flags, const MappingText& mapping) {
  stages::CassetteHeader header;
  header.riptide = version();
  header.recorded_at = utc_now();
  header.type = config.type();
  header.identifier = config.identifier();
  header.kinds = flags.kinds;
  header.mapping = mapping.text;
  header.mapping_origin = mapping.origin;
  header.mapping_lenient = mapping.lenient;
  const IntegrationType* const type = find_integration_type(config.type());
  RIPTIDE_CHECK(type != nullptr);
  for (const auto& settings : {framework_settings(), type->settings}) {
    for (const Setting& setting : settings) {
      const bool named_already = setting.key == "integration.type" || setting.key == "integration.identifier";
      if (named_already || !is_recorded(setting) || !config.given(setting.key)) continue;
      header.settings.emplace_back(setting.key, recorded_value(config, setting));
    }
  }
  return header;
}

std::vector<ConfigSources::Flag> settings_of(const stages::CassetteHeader& header) {
  std::vector<ConfigSources::Flag> out;
  out.push_back({"--replay", "integration.type", header.type});
  if (!header.identifier.empty()) out.push_back({"--replay", "integration.identifier", header.identifier});
  for (const auto& [key, value] : header.settings) {
    // Nothing else in a file from somebody else may change how this machine is used.
    if (!key.starts_with("integration.config.") && !key.starts_with("riptide.")) continue;
    out.push_back({"--replay", key, value});
  }
  return out;
}

MappingText mapping_of(const stages::CassetteHeader& header, const std::string& path) {
  return {header.mapping, header.mapping_origin + " (on " + path + ")", header.mapping_lenient};
}

std::shared_ptr<stages::Wire> with_faults(const SyncFlags& flags, std::shared_ptr<stages::Wire> behind,
                                          std::chrono::milliseconds timeout) {
  if (flags.inject.empty()) return behind;
  auto plan = stages::FaultPlan::parse(flags.inject);
  RIPTIDE_CHECK(plan.has_value());  // The command line was checked.
  return std::make_shared<stages::FaultInjector>(stages::FaultInjector::Options{
      .plan = *std::move(plan), .seed = flags.seed, .timeout = timeout, .behind = std::move(behind)});
}

}  // namespace riptide::cli
