// The verb as jq's users know it: flags, bytes on standard output, exit codes, messages. What is expected is jq 1.8's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jq_in_process.hpp"
#include "riptide/cli/jq_colors.hpp"

namespace riptide::cli {
namespace {

using ::testing::HasSubstr;

struct Case {
  std::vector<std::string> arguments;
  std::string input, output;
  int code = 0;
  std::string err;
};

void check(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const JqRun run = jq_run(one.arguments, one.input);
    SCOPED_TRACE(::testing::PrintToString(one.arguments) + " on " + one.input);
    EXPECT_EQ(run.out, one.output);
    EXPECT_EQ(run.code, one.code) << run.err;
    EXPECT_EQ(run.err, one.err);
  }
}

TEST(JqRun, LaysOutAsAsked) {
  const std::string nested = "{\"b\":[1,{}],\"a\":\"\xC3\xA9\"}";
  check({{{"."}, nested, "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": \"\xC3\xA9\"\n}\n"},
         {{"-c", "."}, nested, "{\"b\":[1,{}],\"a\":\"\xC3\xA9\"}\n"},
         {{"--tab", "."}, "[[1]]", "[\n\t[\n\t\t1\n\t]\n]\n"},
         {{"--indent", "1", "."}, "[1]", "[\n 1\n]\n"},
         {{"--indent", "0", "."}, "[1]", "[\n1\n]\n"},
         {{"--indent", "0", "-c", "."}, "[1]", "[1]\n"},
         {{"-c", "--indent", "0", "."}, "[1]", "[\n1\n]\n"},
         {{"--indent", "-1", "."}, "[1]", "[\n\t1\n]\n"},
         {{"--tab", "-c", "."}, "[1]", "[1]\n"},
         {{"-c", "--tab", "."}, "[1]", "[\n\t1\n]\n"},
         {{"-cS", "."}, nested, "{\"a\":\"\xC3\xA9\",\"b\":[1,{}]}\n"},
         {{"-ca", "."}, nested, "{\"b\":[1,{}],\"a\":\"\\u00e9\"}\n"},
         {{"-r", ".[]"}, "[\"x\",1,\"\\n\"]", "x\n1\n\n\n"},
         {{"-ra", "."}, "\"\xF0\x9F\x98\x80\"", "\"\\ud83d\\ude00\"\n"},
         {{"-j", ".[]"}, "[\"x\",1]", "x1"},
         {{"--raw-output0", ".[]"}, "[\"x\",1]", std::string("x\0001\0", 4)},
         {{"-rc", ".[]"}, "[\"x\",[1]]", "x\n[1]\n"},
         {{"--seq", "-c", ".[]"},
          "\x1E[1,[2]]\n",
          "\x1E"
          "1\n\x1E[2]\n"},
         {{"-c", "."}, "100000000000000000001 1.10 -0", "100000000000000000001\n1.10\n-0\n"}});
}

TEST(JqRun, ColoursItsOutput) {
  check({{{"-cC", "."},
          "[null,false,true,1,\"s\",[],{\"a\":{}}]",
          "\x1B[1;39m[\x1B[0m\x1B[0;90mnull\x1B[0m\x1B[1;39m,\x1B[0m\x1B[0;39mfalse\x1B[0m\x1B[1;39m,\x1B[0m"
          "\x1B[0;39mtrue\x1B[0m\x1B[1;39m,\x1B[0m\x1B[0;39m1\x1B[0m\x1B[1;39m,\x1B[0m\x1B[0;32m\"s\"\x1B[0m"
          "\x1B[1;39m,\x1B[0m\x1B[1;39m[]\x1B[0m\x1B[1;39m,\x1B[0m\x1B[1;39m{\x1B[0m\x1B[1;34m\"a\"\x1B[0m\x1B[1;39m:"
          "\x1B[0m\x1B[1;39m{}\x1B[0m\x1B[1;39m}\x1B[0m\x1B[1;39m]\x1B[0m\n"},
         {{"-C", "."},
          "{\"a\":[1]}",
          "\x1B[1;39m{\x1B[0m\n  \x1B[1;34m\"a\"\x1B[0m\x1B[1;39m:\x1B[0m \x1B[1;39m[\x1B[0m\n    \x1B[0;39m1\x1B[0m\n"
          "  \x1B[1;39m]\x1B[0m\n\x1B[1;39m}\x1B[0m\n"},
         {{"-rC", "."}, "\"s\" 1", "s\n\x1B[0;39m1\x1B[0m\n"},
         {{"-CM", "."}, "1", "1\n"},
         {{"-MC", "."}, "1", "1\n"},
         {{"-nC", "1 | debug"},
          "",
          "\x1B[0;39m1\x1B[0m\n",
          0,
          "\x1B[1;39m[\x1B[0m\x1B[0;32m\"DEBUG:\"\x1B[0m\x1B[1;39m,\x1B[0m\x1B[0;39m1\x1B[0m\x1B[1;39m]\x1B[0m\n"},
         {{"-nS", "{b:1,a:2} | debug | 1"}, "", "1\n", 0, "[\"DEBUG:\",{\"a\":2,\"b\":1}]\n"}});
}

TEST(JqRun, ReadsColoursAsJqDoes) {
  const auto first = [](const char* text, std::size_t which) {
    const auto colors = JqColors::read(text);
    return colors ? colors->begin[which].substr(1) : "refused";
  };
  EXPECT_EQ(first("", 0), "[0;90m");
  EXPECT_EQ(first("0;31", 0), "[0;31m");
  EXPECT_EQ(first("0;31", 1), "[0;39m");
  EXPECT_EQ(first("4;31:::", 1), "[m");
  EXPECT_EQ(first("4;31:::", 3), "[0;39m");
  EXPECT_EQ(first("1:2:3:4:5:6:7:8", 7), "[8m");
  EXPECT_EQ(first("1:2:3:4:5:6:7:8:9", 7), "[8m");
  EXPECT_EQ(first("1:2:3:4:5:6:7:8x", 7), "[8m");
  EXPECT_EQ(first("31:", 1), "[0;39m");
  EXPECT_EQ(first("red", 0), "refused");
  EXPECT_EQ(first("1:x", 0), "refused");
}

TEST(JqRun, TakesInputsAsAsked) {
  check(
      {{{"-n", "1"}, "ignored{", "1\n"},
       {{"-c", "."}, "1 2\n\n[3]\"x\"{}{\n}null", "1\n2\n[3]\n\"x\"\n{}\n{}\nnull\n"},
       {{"-c", "."}, "", ""},
       {{"."}, "\xEF\xBB\xBF 1", "1\n"},
       {{"-sc", "."}, "1 [2]\n3", "[1,[2],3]\n"},
       {{"-sc", "."}, "", "[]\n"},
       {{"-nsc", "[inputs]"}, "1 2", "[[1,2]]\n"},
       {{"-R", "."}, "one\n\ntwo", "\"one\"\n\"\"\n\"two\"\n"},
       {{"-R", "."},
        "a\xFF"
        "b\n",
        "\"a\xEF\xBF\xBD"
        "b\"\n"},
       {{"-Rs", "."}, "one\ntwo", "\"one\\ntwo\"\n"},
       {{"-Rn", "input"}, "a\"\nb", "\"a\\\"\"\n"},
       {{"-nc", "[inputs]"}, "1 2 {\"a\":[\"]\"]}", "[1,2,{\"a\":[\"]\"]}]\n"},
       {{"-c", "[., input]"}, "1 2 3 4", "[1,2]\n[3,4]\n"},
       {{"-nc", "[limit(2; inputs)]"}, "1 2 {", "[1,2]\n"},
       {{"-c", "--stream", "."},
        "{\"a\":[1,{\"b\":2}],\"c\":{},\"d\":\"x\"} 3 [] [[]]",
        "[[\"a\",0],1]\n[[\"a\",1,\"b\"],2]\n[[\"a\",1,\"b\"]]\n[[\"a\",1]]\n[[\"c\"],{}]\n[[\"d\"],\"x\"]\n[[\"d\"]]\n"
        "[[],3]\n[[],[]]\n[[0],[]]\n[[0]]\n"},
       {{"-nc", "--stream", "fromstream(1 | truncate_stream(inputs))"}, "[{\"a\":1},[2]]", "{\"a\":1}\n[2]\n"},
       {{"-cs", "--stream", "length"}, "[1,2]", "3\n"},
       {{"-c", "--seq", "."},
        "1\x1E"
        "2 3\n[0,1\x1E[4,5]true\"ab\"{\"c\":4\x1E{}{\"d\":5,\"e\":6\"\x1E"
        "false\n",
        "\x1E"
        "2\n\x1E"
        "3\n\x1E[4,5]\n\x1Etrue\n\x1E\"ab\"\n\x1E{}\n\x1E"
        "false\n",
        0,
        "jq: ignoring parse error: Truncated value at line 2, column 5\n"
        "jq: ignoring parse error: Truncated value at line 2, column 25\n"
        "jq: ignoring parse error: Truncated value at line 2, column 41\n"},
       {{"-ce", "--seq", "."},
        "\"foo",
        "",
        4,
        "jq: ignoring parse error: Unfinished abandoned text at EOF at line 1, column 4\n"}});
}

TEST(JqRun, TakesArguments) {
  const MemoryFile values("1 [2]"), text("a\nb"), program(". + $x # comment\n");
  check({{{"-nc", "--arg", "x", "1", "--argjson", "y", "{\"z\":2}", "[$x,$y,$ARGS.named]"},
          "",
          "[\"1\",{\"z\":2},{\"x\":\"1\",\"y\":{\"z\":2}}]\n"},
         {{"-nc", "--arg", "x", "1", "--arg", "x", "2", "$x"}, "", "\"1\"\n"},
         {{"-nc", "$ARGS", "--args", "foo", "1", "--jsonargs", "2", "{}", "--args", "3"},
          "",
          "{\"positional\":[\"foo\",\"1\",2,{},\"3\"],\"named\":{}}\n"},
         {{"-nc", "--args", "$ARGS.positional", "-1", "--", "-x"}, "", "[\"-1\",\"-x\"]\n"},
         {{"-nc", "--slurpfile", "v", values.name(), "--rawfile", "t", text.name(), "[$v,$t]"},
          "",
          "[[1,[2]],\"a\\nb\"]\n"},
         {{"--argjson", "x", "1", "-f", program.name()}, "2", "3\n"},
         {{"-cf", program.name(), "--argjson", "x", "[1]"}, "[]", "[1]\n"}});
}

TEST(JqRun, ExitsLikeJq) {
  check({{{"-e", "."}, "null 1", "null\n1\n", 0},
         {{"-e", ".a"}, "{\"a\":false}", "false\n", 1},
         {{"-e", "empty"}, "1", "", 4},
         {{"-e", "."}, "", "", 4},
         {{"-e", "select(. == 1)"}, "1 2", "1\n", 0},
         {{"-ne", "null"}, "", "null\n", 1},
         {{"-ne", "halt"}, "", "", 0},
         {{"."}, "{oops}", "", 5, "jq: parse error: Invalid numeric literal at line 1, column 6\n"},
         {{"-c", "."},
          "1\n[2,\n3}\n4",
          "1\n",
          5,
          "jq: parse error: Objects must consist of key:value pairs at line 3, column 2\n"},
         {{"."}, "foobar\n", "", 5, "jq: parse error: Invalid literal at line 2, column 0\n"},
         {{"."}, "[1,2", "", 5, "jq: parse error: Unfinished JSON term at EOF at line 1, column 4\n"},
         {{"."}, "1]", "", 5, "jq: parse error: Unmatched ']' at line 1, column 2\n"},
         {{"-s", "."}, "1 2 ]", "", 5, "jq: parse error: Unmatched ']' at line 1, column 5\n"},
         {{"."},
          "\"a\x01"
          "b\"",
          "",
          5,
          "jq: parse error: Invalid string: control characters from U+0000 through U+001F must be escaped at line 1, "
          "column 5\n"},
         {{"."},
          "\"\\ud83d\"",
          "",
          5,
          "jq: parse error: Invalid \\uXXXX\\uXXXX surrogate pair escape at line 1, column 8\n"},
         {{".a"}, "1\n{\"a\":2}\n", "2\n", 0, "jq: error (at <stdin>:1): Cannot index number with string (\"a\")\n"},
         {{".a"}, "{\"a\":2}\n1", "2\n", 5, "jq: error (at <stdin>:1): Cannot index number with string (\"a\")\n"},
         {{"error"},
          "1 {\"a\":2}\n",
          "",
          5,
          "jq: error (at <stdin>:1) (not a string): 1\njq: error (at <stdin>:1) (not a string): {\"a\":2}\n"},
         {{"-n", "error(null)"}, "", "", 5, "jq: error (at <unknown>) (not a string): null\n"},
         {{"-n", "\"bye\\n\" | halt_error(7)"}, "", "", 7, "bye\n"},
         {{"-n", "{} | halt_error"}, "", "", 5, "{}\n"},
         {{"-n", "null | halt_error"}, "", "", 5, ""},
         {{"., halt"}, "1 2", "1\n", 0},
         {{"--raw-output0", "."},
          "\"a\\u0000\"\n",
          "",
          5,
          "jq: error (at <stdin>:1): Cannot dump a string containing NUL with --raw-output0 option\n"},
         {{"-n", "1 | debug"}, "", "1\n", 0, "[\"DEBUG:\",1]\n"},
         {{"-n", "\"x\" | stderr"}, "", "\"x\"\n", 0, "x"}});
}

TEST(JqRun, SaysWhereItIs) {
  const MemoryFile first("1\n2"), second("3\n\n4");
  EXPECT_EQ(jq_run({"-c", "[., input_filename, input_line_number]", first.name(), second.name()}).out,
            "[1,\"" + first.name() + "\",1]\n[23,\"" + second.name() + "\",1]\n[4,\"" + second.name() + "\",2]\n");
  EXPECT_EQ(jq_run({"-n", "[input_line_number, input_filename]", "-c"}).out, "[0,null]\n");
  const JqRun run = jq_run({"error(\"e\")", first.name(), second.name()});
  EXPECT_EQ(run.err, "jq: error (at " + first.name() + ":1): e\njq: error (at " + second.name() +
                         ":1): e\njq: error (at " + second.name() + ":2): e\n");
}

TEST(JqRun, GoesOnBehindAFileThatCannotBeRead) {
  const MemoryFile file("1");
  for (const std::string program : {".", "debug"}) {
    const JqRun run = jq_run({program, "/nowhere/none.json", file.name()});
    EXPECT_EQ(run.code, 2);
    EXPECT_EQ(run.out, "1\n");
    EXPECT_THAT(run.err, HasSubstr("jq: error: Could not open file /nowhere/none.json: No such file or directory\n"));
  }
  EXPECT_EQ(jq_run({".", "/"}).code, 2);
}

TEST(JqRun, RefusesWrongUsage) {
  const std::vector<std::string> wrong[] = {
      {"--wrong", "."},
      {"-y", "."},
      {"--indent", "8", "."},
      {"--indent", "x", "."},
      {"--indent", "1x", "."},
      {"--indent"},
      {"--arg", "x"},
      {"--argjson", "x", "{", "."},
      {"-n", "--jsonargs", "1", "{"},
      {"--slurpfile", "x", "/nowhere", "."},
      {"-f", "/nowhere"},
  };
  for (const auto& arguments : wrong) {
    const JqRun run = jq_run(arguments);
    EXPECT_EQ(run.code, 2) << ::testing::PrintToString(arguments);
    EXPECT_THAT(run.err, HasSubstr("--help"));
  }
  EXPECT_THAT(jq_run({"--raw-ouput", "."}).err, HasSubstr("did you mean '--raw-output'"));
  EXPECT_THAT(jq_run({"-h"}).out, HasSubstr("--slurpfile"));
  EXPECT_EQ(jq_run({"-h"}).code, 0);
  const JqRun broken = jq_run({".a |\n nosuch"}, "1");
  EXPECT_EQ(broken.code, 3);
  EXPECT_THAT(broken.err, HasSubstr("line 2, column 2\njq: 1 compile error\n"));
}

}  // namespace
}  // namespace riptide::cli
