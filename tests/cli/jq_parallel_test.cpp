// Many threads give what one gives, whatever the values look like and wherever blocks end.
#include "riptide/cli/jq_parallel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "jq_in_process.hpp"

namespace riptide::cli {
namespace {

namespace jq = transform::jq;

JqRun in_parallel(const std::string& program, const std::string& input, unsigned threads = 4) {
  const auto read = read_jq_options({"-c", program}, {.has_pipe = true});
  const JqOptions& options = std::get<JqOptions>(read);
  const auto compiled = jq::Program::compile(program);
  const MemoryFile in(input), out, err;
  JqSource source({}, in.descriptor(), JqSource::Cut::kGuessed);
  JqParallel parallel(options, **compiled, source, {out.descriptor(), err.descriptor(), threads});
  const JqVerdict verdict = parallel.run();
  return {verdict.exit_code(false), out.text(), err.text()};
}

JqRun one_by_one(const std::string& program, const std::string& input) {
  return jq_run({"-c", "--unbuffered", program}, input);
}

// Values with what could mislead whoever looks for their ends.
class Writer {
 public:
  explicit Writer(unsigned seed) : random_(seed) {}

  std::string value(int depth) {
    switch (pick(depth > 4 ? 4 : 7)) {
      case 0:
        return std::to_string(pick(100000));
      case 1:
        return "\"" + text() + "\"";
      case 2:
        return pick(2) == 0 ? "true" : "null";
      case 3:
        return pick(2) == 0 ? "{}" : "[]";
      case 4:
      case 5: {
        std::string out = "[" + space();
        const int size = pick(4);
        for (int i = 0; i < size; ++i) out += (i == 0 ? "" : "," + space()) + value(depth + 1);
        return out + space() + "]";
      }
      default: {
        std::string out = "{";
        const int size = pick(4);
        for (int i = 0; i < size; ++i) {
          out += (i == 0 ? "" : ",") + space() + "\"k" + text() + "\":" + space() + value(depth + 1);
        }
        return out + space() + "}";
      }
    }
  }

  std::string text() {
    static const char* const kPieces[] = {
        "a", "]", "}", "{", "[", "\\\"", "\\\\", "\xC3\xA9", ",", "\\n", "long text without marks "};
    std::string out;
    for (int i = pick(8); i > 0; --i) out += kPieces[pick(11)];
    if (pick(40) == 0) out += std::string(static_cast<std::size_t>(pick(3000)), 'x');
    return out;
  }

  std::string space() {
    static const char* const kSpaces[] = {"", "", "", " ", "\n", "\n  ", "\t", "\r\n"};
    return kSpaces[pick(8)];
  }

  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

 private:
  std::mt19937 random_;
};

TEST(JqParallel, KeepsTheOrderOfRecords) {
  std::string input, expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::string number = std::to_string(i);
    input += "{\"pad\":\"" + std::string(static_cast<std::size_t>(i % 97), '.') + "\",\"id\":" + number + "}\n";
    expected += number + "\n";
  }
  const JqRun run = in_parallel(".id", input);
  EXPECT_EQ(run.out, expected);
  EXPECT_EQ(run.code, 0);
}

TEST(JqParallel, GivesWhatOneThreadGives) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    Writer writer(seed);
    std::string input;
    const bool single_line = seed % 3 == 0;
    while (input.size() < 1'000'000) {
      std::string value = writer.value(seed % 2 == 0 ? 0 : 3);
      if (single_line) std::replace(value.begin(), value.end(), '\n', ' ');
      input += value + (single_line ? " " : "\n");
    }
    for (const char* const program : {".", ".k?", "select(.k == 1) | {k}", "length", "error"}) {
      const JqRun many = in_parallel(program, input);
      const JqRun one = one_by_one(program, input);
      ASSERT_EQ(many.out, one.out) << "seed " << seed << ", " << program;
      ASSERT_EQ(many.code, one.code) << "seed " << seed << ", " << program;
      // Within a line longer than a block, places are not known as exactly.
      if (!single_line) {
        ASSERT_EQ(many.err, one.err) << "seed " << seed << ", " << program;
      }
    }
  }
}

TEST(JqParallel, StopsAtWhatIsNotJson) {
  std::string good;
  for (int i = 0; i < 30'000; ++i) good += "{\"id\":" + std::to_string(i) + ",\"text\":\"some more text\"}\n";
  const std::string before = in_parallel(".id", good).out;
  for (const std::string broken : {"{\"id\":}", "{\"id\":1", "\"open", "]", "{\"id\":\"x}", "nope", "[1,2}"}) {
    const JqRun run = in_parallel(".id", good + broken + "\n" + good);
    EXPECT_EQ(run.out, before) << broken;
    EXPECT_EQ(run.code, 5) << broken;
    EXPECT_THAT(run.err, ::testing::StartsWith("jq: parse error: ")) << broken;
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << broken;
  }
}

TEST(JqParallel, TakesValuesLargerThanABlock) {
  const std::string large = "[\"" + std::string(3'000'000, 'x') + "\",\n{\"a\":[1]}]";
  EXPECT_EQ(in_parallel("length", "1\n" + large + "\n" + large + "2").out, "1\n2\n2\n2\n");
  EXPECT_EQ(in_parallel("length", large + large).out, "2\n2\n");
}

TEST(JqParallel, LeavesOutOnlyWhatAProgramCannotSee) {
  const std::string input =
      "{\"a\":{\"b\":1,\"c\":[2]},\"a\":{\"b\":{\"d\":3},\"c\":4},\"\\u0065\":5,\"f\":[{\"g\":6}]}\n[1]\n\"x\"\nnull\n";
  for (const char* const program : {".a",
                                    ".a.b",
                                    ".a?.b?",
                                    ".e?",
                                    ".f?[0]?",
                                    "{a: .a?.c?}",
                                    ".a? // .e",
                                    "try .a.b catch .",
                                    "select(.e? == 5) | .f",
                                    ". as $x | [$x]",
                                    "def f: .a?; f",
                                    "[.a?, .f?]",
                                    "\"\\(.e?)\"",
                                    "if .e? then .f else 1 end",
                                    "keys?",
                                    "to_entries?",
                                    "path(.a?)",
                                    "(.a? |= 1)?",
                                    ".a?, .zz?",
                                    "..",
                                    "reduce .f?[]? as $x (0; . + 1)",
                                    "tojson",
                                    "{e}?",
                                    ".[\"a\"]?",
                                    "first(.a?)",
                                    "isempty(.a?)",
                                    "error(.a?)?",
                                    "limit(1; .f?)",
                                    ".a? | not"}) {
    EXPECT_EQ(in_parallel(program, input).out, one_by_one(program, input).out) << program;
  }
}

TEST(JqParallel, RefusesWhatItDoesNotLookAtToo) {
  for (const std::string broken :
       {"{\"a\":1,\"b\":tru}", "{\"a\":1,\"b\":\"\\x\"}", "{\"a\":1,\"b\":[1,]}", "{\"a\":1,\"b\":{\"c\" 1}}",
        "{\"b\":\"\\ud800\",\"a\":1}", "{\"b\":[}],\"a\":1}", "{\"b\":01x,\"a\":1}"}) {
    const JqRun run = in_parallel(".a", broken);
    EXPECT_EQ(run.code, 5) << broken;
    EXPECT_EQ(run.out, "") << broken;
  }
}

// All values of a text as one array, read by `threads`.
std::string all_of(const std::string& text, unsigned threads, std::string& problem) {
  jq::Evaluator evaluator(kJqLimits);
  std::size_t at = 0;
  std::string out;
  if (const auto loaded = evaluator.load_all(text, at, threads); !loaded) {
    problem = loaded.error().message + "@" + std::to_string(at);
  } else {
    const auto program = jq::Program::compile("map(.)|., (.[1:3]|map(.k?)), (.[0] |= {a: 1}|length)");
    (void)evaluator.run(**program, [&](jq::ValueRef value) {
      value.append_json(out);
      return jq::Next::kContinue;
    });
  }
  return out;
}

TEST(JqParallel, SlurpsWithManyThreadsWhatOneSlurps) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    Writer writer(seed);
    std::string text;
    while (text.size() < 13'000'000) {
      std::string value = writer.value(0);
      if (seed == 1) std::replace(value.begin(), value.end(), '\n', ' ');
      text += value + "\n";
    }
    if (seed == 4) text += "[1,}";
    std::string one_problem, many_problem;
    const std::string one = all_of(text, 1, one_problem);
    const std::string many = all_of(text, 3, many_problem);
    EXPECT_TRUE(one == many) << seed;
    EXPECT_EQ(one_problem, many_problem);
    EXPECT_EQ(one_problem.empty(), seed != 4);
  }
}

}  // namespace
}  // namespace riptide::cli
