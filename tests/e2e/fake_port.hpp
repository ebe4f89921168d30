#pragma once

#include "json_value.hpp"
#include "loopback_port/loopback_port.hpp"

namespace riptide::e2e {

using FakePort = loopback::LoopbackPort;

}  // namespace riptide::e2e
