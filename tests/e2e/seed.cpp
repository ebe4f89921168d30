#include "seed.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>

#include "workspace.hpp"

namespace riptide::e2e {

std::uint64_t seed_of_this_run() {
  static const std::uint64_t seed = [] {
    const char* const given = std::getenv("RIPTIDE_SEED");
    const std::uint64_t chosen =
        given != nullptr ? std::strtoull(given, nullptr, 10) : (soak() ? std::random_device()() : 20261124u);
    std::printf("seed: RIPTIDE_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    std::fflush(stdout);
    return chosen;
  }();
  return seed;
}

}  // namespace riptide::e2e
