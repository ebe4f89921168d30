#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/stages/field.hpp"

namespace riptide::cli {

/// kJson is a block of config.yaml, or its JSON as text: `Config` has it as JSON.
enum class SettingType : std::uint8_t {
  kText,
  kUrl,
  kPath,
  kBool,
  kInteger,
  kNumber,
  kSize,
  kDuration,
  kChoice,
  kJson
};

/// Whether a setting does something in this version. The others are recognised, so that a configuration of Ocean is
/// taken as it is.
enum class SettingUse : std::uint8_t { kUsed, kIgnored };

/// One setting: what reads, checks, documents and defaults it.
struct Setting {
  std::string_view key =
      {};  ///< Dotted, snake_case: "riptide.in_flight". The variable and the YAML key follow from it.
  SettingType type = SettingType::kText;
  std::string_view fallback = {};  ///< As the user would write it; empty if there is none.
  std::string_view meaning = {};   ///< One line for the documentation.
  SettingUse use = SettingUse::kUsed;
  bool required = false;
  bool sensitive = false;
  std::string_view unless = {};   ///< With `required`: another setting that will do in its place.
  std::string_view choices = {};  ///< With kChoice: "a|b|c".
  double least = 0;               ///< With kInteger, kNumber, kSize (bytes) and kDuration (seconds).
  double most = 9e15;
  std::span<const stages::Field> (*fields)() = nullptr;  ///< With kJson: its members, if they are known.
};

/// Settings of Ocean's framework and of riptide's own, in the order of the documentation.
std::span<const Setting> framework_settings();

/// "riptide.in_flight" -> "OCEAN__RIPTIDE__IN_FLIGHT"; "application.log_level" -> "APPLICATION__LOG_LEVEL".
std::string variable_of(std::string_view key);

/// "port.client_id" -> "port.clientId"; empty for settings that have no place in config.yaml.
std::string yaml_key_of(std::string_view key);

/// "a|b|c" -> a, b, c.
std::vector<std::string> choices_of(std::string_view choices);

/// Reads true/false/1/0/yes/no/on/off/t/f/y/n in any case, as pydantic does.
std::optional<bool> parse_boolean(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);

/// Reads a size in bytes: 134217728, 128MiB, 1GB (decimal), 64k (a bare letter is binary, as in Docker).
std::optional<std::uint64_t> parse_size(std::string_view text);

/// Reads a duration: 100ms, 2s, 1.5m, 1h; a bare number is seconds, as in Ocean.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// Checks that a text is an absolute http or https URL with a host, and returns it without trailing slashes.
/// Errors: kConfig, without the text itself (a key may have been put there by mistake).
pipeline::Result<std::string> checked_url(std::string_view text);

/// The settings as the rows of a Markdown table, for docs/configuration.md.
std::string settings_as_markdown(std::span<const Setting> settings);

}  // namespace riptide::cli
