#include "riptide/transform/jq.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "riptide/json/document.hpp"

namespace riptide::transform::jq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Ran {
  std::vector<std::string> outputs;
  Outcome outcome;
};

std::shared_ptr<const Program> compiled(std::string_view text, const CompileOptions& options = {}) {
  auto program = Program::compile(text, options);
  EXPECT_TRUE(program) << text << ": " << (program ? "" : program.error().message);
  return program ? *program : nullptr;
}

Ran run(std::string_view text, std::string_view input = "null", const EvaluationLimits& limits = {}) {
  Ran ran;
  const auto program = compiled(text);
  if (program == nullptr) return ran;
  Evaluator evaluator(limits);
  auto loaded = evaluator.load(input);
  EXPECT_TRUE(loaded) << input;
  ran.outcome = evaluator.run(*program, [&](ValueRef value) {
    ran.outputs.emplace_back();
    value.append_json(ran.outputs.back());
    return Next::kContinue;
  });
  return ran;
}

struct Case {
  std::string_view program;
  std::string_view input;
  std::vector<std::string_view> outputs;
  std::string_view error = {};
};

class JqTest : public testing::TestWithParam<Case> {};

TEST_P(JqTest, GivesTheOutputsThenTheError) {
  const Case& test = GetParam();
  const Ran ran = run(test.program, test.input);
  EXPECT_EQ(std::vector<std::string_view>(ran.outputs.begin(), ran.outputs.end()), test.outputs) << test.program;
  EXPECT_EQ(ran.outcome.ok(), test.error.empty()) << test.program << ": " << ran.outcome.message;
  EXPECT_EQ(ran.outcome.message, test.error) << test.program;
}

INSTANTIATE_TEST_SUITE_P(
    Paths, JqTest,
    testing::Values(Case{".", "1", {"1"}}, Case{".a.b", R"({"a":{"b":7}})", {"7"}},
                    Case{".a.b", "5", {}, "Cannot index number with string (\"a\")"}, Case{".a?.b", "5", {}},
                    Case{".a.b?", "5", {}, "Cannot index number with string (\"a\")"}, Case{"(.a.b)?", "5", {}},
                    Case{".[1]", "[4,5]", {"5"}}, Case{".[-1]", "[4,5]", {"5"}}, Case{".[7]", "[4,5]", {"null"}},
                    Case{".[1:]", "[4,5,6]", {"[5,6]"}}, Case{".[:-1]", "\"a\u00e9b\"", {"\"a\u00e9\""}},
                    Case{".[]", R"({"b":1,"a":2})", {"1", "2"}},
                    Case{".[]", "null", {}, "Cannot iterate over null (null)"}, Case{".[]?", "3", {}},
                    Case{".[\"a\",\"b\"]", R"({"a":1,"b":2})", {"1", "2"}}, Case{"[..]", "[[1]]", {"[[[1]],[1],1]"}},
                    Case{".\"x\\(1)\"", R"({"x1":3})", {"3"}}, Case{"path(.a[0].b?)", "null", {R"(["a",0,"b"])"}},
                    Case{"path(.a | tostring)", "null", {}, "Invalid path expression with result \"null\""},
                    Case{"[paths]", R"({"a":[1]})", {R"([["a"],["a",0]])"}}));

INSTANTIATE_TEST_SUITE_P(
    Assignments, JqTest,
    testing::Values(Case{".a = 1", "null", {R"({"a":1})"}}, Case{".a.b[1] |= 5", "{}", {R"({"a":{"b":[null,5]}})"}},
                    Case{".[] += 1", "[1,2]", {"[2,3]"}},
                    Case{".a += (1,2)", R"({"a":1})", {R"({"a":2})", R"({"a":3})"}},
                    Case{".[] |= select(. > 1)", "[1,2,3]", {"[2,3]"}},
                    Case{".a //= 3", R"({"a":false})", {R"({"a":3})"}}, Case{".[1:3] = [9]", "[1,2,3,4]", {"[1,9,4]"}},
                    Case{"del(.[0,-1])", "[1,2,3]", {"[2]"}},
                    Case{"del(.b) | .b = 1", R"({"b":0,"a":0})", {R"({"a":0,"b":1})"}},
                    Case{".[-3] = 1", "[1]", {}, "Out of bounds negative array index"},
                    Case{"map(.x) = 1", "[{}]", {}, "Invalid path expression with result [null]"}));

INSTANTIATE_TEST_SUITE_P(
    Language, JqTest,
    testing::Values(
        Case{"1, 2 | . * 10", "null", {"10", "20"}}, Case{"(1,2) + (10,20)", "null", {"11", "12", "21", "22"}},
        Case{"-1 + 2 * 3 % 4", "null", {"1"}}, Case{"1 as $x | 2 as $y | $x - $y", "null", {"-1"}},
        Case{". as [$a, {b: $c, $d}] | [$a,$c,$d]", R"([1,{"b":2,"d":3}])", {"[1,2,3]"}},
        Case{".[] as [$a] ?// $a | $a", "[[1],2]", {"1", "2"}}, Case{"reduce .[] as $x (0; . + $x)", "[1,2,3]", {"6"}},
        Case{"foreach .[] as $x (0; . + $x; [$x,.])", "[1,2]", {"[1,1]", "[2,3]"}},
        Case{"if . then 1 end", "null", {"null"}},
        Case{"if . > 1 then \"a\" elif . == 1 then \"b\" else \"c\" end", "1", {"\"b\""}},
        Case{"try error(\"x\") catch . + \"!\"", "null", {"\"x!\""}, ""}, Case{"1 | try error(\"x\")", "null", {}},
        Case{"error({a:1})", "null", {}, "{\"a\":1} (not a string)"},
        Case{"try (1, error(\"x\"), 2) catch .", "null", {"1", "\"x\""}},
        Case{"(try 1 catch .) | error(\"later\")", "null", {}, "later"},
        Case{"label $f | 1, break $f, 2", "null", {"1"}}, Case{"[label $a | label $b | 1, break $a]", "null", {"[1]"}},
        Case{"def f(g; $x): g + $x; f(.; 1, 2)", "5", {"6", "7"}}, Case{"def f: def g: . * 2; g | g; f", "3", {"12"}},
        Case{"def fac: if . < 2 then 1 else . * (. - 1 | fac) end; fac", "5", {"120"}},
        Case{"def f(x): x | x; f(. + 1)", "1", {"3"}},
        Case{"{a: (1,2), b: 3}", "null", {R"({"a":1,"b":3})", R"({"a":2,"b":3})"}},
        Case{"1 as $x | {$x, \"k\\($x)\": 2, (\"z\"): 3}", "null", {R"({"x":1,"k1":2,"z":3})"}},
        Case{"{(.): 1}", "5", {}, "Cannot use number (5) as object key"},
        Case{"\"a\\(1, 2)b\"", "null", {"\"a1b\"", "\"a2b\""}},
        Case{"@sh \"echo \\(.)\"", "\"it's\"", {R"("echo 'it'\\''s'")"}}, Case{"null // empty // 3", "null", {"3"}},
        Case{"[.[] // 9]", "[null,1,false]", {"[1]"}}, Case{"[limit(3; repeat(1))]", "null", {"[1,1,1]"}},
        Case{"$__loc__.line", "null", {"1"}}, Case{"\"x\" as $and | $and", "null", {"\"x\""}},
        Case{"# a comment \\\n still\n1", "null", {"1"}}));

INSTANTIATE_TEST_SUITE_P(
    Builtins, JqTest,
    testing::Values(Case{"[.[] | length]", R"([null,"é",[1],{"a":1},-3])", {"[0,1,1,1,3]"}},
                    Case{"sort_by(.a) | map(.a)", R"([{"a":2},{"a":1}])", {"[1,2]"}},
                    Case{"group_by(.) | map(length)", "[1,2,1]", {"[2,1]"}}, Case{"unique", "[2,1,2]", {"[1,2]"}},
                    Case{"min_by(.b), max_by(.b)", R"([{"b":2},{"b":1}])", {R"({"b":1})", R"({"b":2})"}},
                    Case{"with_entries(.value += 1)", R"({"a":1})", {R"({"a":2})"}},
                    Case{"[splits(\", *\")]", "\"a, b,c\"", {R"(["a","b","c"])"}},
                    Case{"gsub(\"(?<d>[0-9])\"; \"<\\(.d)>\")", "\"a1b2\"", {"\"a<1>b<2>\""}},
                    Case{"[match(\"a\"; \"gi\").offset]", "\"aXA\"", {"[0,2]"}},
                    Case{"test(\"(\")", "\"a\"", {}, "Regex failure: end pattern with unmatched parenthesis"},
                    Case{"capture(\"(?<y>[0-9]+)-(?<m>[0-9]+)\")", "\"2024-05\"", {R"({"y":"2024","m":"05"})"}},
                    Case{"todate", "0", {"\"1970-01-01T00:00:00Z\""}},
                    Case{"fromdate", "\"2015-03-05T23:51:47Z\"", {"1425599507"}},
                    Case{"strptime(\"%d %b %Y\") | mktime", "\"1 Feb 2000\"", {"949363200"}},
                    Case{"@base32, (@base32 | @base32d)", "\"hello\"", {"\"NBSWY3DP\"", "\"hello\""}},
                    Case{"@base64d", "\"eA\"", {"\"x\""}}, Case{"@csv", R"([1,"a\"b",null])", {R"("1,\"a\"\"b\",")"}},
                    Case{"tojson | fromjson", R"([1.0,"a",null])", {R"([1.0,"a",null])"}},
                    Case{"[tostream] | fromstream(.[])", R"({"a":[1]})", {R"({"a":[1]})"}},
                    Case{"first(range(10)), last(range(10)), nth(3; range(10))", "null", {"0", "9", "3"}},
                    Case{"any(. > 1), all(. > 1)", "[1,2]", {"true", "false"}},
                    Case{"[combinations]", "[[1,2],[3]]", {"[[1,3],[2,3]]"}},
                    Case{"walk(if type == \"number\" then . + 1 else . end)", R"([1,{"a":2}])", {R"([2,{"a":3}])"}},
                    Case{"pick(.a.b)", R"({"a":{"b":1,"c":2}})", {R"({"a":{"b":1}})"}},
                    Case{"ltrimstr(\"a\"), trim, ascii_upcase", "\"ab \"", {"\"b \"", "\"ab\"", "\"AB \""}},
                    Case{"getpath([\"a\",0])", "null", {"null"}},
                    Case{"1 - {}", "null", {}, "number (1) and object ({}) cannot be subtracted"},
                    Case{"[pow(2; 3), log2, floor]", "8", {"[8,3,8]"}}, Case{"env | length", "null", {"0"}}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, JqTest,
    testing::Values(Case{".", "100000000000000000000000001", {"100000000000000000000000001"}},
                    Case{".", "1.000", {"1.000"}}, Case{".", "1e1000", {"1E+1000"}},
                    Case{". + 1", "9007199254740993", {"9007199254740992"}},
                    Case{". * 1", "1e1000", {"1.7976931348623157e+308"}},
                    Case{"0.1 + 0.2", "null", {"0.30000000000000004"}},
                    Case{"1e17 + 0, 1e-5 * 1, 3.0 + 0", "null", {"1e+17", "1e-05", "3"}},
                    Case{"[nan]", "null", {"[null]"}}, Case{"nan < 1, nan == nan", "null", {"true", "false"}},
                    Case{"1 == 1.0, [1] == [1.00]", "null", {"true", "true"}},
                    Case{"100000000000000000001 == 100000000000000000002", "null", {"false"}},
                    Case{"-. | tojson", "0.123456789012345678901", {"\"-0.123456789012345678901\""}}));

TEST(JqCompileTest, SaysWhatIsWrongAndWhere) {
  struct Wrong {
    std::string_view program;
    std::string_view message;
    int line;
    int column;
  };
  const Wrong programs[] = {
      {".a | ascii_uppercase", "unknown function 'ascii_uppercase'; did you mean 'ascii_upcase'?", 1, 6},
      {"map", "unknown function 'map' with 0 arguments; it takes 1", 1, 1},
      {".a |\n  $x", "$x is not defined", 2, 3},
      {"break $x", "label $x is not defined", 1, 1},
      {"1 +", "syntax error, unexpected end of program", 1, 4},
      {"[1, 2", "syntax error, unexpected end of program", 1, 6},
      {"(1]", "syntax error, unexpected ']', no open '['", 1, 3},
      {".a == 'b'", "syntax error, unexpected \"'\"; strings take double quotes", 1, 7},
      {"\"a\\q\"", "invalid escape in a string", 1, 3},
      {"1 == 1 == 1", "syntax error, unexpected '=='", 1, 8},
      {"{(1): 2}", "cannot use number (1) as object key", 1, 3},
      {"import \"a\" as a; 1", "'import' is not available", 1, 1},
      {"input", "'input' is not available here", 1, 1},
      {".a && .b", "syntax error, unexpected '&&'; jq spells it 'and'", 1, 4},
      {"if 1 then 2", "syntax error, unexpected end of program, expecting 'elif', 'else' or 'end'", 1, 12},
  };
  for (const Wrong& wrong : programs) {
    CompileError where;
    const auto program = Program::compile(wrong.program, {}, &where);
    ASSERT_FALSE(program) << wrong.program;
    EXPECT_EQ(program.error().kind, pipeline::ErrorKind::kConfig);
    EXPECT_THAT(where.message, HasSubstr(wrong.message)) << wrong.program;
    EXPECT_EQ(where.line, wrong.line) << wrong.program;
    EXPECT_EQ(where.column, wrong.column) << wrong.program;
  }
}

TEST(JqCompileTest, NestingIsBounded) {
  EXPECT_FALSE(Program::compile(std::string(100'000, '[')));
  EXPECT_FALSE(Program::compile(std::string(5'000, '(') + "1" + std::string(5'000, ')')));
  std::string sum = "1";
  for (int i = 0; i < 20'000; ++i) sum += " + .";
  EXPECT_TRUE(Program::compile(sum));
  std::string pipe = ".";
  for (int i = 0; i < 20'000; ++i) pipe += " | .[0]?";
  EXPECT_TRUE(Program::compile(pipe));
}

TEST(JqCompileTest, EnvironmentAndVariablesAreWhatTheCallerGives) {
  CompileOptions options;
  options.environment = {{"A", "x"}};
  options.variables = {{"n", "[1,2]"}};
  const auto program = compiled("[env.A, $ENV.B, $n[1]]", options);
  Evaluator evaluator;
  evaluator.load_null();
  std::string out;
  EXPECT_TRUE(evaluator.run(*program, [&](ValueRef value) { return value.append_json(out), Next::kContinue; }).ok());
  EXPECT_EQ(out, R"(["x",null,2])");
}

// ---- budgets

EvaluationLimits small() {
  EvaluationLimits limits;
  limits.max_steps = 2'000'000;
  limits.max_memory_bytes = std::size_t{16} << 20;
  return limits;
}

TEST(JqBudgetTest, EveryEndlessProgramEndsInAnErrorForThatEvaluation) {
  const std::string_view programs[] = {
      "def f: f; f",
      "def f: 1 + f; f",
      "def f: [f]; f",
      "def f: f, f; f",
      "def f(x): f(x | x); f(.)",
      "def f(x): x | f(x); f(. + 1)",
      "def f($x): f($x + 1); f(0)",
      "range(infinite)",
      "[range(infinite)]",
      "[repeat(1)]",
      "repeat(empty)",
      "last(recurse(. , .))",
      "[recurse]  | until(false; .)",
      "reduce range(infinite) as $i (\"x\"; . + .)",
      "\"x\" * 536870000",
      "reduce range(60) as $i (0; [., .]) | tojson",
      "reduce range(60) as $i (0; [., .]) | . == (reduce range(60) as $i (0; [., .]))",
      "reduce range(60) as $i (0; [., .]) | flatten",
      "[limit(1e9; repeat(\"abc\"))] | length",
      ".[500000000] = 1",
      "path(recurse(.a))",
  };
  for (const std::string_view program : programs) {
    const auto parsed = compiled(program);
    Evaluator evaluator(small());
    evaluator.load_null();
    const Outcome outcome = evaluator.run(*parsed, [](ValueRef) { return Next::kContinue; });
    EXPECT_EQ(outcome.ending, Outcome::Ending::kLimit) << program << ": " << outcome.message;
    EXPECT_THAT(outcome.message, HasSubstr("exceeds the")) << program;
    // The evaluator is as good as new.
    ASSERT_TRUE(evaluator.load("[1]"));
    std::string out;
    EXPECT_TRUE(
        evaluator.run(*compiled(".[0] + 1"), [&](ValueRef value) { return value.append_json(out), Next::kContinue; })
            .ok());
    EXPECT_EQ(out, "2");
  }
}

TEST(JqBudgetTest, GeneratorsAreLazyAndTailCallsAreLoops) {
  EvaluationLimits limits = small();
  limits.max_steps = 100;
  EXPECT_THAT(run("first(range(1e9))", "null", limits).outputs, ElementsAre("0"));
  EXPECT_THAT(run("isempty(range(1e9)), any(range(1e9); . > 3)", "null", limits).outputs, ElementsAre("false", "true"));
  limits = small();
  limits.max_steps = 100'000'000;
  EXPECT_THAT(run("def f: if . >= 1000000 then . else . + 1 | f end; 0 | f", "null", limits).outputs,
              ElementsAre("1000000"));
  EXPECT_THAT(run("def f($n): if $n == 0 then \"done\" else f($n - 1) end; f(300000)", "null", limits).outputs,
              ElementsAre("\"done\""));
  EXPECT_THAT(run("last(recurse(if . < 300000 then . + 1 else empty end))", "0", limits).outputs,
              ElementsAre("300000"));
  EXPECT_THAT(run("[0, 1] | until(.[0] >= 300000; [.[0] + 1, .[1]]) | .[0]", "null", limits).outputs,
              ElementsAre("300000"));
  EXPECT_THAT(run("reduce range(300000) as $i ([]; .[$i] = $i) | length", "null", limits).outputs,
              ElementsAre("300000"));
  EXPECT_THAT(run("reduce range(100000) as $i ({}; .[\"k\\($i % 1000)\"] += 1) | length", "null", limits).outputs,
              ElementsAre("1000"));
}

TEST(JqBudgetTest, DeepRecursionNeedsNoNativeStack) {
  EXPECT_THAT(run("def f: if . == 0 then 0 else 1 + (. - 1 | f) end; f", "10000").outputs, ElementsAre("10000"));
  EXPECT_THAT(run("reduce range(9999) as $i ([]; [.]) | [recurse] | length").outputs, ElementsAre("10000"));
  EXPECT_THAT(run("reduce range(100000) as $i ([]; [.]) | length").outputs, ElementsAre("1"));
  EXPECT_THAT(run("(reduce range(9000) as $i ([]; [.])) as $a | $a == $a, ([$a, $a] | sort | length)").outputs,
              ElementsAre("true", "2"));
  std::thread([] { EXPECT_THAT(run("[range(3)] | map(. + 1)").outputs, ElementsAre("[1,2,3]")); }).join();
}

TEST(JqBudgetTest, CatastrophicRegexIsAnError) {
  const Ran ran = run("test(\"^(a|a|aa)+$\")", "\"" + std::string(60, 'a') + "b\"");
  EXPECT_EQ(ran.outcome.ending, Outcome::Ending::kError);
  EXPECT_THAT(ran.outcome.message, HasSubstr("Regex failure"));
}

TEST(JqBudgetTest, EachLimitIsTheCallers) {
  const std::string text = "\"" + std::string(16, 'a') + "b\"";
  const std::string program = "[test(\"^(a|a|aa)+$\"), 1]";
  EXPECT_TRUE(run(program, text).outcome.ok());
  EXPECT_THAT(run(program, text, {.max_regex_steps = 100}).outcome.message, HasSubstr("Regex failure"));
  EXPECT_EQ(run("[range(1000)]", "null", {.max_steps = 500}).outcome.ending, Outcome::Ending::kLimit);
  EXPECT_EQ(run("[range(1000)]", "null", {.max_memory_bytes = 8 << 10}).outcome.ending, Outcome::Ending::kLimit);
  Evaluator evaluator({.max_depth = 3});
  EXPECT_TRUE(evaluator.load("[[[1]]]"));
  const auto deep = evaluator.load("[[[[1]]]]");
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().kind, pipeline::ErrorKind::kLimit);
  // Set later as well, for that evaluator's next evaluation.
  evaluator.set_limits({.max_depth = 4, .max_regex_steps = 100});
  ASSERT_TRUE(evaluator.load("[[[[1]]]]"));
  ASSERT_TRUE(evaluator.load(text));
  EXPECT_FALSE(evaluator.run(*compiled(program), [](ValueRef) { return Next::kContinue; }).ok());
  evaluator.set_limits({});
  EXPECT_TRUE(evaluator.run(*compiled(program), [](ValueRef) { return Next::kContinue; }).ok());
}

// ---- inputs

// Found by comparing random programs with libjq 1.8.2 (tests/oracle).
TEST(JqOracleTest, WhatRandomProgramsFound) {
  const Case kCases[] = {
      {R"([.[] | try (. as [$a, $b] | $a) catch .])", R"(["x"])", {R"j(["Cannot index string with number (1)"])j"}},
      {R"([. as [{("a", "b"): $x}, {("c", "d"): $y}] | [$x, $y]])",
       R"([{"a":1,"b":2},{"c":3,"d":4}])",
       {"[[1,3],[2,3],[1,4],[2,4]]"}},
      {"[paths(error)]", "1", {}, "1"},
      {"[paths(. == 2)]", R"({"a":[1,2]})", {R"([["a",1]])"}},
      {".[:1] *= true", "[{}]", {}, "array ([{}]) and boolean (true) cannot be multiplied"},
      {R"(.[].b *= "")", R"([{}, []])", {}, "null (null) and string (\"\") cannot be multiplied"},
      {".[].b += 1", R"([{}, []])", {}, "Cannot index array with string (\"b\")"},
      {".[:1] += [2]", "[1,3]", {"[1,2,3]"}},
      {"[isnan, isinfinite, isnormal, isfinite]", R"("a")", {"[false,false,false,false]"}},
      {"[finites], [normals]", R"("a")", {"[]", "[]"}},
      {"[.[] | transpose]",
       R"([{},{"a":[1,2]},[null,[1]],[[1],[2,3]],[]])",
       {"[[],[[1],[2]],[[null,1]],[[1,2],[null,3]],[]]"}},
      {"getpath([[1]])", "null", {}, "Cannot index null with array ([1])"},
      {R"(getpath(["a", true]))", "{}", {}, "Cannot index null with boolean (true)"},
      {R"([getpath(["a", 1, "b"]), getpath([{"start":1}])])", "null", {"[null,null]"}},
      {"getpath([null])", "null", {}, "Cannot index null with null (null)"},
      {".[null]", "null", {}, "Cannot index null with null (null)"},
      {R"([has("a"), has(0), has(null)])", "null", {"[false,false,false]"}},
      {"[has(-0.5), has(-1), has(2.9), has(3)]", "[1,2,3]", {"[true,false,true,false]"}},
      {"[.[-1.5], .[1.7], .[-0.5]]", "[1,2,3]", {"[3,2,1]"}},
      {"(.[-1.5] = 9), del(.[-1.5])", "[1,2,3]", {"[1,2,9]", "[1,2]"}},
      {".[-1][:1] |= 1", "[]", {}, "Out of bounds negative array index"},
      {"gmtime | mktime", "-1", {}, "invalid gmtime representation"},
      {"gmtime | mktime", "-3", {"-3"}},
      {"[(.[0] | @sh, @html), @csv, @tsv]", R"(["\u0000x"])", {R"(["'\\0x'","\\0x","\"\\0x\"","\\0x"])"}},
      {R"(strflocaltime("%Y"))", "[]", {R"("1899")"}},
      {"fromjson", R"("\u0000x")", {}, "Invalid numeric literal at EOF at line 1, column 2 (while parsing '')"},
      {R"(strptime("%Y-%m-%d"))", R"("\u0000x")", {}, R"(date "" does not match format "%Y-%m-%d")"},
  };
  for (const Case& test : kCases) {
    const Ran ran = run(test.program, test.input);
    EXPECT_EQ(std::vector<std::string_view>(ran.outputs.begin(), ran.outputs.end()), test.outputs) << test.program;
    EXPECT_EQ(ran.outcome.message, test.error) << test.program;
  }
}

// A replacement that is known when the program is compiled has a builtin of its own; an alternative that has none keeps
// the definition of the library in use, which it must equal.
TEST(JqRegexTest, ConstantReplacementsAreWhatTheLibraryMakes) {
  const std::string_view inputs[] = {
      R"("")", R"("a")", R"("aXbXX c")", R"("é日本x")", R"("😀a😀")",  R"("a.b\nc\\d")", R"("\u0000a")",
      "1",     "null",   R"(["a"])",     R"("aaa")",    R"("AbAb")", R"("x é y é z")", R"("ééé")"};
  const std::string_view patterns[] = {"a", "X",  "",    "x*",  "[^a-z]+", "^", "$",     "(?<n>b)",
                                       ".", "é*", "(a)", "b|$", "\\\\b",   "(", "(?=é)", "\\\\s"};
  for (const std::string_view input : inputs) {
    for (const std::string_view pattern : patterns) {
      for (const std::string& name : {std::string("sub"), std::string("gsub")}) {
        for (const std::string flags : {"", R"(; "")", R"(; "x")", R"(; "n")", R"(; "gi")", R"(; "q")"}) {
          for (const std::string replacement : {R"("-")", R"("")", R"("é日")"}) {
            const auto call = [&](const std::string& with) {
              const Ran ran = run(name + "(\"" + std::string(pattern) + "\"; " + with + flags + ")", input);
              std::string told = ran.outcome.message;
              for (const std::string& output : ran.outputs) told += " -> " + output;
              return told;
            };
            ASSERT_EQ(call(replacement), call("(" + replacement + ", empty)"))
                << name << " " << pattern << flags << " " << replacement << " on " << input;
          }
        }
      }
    }
  }
}

TEST(JqRegexTest, ConstantReplacementsAreBounded) {
  const std::string replacement(10'000, 'r');
  const Ran ran =
      run("(\"a\" * 100000) | gsub(\"\"; \"" + replacement + "\") | length", "null", {.max_memory_bytes = 8u << 20});
  EXPECT_EQ(ran.outcome.ending, Outcome::Ending::kLimit) << ran.outcome.message;
}

TEST(JqInputTest, RefusesWhatIsNotJson) {
  for (const std::string_view text : {"", " ", "{", "[1,", "{\"a\"", "{\"a\":", "\"abc", "\"a\\", "tru", "[1 2]",
                                      "{1:2}", "1 2", "]", "\"\\u12\"", "-", "{\"a\":1,}"}) {
    Evaluator evaluator;
    const auto loaded = evaluator.load(text);
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().kind, pipeline::ErrorKind::kMalformed) << text;
  }
}

TEST(JqInputTest, DepthIsBoundedByTheLimit) {
  const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
  EXPECT_THAT(run("[recurse] | length", deep).outputs, ElementsAre("10000"));
  Evaluator evaluator;
  const auto loaded = evaluator.load("[" + deep + "]");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, pipeline::ErrorKind::kLimit);
  EXPECT_FALSE(evaluator.load(std::string(1'000'000, '[')));
}

TEST(JqInputTest, RepairsTextAndTakesTheLastOfDuplicateKeys) {
  EXPECT_THAT(run(".", "\"\\ud83d\\ude00 \\ud83d x \\ude00\"").outputs, ElementsAre("\"\U0001F600 \uFFFD x \uFFFD\""));
  EXPECT_THAT(run(".", "\"a\xFFz\xC3\"").outputs, ElementsAre("\"a\uFFFDz\uFFFD\""));
  EXPECT_THAT(run(".a, ., length, keys", R"({"a":1,"b":2,"a":3})").outputs,
              ElementsAre("3", R"({"a":3,"b":2})", "2", R"(["a","b"])"));
  EXPECT_THAT(run(".", "\"\\u0000\\u001f\\u007f\"").outputs, ElementsAre("\"\\u0000\\u001f\\u007f\""));
  EXPECT_THAT(run("length", "\xEF\xBB\xBF[1]").outputs, ElementsAre("1"));
  std::string wide = "{";
  for (int i = 0; i < 500; ++i) wide += (i > 0 ? ",\"k" : "\"k") + std::to_string(i % 400) + "\":" + std::to_string(i);
  EXPECT_THAT(run("length, .k0, .k399", wide + "}").outputs, ElementsAre("400", "400", "399"));
}

// Each value that a text holds, as `program` sees it, then how the text ends.
std::string seen_of(const Program& program, std::string_view text, bool prepared, bool last) {
  // No byte more than is promised.
  const auto bytes = std::make_unique<char[]>(text.size() + json::Document::kPadding);
  std::copy(text.begin(), text.end(), bytes.get());
  const std::string_view copy(bytes.get(), text.size());
  Evaluator evaluator;
  std::string out;
  if (prepared) evaluator.prepare(copy, program);
  for (std::size_t at = 0; true;) {
    const auto loaded = evaluator.load_next(copy, at, last, prepared ? &program : nullptr);
    if (!loaded) return out + loaded.error().message;
    if (*loaded == Evaluator::Loaded::kEnd) return out + "end";
    if (*loaded == Evaluator::Loaded::kUnfinished) return out + "unfinished at " + std::to_string(at);
    const Outcome outcome =
        evaluator.run(program, [&](ValueRef value) { return value.append_json(out), out += '\n', Next::kContinue; });
    out += outcome.message + ";";
  }
}

TEST(JqInputTest, StepsOverWhatAProgramCannotSee) {
  const std::string seeds[] = {
      "{\"a\":1,\"b\":{\"c\":[1,2.5,-3e4,{}],\"d\":\"x\\ny\"},\"e\":[],\"f\":null}\n",
      "{ \"z\" : [ true , false , { \"k\" : \"\\u00e9\" } ] , \"a\" : { \"b\" : \"\\\"\" , \"q\" : [ [ ] ] } }\n",
      "{\"\\u0061\":1,\"a\\\\\":2,\"a\":{\"b\":[0]},\"a\":{\"c\":3,\"b\":4}}{\"x\":\"\xC3\xA9\"}[1]\"s\" 2\n",
  };
  const std::string marks = "{}[]:,\"\\ \n0-1.eEtfnu\x01\xFF\x0C";
  const auto program = compiled("[.a.b, .e]");
  std::mt19937 random(20240607);
  for (int round = 0; round < 6000; ++round) {
    std::string text = seeds[random() % 3] + seeds[random() % 3];
    for (unsigned changes = random() % 4; changes > 0; --changes) {
      const std::size_t at = random() % text.size();
      const char mark = marks[random() % marks.size()];
      switch (random() % 3) {
        case 0:
          text[at] = mark;
          break;
        case 1:
          text.insert(at, 1, mark);
          break;
        default:
          text.erase(at, 1 + random() % 3);
      }
    }
    if (random() % 4 == 0) text.resize(random() % text.size());
    const bool last = random() % 2 == 0;
    ASSERT_EQ(seen_of(*program, text, true, last), seen_of(*program, text, false, last)) << text;
  }
}

TEST(JqInputTest, TakesALongString) {
  const std::string text = "\"" + std::string(std::size_t{100} << 20, 'x') + "\\n\"";
  EvaluationLimits limits;
  limits.max_memory_bytes = std::size_t{512} << 20;
  EXPECT_THAT(run("length, utf8bytelength, .[-1:]", text, limits).outputs,
              ElementsAre("104857601", "104857601", "\"\\n\""));
  // Within a smaller budget it is an error, of that record only.
  Evaluator evaluator;
  EXPECT_FALSE(evaluator.load(text));
  EXPECT_TRUE(evaluator.load("1"));
}

TEST(JqInputTest, TakesNumbersOfAnySize) {
  const std::string digits(10'000, '7');
  EXPECT_THAT(run(".", digits).outputs, ElementsAre(digits));
  EXPECT_THAT(run(". + 0, -., (. | tostring | length)", digits).outputs,
              ElementsAre("1.7976931348623157e+308", "-" + digits, "10000"));
  EXPECT_THAT(run(".[]", "[1E+1000,-1e1000,1e-1000,0.1e-400,12345678901234567890]").outputs,
              ElementsAre("1E+1000", "-1E+1000", "1E-1000", "1E-401", "12345678901234567890"));
  EXPECT_THAT(run("map(. + 0)", "[1E+1000,-1e1000,1e-1000,9007199254740993]").outputs,
              ElementsAre("[1.7976931348623157e+308,-1.7976931348623157e+308,0,9007199254740992]"));
}

TEST(JqInputTest, PutsTheOverlayOverTheRecord) {
  pipeline::RecordSet records;
  records.add(0, 0);
  records.overlay("__url", "\"http://x\"");
  records.overlay("b", "[2]");
  const std::string json = R"({"a":1,"b":0})";
  const pipeline::RecordView view{json, records.overlay_fields, records.overlay_bytes};
  Evaluator evaluator;
  ASSERT_TRUE(evaluator.load(view));
  std::string out;
  EXPECT_TRUE(evaluator
                  .run(*compiled("., (.b | length), keys"),
                       [&](ValueRef value) { return value.append_json(out), Next::kContinue; })
                  .ok());
  EXPECT_EQ(out, R"({"a":1,"b":[2],"__url":"http://x"}1["__url","a","b"])");
  EXPECT_FALSE(evaluator.load(pipeline::RecordView{"[1]", records.overlay_fields, records.overlay_bytes}));
}

// ---- the interface

TEST(JqEvaluatorTest, RunsManyProgramsOnOneInputAndKeepsValues) {
  Evaluator evaluator;
  ASSERT_TRUE(evaluator.load(R"({"items":[{"id":1},{"id":2}],"n":"x"})"));
  const auto items = compiled(".items[] | {id: (.id + 1)}");  // Outlives the values that it makes.
  std::vector<ValueRef> kept;
  EXPECT_TRUE(evaluator
                  .run(*items,
                       [&](ValueRef value) {
                         kept.push_back(evaluator.keep(value));
                         return Next::kContinue;
                       })
                  .ok());
  ASSERT_EQ(kept.size(), 2u);
  const ValueRef joined = evaluator.with_member(evaluator.input(), "item", kept[1]);
  std::string out;
  EXPECT_TRUE(evaluator
                  .run(*compiled(".item.id, .n"), joined,
                       [&](ValueRef value) { return value.append_json(out), Next::kContinue; })
                  .ok());
  EXPECT_EQ(out, "3\"x\"");
  EXPECT_EQ(evaluator.input().member("item").type(), Type::kNull);
  EXPECT_EQ(evaluator.input().member("items").size(), 2u);
  EXPECT_EQ(evaluator.input().entry(1).first, "n");
}

TEST(JqEvaluatorTest, StopsWhenAskedAndBoundsTheText) {
  Evaluator evaluator;
  evaluator.load_null();
  int outputs = 0;
  const Outcome outcome =
      evaluator.run(*compiled("range(10)"), [&](ValueRef) { return ++outputs == 3 ? Next::kStop : Next::kContinue; });
  EXPECT_EQ(outcome.ending, Outcome::Ending::kStopped);
  EXPECT_EQ(outputs, 3);
  ASSERT_TRUE(evaluator.load("[1,2,3]"));
  std::string out = "kept";
  EXPECT_FALSE(evaluator.input().append_json(out, 6));
  EXPECT_EQ(out, "kept");
  EXPECT_TRUE(evaluator.input().append_json(out, 7));
}

TEST(JqEvaluatorTest, AsksItsHost) {
  class Scripted : public Host {
   public:
    Result<bool> next_input(std::string& json) override {
      if (inputs_.empty()) return false;
      json = inputs_.front();
      inputs_.erase(inputs_.begin());
      return true;
    }
    Result<std::string> module_meta(std::string_view name) override { return "{\"of\":\"" + std::string(name) + "\"}"; }
    void debug(std::string_view json) override { log_ += "debug " + std::string(json) + ";"; }
    void standard_error(std::string_view text) override { log_ += "stderr " + std::string(text) + ";"; }
    [[nodiscard]] std::string_view input_filename() const override { return "f.json"; }
    [[nodiscard]] std::size_t input_line_number() const override { return 7; }
    std::vector<std::string> inputs_ = {"1", "[2]", "3"};
    std::string log_;
  } host;
  CompileOptions options;
  options.host_functions = true;
  Evaluator evaluator;
  evaluator.set_host(&host);
  evaluator.load_null();
  std::string out;
  const Outcome outcome = evaluator.run(
      *compiled("input, ([inputs] | debug), input_filename, input_line_number, (\"x\" | stderr), (5 | halt_error(3))",
                options),
      [&](ValueRef value) { return value.append_json(out), Next::kContinue; });
  EXPECT_EQ(out, "1[[2],3]\"f.json\"7\"x\"");
  EXPECT_EQ(host.log_, "debug [[2],3];stderr x;");
  EXPECT_EQ(outcome.ending, Outcome::Ending::kHalted);
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.value.number(), 5);
}

TEST(JqEvaluatorTest, ProgramsAreSharedByThreads) {
  const auto program = compiled("[.[] | {a: \"x\\(.)\", b: ([1,2,3] | map(. * 2)), c: {k: 1}}] | map(.c.k) | add");
  std::vector<std::thread> threads;
  std::vector<std::string> results(4);
  for (std::string& result : results) {
    threads.emplace_back([&program, &result] {
      Evaluator evaluator;
      for (int i = 0; i < 200; ++i) {
        result.clear();
        if (!evaluator.load("[1,2,3]")) return;
        (void)evaluator.run(*program, [&](ValueRef value) { return value.append_json(result), Next::kContinue; });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(results, testing::Each("3"));
}

}  // namespace
}  // namespace riptide::transform::jq
