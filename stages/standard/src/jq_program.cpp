#include "riptide/stages/jq_program.hpp"

#include <utility>

namespace riptide::stages {

using pipeline::ErrorKind;
using transform::jq::Next;
using transform::jq::Outcome;
using transform::jq::ValueRef;

JqProgram::JqProgram(std::shared_ptr<const transform::jq::Program> program, transform::EvaluationLimits limits)
    : program_(std::move(program)),
      max_output_bytes_(limits.max_output_bytes),
      evaluators_([limits] { return Evaluator(limits); }) {}

Result<std::shared_ptr<const JqProgram>> JqProgram::compile(std::string_view text,
                                                            const transform::EvaluationLimits& limits) {
  auto program = transform::jq::Program::compile(text);
  if (!program) return pipeline::unexpected(std::move(program).error());
  return std::make_shared<const JqProgram>(*std::move(program), limits);
}

Result<bool> JqProgram::holds(std::string_view json) const {
  bool holds = false;
  auto ran = run(json, [&](ValueRef output) {
    holds = output.truthy();
    return Next::kStop;
  });
  if (!ran) return pipeline::unexpected(std::move(ran).error());
  return holds;
}

Result<std::optional<std::string>> JqProgram::first(std::string_view json) const {
  std::optional<std::string> first;
  bool fits = true;
  auto ran = run(json, [&](ValueRef output) {
    fits = output.append_json(first.emplace(), max_output_bytes_);
    return Next::kStop;
  });
  if (!ran) return pipeline::unexpected(std::move(ran).error());
  if (!fits) return pipeline::unexpected(ErrorKind::kLimit, "the output is larger than the limit");
  return first;
}

Result<void> JqProgram::each(std::string_view json, const std::function<void(std::string_view)>& take) const {
  std::string text;
  bool fits = true;
  auto ran = run(json, [&](ValueRef output) {
    text.clear();
    fits = output.append_json(text, max_output_bytes_);
    if (!fits) return Next::kStop;
    take(text);
    return Next::kContinue;
  });
  if (ran && !fits) return pipeline::unexpected(ErrorKind::kLimit, "an output is larger than the limit");
  return ran;
}

Result<void> JqProgram::run(std::string_view json, Evaluator::Output output) const {
  auto evaluator = evaluators_.borrow();
  if (auto loaded = evaluator->load(json); !loaded) return loaded;
  const Outcome outcome = evaluator->run(*program_, output);
  switch (outcome.ending) {
    case Outcome::Ending::kDone:
    case Outcome::Ending::kStopped:
      return {};
    case Outcome::Ending::kLimit:
      return pipeline::unexpected(ErrorKind::kLimit, outcome.message);
    case Outcome::Ending::kError:
    case Outcome::Ending::kHalted:
      return pipeline::unexpected(ErrorKind::kRejected, outcome.message);
  }
  return {};
}

}  // namespace riptide::stages
