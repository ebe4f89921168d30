#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "riptide/pipeline/loan_pool.hpp"
#include "riptide/pipeline/result.hpp"
#include "riptide/transform/evaluation_limits.hpp"
#include "riptide/transform/jq.hpp"

namespace riptide::stages {

using pipeline::Result;

/// A jq program that many threads run on JSON texts. Errors of its calls are of the text that they were given: the
/// program raised one (kRejected, as jq words it), a limit ran out (kLimit), the text is no JSON (kMalformed).
class JqProgram {
 public:
  explicit JqProgram(std::shared_ptr<const transform::jq::Program> program, transform::EvaluationLimits limits = {});
  /// Errors: kConfig, "message at line L, column C".
  static Result<std::shared_ptr<const JqProgram>> compile(std::string_view text,
                                                          const transform::EvaluationLimits& limits = {});

  /// Whether the first output is neither false nor null; false if there is none.
  Result<bool> holds(std::string_view json) const;
  /// The first output as JSON; nothing if there is none.
  Result<std::optional<std::string>> first(std::string_view json) const;
  /// Calls `take` with each output as JSON, valid during the call. Outputs before an error were given.
  Result<void> each(std::string_view json, const std::function<void(std::string_view)>& take) const;

 private:
  using Evaluator = transform::jq::Evaluator;
  Result<void> run(std::string_view json, transform::jq::Evaluator::Output output) const;

  std::shared_ptr<const transform::jq::Program> program_;
  const std::size_t max_output_bytes_;
  mutable pipeline::LoanPool<Evaluator> evaluators_;
};

}  // namespace riptide::stages
