// Links riptide::transform alone: a regular expression of jq's, which Oniguruma runs.
#include <string>

#include "riptide/transform/jq.hpp"

namespace jq = riptide::transform::jq;

int main() {
  const auto program = jq::Program::compile(R"jq(.Links.Web | capture("app#/(?<space>[^/]+)").space)jq");
  if (!program) return 1;
  jq::Evaluator evaluator;
  if (!evaluator.load(R"({"Links": {"Web": "/app#/Spaces-7/projects"}})")) return 2;
  std::string found;
  const jq::Outcome outcome = evaluator.run(
      **program, [&](jq::ValueRef value) { return value.append_json(found) ? jq::Next::kContinue : jq::Next::kStop; });
  return outcome.ok() && found == R"("Spaces-7")" ? 0 : 3;
}
