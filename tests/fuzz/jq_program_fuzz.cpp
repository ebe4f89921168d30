// The lexer, the parser and the compiler on any bytes: a program or an error with a position inside the text.
#include <algorithm>
#include <vector>

#include "fuzz_target.hpp"
#include "jq/lexer.hpp"
#include "jq/parser.hpp"
#include "riptide/transform/jq.hpp"

namespace jq = riptide::transform::jq;
using riptide::tests::must;

namespace {

void check_position(std::string_view text, const jq::CompileError& error) {
  must(!error.message.empty(), "an error without a message");
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  must(error.line >= 1 && error.line <= lines, "an error on a line that is not there");
  must(error.column >= 1 && static_cast<std::size_t>(error.column) <= text.size() + 1, "an error behind the text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text = riptide::tests::text_of(bytes, size);
  if (size > 20'000) return 0;
  std::vector<jq::Token> tokens;
  jq::CompileError error;
  const bool cut = jq::tokenize(text, tokens, error);
  must(!cut || (!tokens.empty() && tokens.back().kind == jq::TokenKind::kEnd), "tokens without an end");
  if (!cut) check_position(text, error);
  jq::CompileError parse_error;
  const bool parsed = jq::parse(text, parse_error).has_value();
  must(cut || !parsed, "a program of tokens that are none");
  if (!parsed) check_position(text, parse_error);
  for (const bool host_functions : {false, true}) {
    jq::CompileOptions options;
    options.host_functions = host_functions;
    options.variables = {{"named", "{\"a\":[1]}"}};
    jq::CompileError where;
    const auto program = jq::Program::compile(text, options, &where);
    must(parsed || !program, "a program that does not parse");
    if (!program) check_position(text, where);
    if (program) must((*program)->text() == text, "another text");
  }
  return 0;
}
