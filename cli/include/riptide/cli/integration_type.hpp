#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "riptide/cli/settings.hpp"
#include "riptide/pipeline/result.hpp"

namespace riptide::stages {
class Source;
}

namespace riptide::cli {

class Config;

/// One kind of system that can be read: its settings, its default mapping and blueprints, and how its source is made.
/// The registry line that a new source adds.
struct IntegrationType {
  std::string_view name;
  std::span<const Setting> settings;  ///< Keys begin with "integration.config.".
  std::string_view (*default_mapping)();
  std::string_view (*default_blueprints)();  ///< A JSON array; null if the type brings none along.
  pipeline::Result<std::shared_ptr<const stages::Source>> (*make_source)(const Config& config);
  std::string_view tls_setting = {};  ///< A setting of its own for checking certificates, if it has one.
};

/// All types that this version reads.
std::span<const IntegrationType> integration_types();

/// Returns the type of that name (lower case), or null.
const IntegrationType* find_integration_type(std::string_view name);

}  // namespace riptide::cli
