#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "riptide/cli/settings.hpp"
#include "riptide/pipeline/result.hpp"

namespace riptide::stages {
class Source;
}

namespace riptide::cli {

class Config;
struct Tree;

/// One kind of system that can be read: its settings, its default mapping and blueprints, and how its source is made.
/// The registry line that a new source adds.
struct IntegrationType {
  std::string_view name;
  std::span<const Setting> settings;  ///< Keys begin with "integration.config.".
  std::string_view (*default_mapping)();
  std::string_view (*default_blueprints)();  ///< A JSON array; null if the type brings none along.
  pipeline::Result<std::shared_ptr<const stages::Source>> (*make_source)(const Config& config);
  /// What the selectors of its mapping can have; null if nobody knows.
  std::span<const stages::SelectorFields> (*selectors)() = nullptr;
  /// What is wrong with a block beyond the form of its fields; null if there is nothing more. JSON values.
  std::vector<stages::SelectorFault> (*check_selector)(const std::string& kind, const Tree& selector) = nullptr;
  std::string_view tls_setting = {};      ///< A setting of its own for checking certificates, if it has one.
  std::string_view timeout_setting = {};  ///< One for the seconds of a request, likewise; 0 where it is not set.
};

/// All types that this version reads.
std::span<const IntegrationType> integration_types();

/// Returns the type of that name (lower case), or null.
const IntegrationType* find_integration_type(std::string_view name);

}  // namespace riptide::cli
