#pragma once

#include <cstdint>

namespace riptide::e2e {

/// The seed of random tests: RIPTIDE_SEED, else a new one in the long forms, else always the same. Printed once.
std::uint64_t seed_of_this_run();

}  // namespace riptide::e2e
