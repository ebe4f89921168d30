#pragma once

#include "riptide/cli/config.hpp"
#include "riptide/cli/terminal.hpp"
#include "riptide/stages/dead_letters.hpp"

namespace riptide::cli {

/// How dead letters are kept. `terminal` knows the secrets, and is borrowed.
stages::DeadLetters::Options letter_options(const Config& config, const Terminal& terminal);

}  // namespace riptide::cli
