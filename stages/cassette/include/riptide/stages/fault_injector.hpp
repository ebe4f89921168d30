#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "riptide/pipeline/result.hpp"
#include "riptide/stages/wire.hpp"

namespace riptide::stages {

using pipeline::Result;

/// Which faults, and how often.
struct FaultPlan {
  enum class Kind : std::uint8_t {
    kStatus,    ///< An answer with `status` and no body.
    kReset,     ///< The connection breaks.
    kTimeout,   ///< Nothing comes for as long as the client waits.
    kTruncate,  ///< The body ends too early.
  };
  struct Fault {
    Kind kind = Kind::kStatus;
    int status = 0;
    double share = 0;  ///< Of the attempts.
  };
  std::vector<Fault> faults;

  /// Reads "429:0.05,reset:0.01": a status from 400 to 599, `reset`, `timeout` or `truncate`, with its share of all
  /// attempts; at most 1 together. Errors: kConfig.
  static Result<FaultPlan> parse(std::string_view text);
};

/// Puts faults in front of the network, or of another wire, which does not see the attempts that fail here. The
/// nth attempt of a request fails in the same way for the same seed, whatever goes on beside it, and however often the
/// request is made.
class FaultInjector final : public Wire {
 public:
  struct Options {
    FaultPlan plan;
    std::uint64_t seed = 0;
    std::chrono::milliseconds timeout{60'000};  ///< How long an attempt takes that runs out of time.
    std::shared_ptr<Wire> behind;               ///< Null: the network.
  };
  explicit FaultInjector(Options options);

  [[nodiscard]] std::optional<AttemptEnding> answer(const Attempt& attempt) override;
  void ended(const Attempt& attempt, const AttemptEnding& ending) override;
  [[nodiscard]] bool offline() const noexcept override;

 private:
  [[nodiscard]] AttemptEnding fail(const FaultPlan::Fault& fault, const Attempt& attempt) const;

  const Options options_;
};

}  // namespace riptide::stages
