#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "riptide/simulator/octopus_options.hpp"

namespace riptide::simulator {

/// Decides for each request what goes wrong with it. One thread.
class FaultPlan {
 public:
  FaultPlan(const Faults& faults, std::uint64_t seed);

  struct Decision {
    Fault fault = Fault::kNone;
    int status = 0;  ///< Of kStatus.
  };
  Decision decide(std::string_view target);

 private:
  struct History {
    std::uint32_t asked = 0;
    std::uint32_t in_a_row = 0;
  };
  [[nodiscard]] Fault draw(double chance) const;

  Faults faults_;
  std::uint64_t seed_;
  bool has_rates_;
  std::vector<std::uint64_t> matched_;                ///< One a rule.
  std::unordered_map<std::string, History> history_;  ///< By target; empty without rates.
};

}  // namespace riptide::simulator
