#include "riptide/pipeline/run_id.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <random>

namespace riptide::pipeline {

std::string new_run_id() {
  std::random_device device;
  std::mt19937_64 random((static_cast<std::uint64_t>(device()) << 32) ^ device());
  const std::uint64_t high = random();
  const std::uint64_t low = random();
  // A version 4 UUID: Port files the run under it.
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xfff,
                     8 + ((low >> 62) & 3), (low >> 48) & 0xfff, low & 0xffffffffffff);
}

}  // namespace riptide::pipeline
