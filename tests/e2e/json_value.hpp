#pragma once

#include "loopback_port/json_value.hpp"

namespace riptide::e2e {

using loopback::Json;

}  // namespace riptide::e2e
