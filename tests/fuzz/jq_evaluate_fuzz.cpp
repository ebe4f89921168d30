// Any program on any input under small budgets: it ends, and whatever comes out is JSON that can be read again. The
// input stands behind the first zero byte.
#include <string>

#include "fuzz_target.hpp"
#include "riptide/transform/jq.hpp"

namespace jq = riptide::transform::jq;
using riptide::tests::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text = riptide::tests::text_of(bytes, size);
  if (size > 10'000) return 0;
  const std::size_t split = text.find('\0');
  jq::CompileOptions options;
  options.variables = {{"named", "{\"a\":[1]}"}};
  const auto program = jq::Program::compile(text.substr(0, split), options);
  if (!program) return 0;
  static const riptide::transform::EvaluationLimits limits{
      .max_steps = 20'000, .max_memory_bytes = 4u << 20, .max_output_bytes = 1u << 20, .max_depth = 300};
  static jq::Evaluator evaluator(limits);
  static jq::Evaluator reader;
  const std::string input(split == std::string_view::npos ? "null" : text.substr(split + 1));
  if (!evaluator.load(input)) return 0;
  std::string before;
  const bool whole = evaluator.input().append_json(before, limits.max_output_bytes);
  int outputs = 0;
  std::string printed;
  std::string again;
  std::string third;
  const auto outcome = evaluator.run(**program, [&](jq::ValueRef value) {
    printed.clear();
    if (value.append_json(printed, limits.max_output_bytes)) {
      const auto read = reader.load(printed);
      // Results can nest deeper than what is read; nothing else may be wrong with them.
      must(read || read.error().kind == riptide::pipeline::ErrorKind::kLimit, "an output that is not JSON");
      // A number that is read keeps its digits, a computed one is printed in its own way: the second text must stay.
      again.clear();
      if (read) must(reader.input().append_json(again), "an output that reads but does not print");
      third.clear();
      if (read) must(reader.load(again) && reader.input().append_json(third) && third == again, "a text that changes");
    }
    return ++outputs < 50 ? jq::Next::kContinue : jq::Next::kStop;
  });
  if (outcome.ending == jq::Outcome::Ending::kLimit) must(!outcome.message.empty(), "a limit without a message");
  if (outcome.ending == jq::Outcome::Ending::kError) {
    printed.clear();
    static_cast<void>(outcome.value.append_json(printed, limits.max_output_bytes));
  }
  if ((*program)->single_output()) must(outputs <= 1, "a program of one output had more");
  if (whole) {
    std::string after;
    must(evaluator.input().append_json(after, limits.max_output_bytes) && after == before, "the input was changed");
  }
  return 0;
}
