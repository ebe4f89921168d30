#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/cli/dotenv.hpp"
#include "riptide/cli/problem.hpp"
#include "riptide/cli/settings.hpp"
#include "riptide/pipeline/secret.hpp"

namespace riptide::cli {

/// Where settings come from, as texts, so that reading them is a pure function.
struct ConfigSources {
  std::vector<Variable> environment;
  std::optional<std::string> dotenv;      ///< Text of `.env`.
  std::optional<std::string> file;        ///< Text of config.yaml.
  std::string file_name = "config.yaml";  ///< For messages.
  struct Flag {
    std::string name;  ///< "--memory", for messages.
    std::string key;   ///< "riptide.memory".
    std::string value;
  };
  std::vector<Flag> flags;
};

/// Reads the process environment, `./.env`, and `config_file` (or `./config.yaml` if that is empty and the file is
/// there). Problems: a file that cannot be read.
ConfigSources gather_sources(const std::string& config_file, std::vector<Problem>& problems);

/// Looks variables up where settings are: in the environment, else in `.env`. Keeps a copy.
EnvironmentLookup variables_of(const ConfigSources& sources);

/// What must be there, by what the verb does with it.
struct ConfigNeeds {
  bool type = true;  ///< `integration.type`.
  /// What the integration type requires (its server, its key). Where it is missing: an error, a warning, or a value
  /// that names nothing, for verbs that contact nobody.
  enum class Missing : std::uint8_t { kError, kWarning, kPlaceholder };
  Missing source = Missing::kError;
};

/// Where a setting, or a member of a block, stands in a file.
struct SettingPlace {
  std::string path;  ///< Dotted, within the block; empty: the setting itself.
  std::string origin;
  int line = 0;
  int column = 0;
};

/// The settings of a run, checked. Values are asked for by the key of a `Setting`; a key that is not in the tables is a
/// programmer's error.
class Config {
 public:
  /// Integration type, lower case; empty if `ConfigNeeds::type` was false and none was given.
  [[nodiscard]] const std::string& type() const noexcept { return type_; }
  /// As given, or `my-<type>-integration`.
  [[nodiscard]] const std::string& identifier() const noexcept { return identifier_; }

  [[nodiscard]] bool given(std::string_view key) const;
  [[nodiscard]] const std::string& text(std::string_view key) const;
  [[nodiscard]] const pipeline::Secret& secret(std::string_view key) const;
  [[nodiscard]] bool boolean(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key) const;
  [[nodiscard]] std::size_t bytes(std::string_view key) const;
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view key) const;

  /// Where a setting was given, and below it the members of a block; empty where that was in no file.
  [[nodiscard]] const std::vector<SettingPlace>& places(std::string_view key) const;

  /// Every secret that was given, those within a larger one one by one, for whoever must keep them out of what is
  /// shown.
  [[nodiscard]] std::vector<std::string> secrets() const;

  /// Whether both of Port's credentials are there.
  [[nodiscard]] bool has_port() const;

 private:
  friend class ConfigReader;
  struct Value {
    const Setting* setting = nullptr;
    bool given = false;
    std::vector<SettingPlace> places;
    std::string text;
    pipeline::Secret secret;
    bool boolean = false;
    double number = 0;
    std::int64_t integer = 0;
    std::chrono::milliseconds duration{0};
  };
  [[nodiscard]] const Value& at(std::string_view key) const;

  std::string type_;
  std::string identifier_;
  std::map<std::string, Value, std::less<>> values_;
};

struct ConfigReading {
  Config config;
  std::vector<Problem> problems;  ///< Errors and warnings, all of them.
};

/// Merges flags over the environment over `.env` over the file over the defaults, leaf by leaf, and checks everything.
ConfigReading read_config(const ConfigSources& sources, const ConfigNeeds& needs);

/// "OCEAN__PORT__CLIENT_ID (port.clientId in config.yaml)": how messages name a setting.
std::string how_to_set(std::string_view key);

}  // namespace riptide::cli
