#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "program_run.hpp"

namespace riptide::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Outputs are those of jq 1.8.
TEST(JqVerb, WritesWhatJqWrites) {
  struct Case {
    std::vector<std::string> arguments;
    std::string input, output;
    int exit_code = 0;
  };
  const Case cases[] = {
      {{"-c", ".a"}, "{\"a\":[1,2,{\"b\":\"é\"}]}", "[1,2,{\"b\":\"é\"}]\n"},
      {{"."}, "{\"a\":[1,{}],\"b\":[]}", "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}\n"},
      {{"-r", ".[]"}, "[\"x\",1]", "x\n1\n"},
      {{"-n", "[1,2]", "-c"}, "", "[1,2]\n"},
      {{"-nr", "\"a\",\"b\""}, "", "a\nb\n"},
      {{"-j", ".[]"}, "[\"x\",1]", "x1"},
      {{"-ac", "."}, "[\"é😀\"]", "[\"\\u00e9\\ud83d\\ude00\"]\n"},
      {{"-Sc", "."}, "{\"b\":1,\"a\":{\"d\":1,\"c\":2}}", "{\"a\":{\"c\":2,\"d\":1},\"b\":1}\n"},
      {{"-sc", "."}, "1 2\n3", "[1,2,3]\n"},
      {{"--tab", "."}, "[1]", "[\n\t1\n]\n"},
      {{"--indent", "1", "."}, "[1]", "[\n 1\n]\n"},
      {{"-nc", "--arg", "x", "1", "--argjson", "y", "{\"z\":2}", "[$x,$y,$ARGS.named.x]"},
       "",
       "[\"1\",{\"z\":2},\"1\"]\n"},
      {{"-nc", "$ARGS.positional", "--args", "a", "b"}, "", "[\"a\",\"b\"]\n"},
      {{"-nc", "[inputs]"}, "1 2", "[1,2]\n"},
      {{"-R", "."}, "one\ntwo\n", "\"one\"\n\"two\"\n"},
      {{"-c", "."}, "9007199254740993 1.10", "9007199254740993\n1.10\n"},
      {{"-e", ".a"}, "{\"a\":false}", "false\n", 1},
      {{"-e", "empty"}, "1", "", 4},
      {{"-e", "."}, "1", "1\n", 0},
      {{".[", "-c"}, "1", "", 3},
      {{".a"}, "{\"a\":2} 1", "2\n", 5},
      {{".a"}, "1 {\"a\":2}", "2\n", 0},
      {{"."}, "{oops}", "", 2},
      {{"--wrong", "."}, "", "", 2},
      {{}, "", "", 2},
      {{"-n", "\"bye\\n\" | halt_error(7)"}, "", "", 7},
  };
  const ProgramFolder folder;
  for (const Case& one : cases) {
    std::vector<std::string> arguments = {"jq"};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    const ProgramRun run = folder.run(arguments, one.input);
    EXPECT_EQ(run.out, one.output) << ::testing::PrintToString(one.arguments) << run.err;
    EXPECT_EQ(run.exit_code, one.exit_code) << ::testing::PrintToString(one.arguments) << run.err;
  }
}

TEST(JqVerb, ReadsFilesAndProgramsFromFiles) {
  ProgramFolder folder;
  folder.environment["NAME"] = "value";
  folder.write("a.json", "1\n2");
  folder.write("b.json", "3");
  folder.write("program.jq", ". + 1 # comment\n");
  EXPECT_EQ(folder.run({"jq", "-f", "program.jq", "a.json", "b.json"}).out, "2\n3\n4\n");
  EXPECT_EQ(folder.run({"jq", "-c", "--slurpfile", "f", "a.json", "--rawfile", "r", "b.json", "-n", "[$f,$r]"}).out,
            "[[1,2],\"3\"]\n");
  EXPECT_EQ(folder.run({"jq", "-n", "-r", "env.NAME, $ENV.NAME"}).out, "value\nvalue\n");
  const ProgramRun missing = folder.run({"jq", ".", "none.json", "b.json"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_EQ(missing.out, "3\n");
}

TEST(JqVerb, SaysWhereAProgramDoesNotCompile) {
  const ProgramFolder folder;
  const ProgramRun run = folder.run({"jq", ".a |\n nosuch"}, "1");
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, AllOf(HasSubstr("nosuch"), HasSubstr("line 2"), HasSubstr("1 compile error")));
}

}  // namespace
}  // namespace riptide::cli
