#pragma once

#include <string>
#include <string_view>

namespace riptide::cli {

/// The JSON Schema (draft 07) of config.yaml, for editors: made of the tables of settings.
std::string config_schema();

/// The JSON Schema of a mapping of that integration type, its selectors kind by kind; of any type, if that is empty.
std::string mapping_schema(std::string_view type);

}  // namespace riptide::cli
