// Input that is not JSON, or not quite: outputs and messages as jq 1.8.2 gives them, which these rows were taken from.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "jq_in_process.hpp"

namespace riptide::cli {
namespace {

struct Row {
  const char* input;
  const char* outputs;         // Of `-c .a?`.
  const char* message;         // Behind "jq: parse error: "; empty: none, and exit code 0.
  const char* events;          // Of `-c --stream .`.
  const char* stream_message;  // Likewise.
  const char* last_event;      // Of `-c --stream-errors .`, if there is a message.
};

constexpr Row kRows[] = {
    {"[1,{\"a\":[2,3}", "", "Objects must consist of key:value pairs at line 1, column 13",
     "[[0],1]\n[[1,\"a\",0],2]\n", "Unmatched '}' in the middle of an array at line 1, column 13",
     "[\"Unmatched '}' in the middle of an array at line 1, column 13\",[1,\"a\",1]]"},
    {"[1,{\"a\":2}] {\"b\":tru} [3]", "", "Invalid literal at line 1, column 21",
     "[[0],1]\n[[1,\"a\"],2]\n[[1,\"a\"]]\n[[1]]\n", "Invalid literal at line 1, column 21",
     "[\"Invalid literal at line 1, column 21\",[\"b\"]]"},
    {"[1,2", "", "Unfinished JSON term at EOF at line 1, column 4", "[[0],1]\n",
     "Unfinished JSON term at EOF at line 1, column 4", "[\"Unfinished JSON term at EOF at line 1, column 4\",[1]]"},
    {"\"abc", "", "Unfinished string at EOF at line 1, column 4", "", "Unfinished string at EOF at line 1, column 4",
     "[\"Unfinished string at EOF at line 1, column 4\",[]]"},
    {"1 2 ] 3", "", "Unmatched ']' at line 1, column 5", "[[],1]\n[[],2]\n",
     "Unmatched ']' at the top-level at line 1, column 5",
     "[\"Unmatched ']' at the top-level at line 1, column 5\",[]]"},
    {"{\"a\":1,\"b\" 2} [4]", "", "Expected separator between values at line 1, column 13", "[[\"a\"],1]\n",
     "Expected separator between values at line 1, column 13",
     "[\"Expected separator between values at line 1, column 13\",[null]]"},
    {"[{\"a\":[1,x]}] [4,5]", "", "Invalid numeric literal at line 1, column 11", "[[0,\"a\",0],1]\n",
     "Invalid numeric literal at line 1, column 11", "[\"Invalid numeric literal at line 1, column 11\",[0,\"a\",1]]"},
    {"{\"a\":[}", "", "Unmatched '}' at line 1, column 7", "",
     "Unmatched '}' in the middle of an array at line 1, column 7",
     "[\"Unmatched '}' in the middle of an array at line 1, column 7\",[\"a\",0]]"},
    {"[1,,2]", "", "Expected value before ',' at line 1, column 4", "[[0],1]\n",
     "Expected value before ',' at line 1, column 4", "[\"Expected value before ',' at line 1, column 4\",[1]]"},
    {"{1:2}", "", "Object keys must be strings at line 1, column 3", "",
     "Object keys must be strings at line 1, column 3", "[\"Object keys must be strings at line 1, column 3\",[null]]"},
    {"{\"a\":1,}", "", "Expected another key-value pair at line 1, column 8", "[[\"a\"],1]\n",
     "Expected another key:value pair at line 1, column 8",
     "[\"Expected another key:value pair at line 1, column 8\",[null]]"},
    {"[1,]", "", "Expected another array element at line 1, column 4", "[[0],1]\n",
     "Expected another array element at line 1, column 4",
     "[\"Expected another array element at line 1, column 4\",[1]]"},
    {"{\"a\" \"b\"}", "", "Expected separator between values at line 1, column 8", "",
     "Expected separator between values at line 1, column 8",
     "[\"Expected separator between values at line 1, column 8\",[null]]"},
    {"[1 2]", "", "Expected separator between values at line 1, column 5", "",
     "Expected separator between values at line 1, column 5",
     "[\"Expected separator between values at line 1, column 5\",[0]]"},
    {"{\"a\":}", "", "Unmatched '}' at line 1, column 6", "", "Missing value in key:value pair at line 1, column 6",
     "[\"Missing value in key:value pair at line 1, column 6\",[\"a\"]]"},
    {"}", "", "Unmatched '}' at line 1, column 1", "", "Unmatched '}' at the top-level at line 1, column 1",
     "[\"Unmatched '}' at the top-level at line 1, column 1\",[]]"},
    {":", "", "Expected string key before ':' at line 1, column 1", "",
     "':' not as part of an object at line 1, column 1", "[\"':' not as part of an object at line 1, column 1\",[]]"},
    {"{,}", "", "Expected value before ',' at line 1, column 2", "", "Expected value before ',' at line 1, column 2",
     "[\"Expected value before ',' at line 1, column 2\",[null]]"},
    {"[:", "", "Expected string key before ':' at line 1, column 2", "",
     "':' not as part of an object at line 1, column 2", "[\"':' not as part of an object at line 1, column 2\",[0]]"},
    {"{\"a\":1:", "", "':' not as part of an object at line 1, column 7", "",
     "Object keys must be strings at line 1, column 7",
     "[\"Object keys must be strings at line 1, column 7\",[\"a\"]]"},
    {"[1}", "", "Objects must consist of key:value pairs at line 1, column 3", "",
     "Unmatched '}' in the middle of an array at line 1, column 3",
     "[\"Unmatched '}' in the middle of an array at line 1, column 3\",[0]]"},
    {"{]", "", "Unmatched ']' at line 1, column 2", "", "Unmatched ']' in the middle of an object at line 1, column 2",
     "[\"Unmatched ']' in the middle of an object at line 1, column 2\",[null]]"},
    {"{\"a\":1]", "", "Unmatched ']' at line 1, column 7", "",
     "Unmatched ']' in the middle of an object at line 1, column 7",
     "[\"Unmatched ']' in the middle of an object at line 1, column 7\",[\"a\"]]"},
    {"\"a\\x\"", "", "Invalid escape at line 1, column 5", "", "Invalid escape at line 1, column 5",
     "[\"Invalid escape at line 1, column 5\",[]]"},
    {"[[\"a\\ud800\"]]", "", "Invalid \\uXXXX\\uXXXX surrogate pair escape at line 1, column 11", "",
     "Invalid \\uXXXX\\uXXXX surrogate pair escape at line 1, column 11",
     "[\"Invalid \\\\uXXXX\\\\uXXXX surrogate pair escape at line 1, column 11\",[0,0]]"},
    {"{\"a\\x\":1}", "", "Invalid escape at line 1, column 6", "", "Invalid escape at line 1, column 6",
     "[\"Invalid escape at line 1, column 6\",[null]]"},
    {"[nan,1]", "", "", "[[0],null]\n[[1],1]\n[[1]]\n", "", ""},
    {"[NaN1]", "", "Invalid numeric literal at line 1, column 6", "", "Invalid numeric literal at line 1, column 6",
     "[\"Invalid numeric literal at line 1, column 6\",[0]]"},
    {"01x", "", "Invalid numeric literal at EOF at line 1, column 3", "",
     "Invalid numeric literal at EOF at line 1, column 3",
     "[\"Invalid numeric literal at EOF at line 1, column 3\",[]]"},
    {"1,2", "", "Expected value before ',' at line 1, column 2", "", "Expected value before ',' at line 1, column 2",
     "[\"Expected value before ',' at line 1, column 2\",[]]"},
    {"{\"a\":1}}", "1\n", "Unmatched '}' at line 1, column 8", "[[\"a\"],1]\n[[\"a\"]]\n",
     "Unmatched '}' at the top-level at line 1, column 8",
     "[\"Unmatched '}' at the top-level at line 1, column 8\",[]]"},
    {"[1]]", "", "Unmatched ']' at line 1, column 4", "[[0],1]\n[[0]]\n",
     "Unmatched ']' at the top-level at line 1, column 4",
     "[\"Unmatched ']' at the top-level at line 1, column 4\",[]]"},
    {"{\"a\":[1,2,{\"b\":", "", "Unfinished JSON term at EOF at line 1, column 15", "[[\"a\",0],1]\n[[\"a\",1],2]\n",
     "Unfinished JSON term at EOF at line 1, column 15",
     "[\"Unfinished JSON term at EOF at line 1, column 15\",[\"a\",2,\"b\"]]"},
    {"[1,\"\001\"]", "",
     "Invalid string: control characters from U+0000 through U+001F must be escaped at line 1, column 6", "[[0],1]\n",
     "Invalid string: control characters from U+0000 through U+001F must be escaped at line 1, column 6",
     "[\"Invalid string: control characters from U+0000 through U+001F must be escaped at line 1, column 6\",[1]]"},
    {"[\"a\":1]", "", "':' not as part of an object at line 1, column 5", "",
     "':' not as part of an object at line 1, column 5", "[\"':' not as part of an object at line 1, column 5\",[0]]"},
    {"1:2", "", "Expected string key before ':' at line 1, column 2", "",
     "':' not as part of an object at line 1, column 2", "[\"':' not as part of an object at line 1, column 2\",[]]"},
    {"\"a\":1", "", "Expected string key before ':' at line 1, column 4", "[[],\"a\"]\n",
     "':' not as part of an object at line 1, column 4", "[\"':' not as part of an object at line 1, column 4\",[]]"},
    {"{\"a\"}", "", "Objects must consist of key:value pairs at line 1, column 5", "",
     "Objects must consist of key:value pairs at line 1, column 5",
     "[\"Objects must consist of key:value pairs at line 1, column 5\",[null]]"},
    {"{[1]:2}", "", "Object keys must be strings at line 1, column 5", "",
     "Expected string key after '{', not '[' at line 1, column 2",
     "[\"Expected string key after '{', not '[' at line 1, column 2\",[null]]"},
    {"{{}:1}", "", "Object keys must be strings at line 1, column 4", "",
     "Expected string key after '{', not '{' at line 1, column 2",
     "[\"Expected string key after '{', not '{' at line 1, column 2\",[null]]"},
    {"[[1] [2]]", "", "Expected separator between values at line 1, column 6",
     "[[0,0],1]\n[[0,0]]\n[[0,0],2]\n[[0,0]]\n[[0]]\n", "", ""},
    {"{\"a\":1 [2]}", "", "Expected separator between values at line 1, column 8", "",
     "Expected a separator between values at line 1, column 8",
     "[\"Expected a separator between values at line 1, column 8\",[\"a\"]]"},
    {"tru", "", "Invalid literal at EOF at line 1, column 3", "", "Invalid literal at EOF at line 1, column 3",
     "[\"Invalid literal at EOF at line 1, column 3\",[]]"},
    {"[tru", "", "Invalid literal at EOF at line 1, column 4", "", "Invalid literal at EOF at line 1, column 4",
     "[\"Invalid literal at EOF at line 1, column 4\",[0]]"},
    {"\"a\"1", "", "", "[[],\"a\"]\n[[],1]\n", "", ""},
    {"1\"a\"", "", "", "[[],1]\n[[],\"a\"]\n", "", ""},
    {"[1\"a\"]", "", "Expected separator between values at line 1, column 5", "",
     "Expected separator between values at line 1, column 5",
     "[\"Expected separator between values at line 1, column 5\",[0]]"},
    {"'a'", "", "Invalid string literal; expected \", but got ' at EOF at line 1, column 3", "",
     "Invalid string literal; expected \", but got ' at EOF at line 1, column 3",
     "[\"Invalid string literal; expected \\\", but got ' at EOF at line 1, column 3\",[]]"},
    {"{\"a\":\"\\u12\"}", "", "Invalid \\uXXXX escape at line 1, column 11", "",
     "Invalid \\uXXXX escape at line 1, column 11", "[\"Invalid \\\\uXXXX escape at line 1, column 11\",[\"a\"]]"},
    {"[1,2]x", "", "Invalid numeric literal at EOF at line 1, column 6", "[[0],1]\n[[1],2]\n[[1]]\n",
     "Invalid numeric literal at EOF at line 1, column 6",
     "[\"Invalid numeric literal at EOF at line 1, column 6\",[]]"},
    {"truefalse", "", "Invalid literal at EOF at line 1, column 9", "", "Invalid literal at EOF at line 1, column 9",
     "[\"Invalid literal at EOF at line 1, column 9\",[]]"},
    {"[1]2", "", "", "[[0],1]\n[[0]]\n[[],2]\n", "", ""},
    {"{\"a\":\n1,\n\"b\":tru}\n", "", "Invalid literal at line 3, column 8", "[[\"a\"],1]\n",
     "Invalid literal at line 3, column 8", "[\"Invalid literal at line 3, column 8\",[\"b\"]]"},
    {"{\"a\":1}{\"b\":2}\n{\"a\":3", "1\nnull\n", "Unfinished JSON term at EOF at line 2, column 6",
     "[[\"a\"],1]\n[[\"a\"]]\n[[\"b\"],2]\n[[\"b\"]]\n", "Unfinished JSON term at EOF at line 2, column 6",
     "[\"Unfinished JSON term at EOF at line 2, column 6\",[\"a\"]]"},
};

std::string complaint(const std::string& message) {
  return message.empty() ? std::string() : "jq: parse error: " + message + "\n";
}

TEST(JqMalformed, GivesWhatJqGives) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.input);
    const JqRun run = jq_run({"-c", ".a?"}, row.input);
    EXPECT_EQ(run.out, row.outputs);
    EXPECT_EQ(run.err, complaint(row.message));
    EXPECT_EQ(run.code, *row.message == '\0' ? 0 : 5);
    // Not in parallel.
    const JqRun serial = jq_run({"-c", "--unbuffered", ".a?"}, row.input);
    EXPECT_EQ(serial.out, row.outputs);
    EXPECT_EQ(serial.err, complaint(row.message));
  }
}

// What `.a` cannot see is stepped over by an index of the text, and has to be as good as what `.` reads.
TEST(JqMalformed, RefusesWhatItStepsOver) {
  const std::string more[] = {"1.5",    "-0",       "1e5",          "1e",       "-",          "0123",
                              "+1",     "nan",      "-nan",         "null",     "nulll",      "12a",
                              "1 2",    "true",     "\"\\u00e9\"",  "\x0C",     "[1\x0C,2]",  "\"\t\"",
                              "\xFF",   "\"\xFF\"", "\"\xC3\xA9\"", "[[[[]]]]", "\"a\\\"b\"", "{\"k\\\"\":[\"\\\\\"]}",
                              "\"\\\"", "\"\\q\""};
  std::vector<std::string> skipped(std::begin(more), std::end(more));
  for (const Row& row : kRows) skipped.emplace_back(row.input);
  for (const std::size_t depth : {60u, 62u, 63u, 64u, 65u, 200u}) {
    skipped.push_back(std::string(depth, '[') + std::string(depth, ']'));
    skipped.push_back(std::string(depth, '[') + "x" + std::string(depth, ']'));
  }
  for (const std::string& value : skipped) {
    for (const std::string& text :
         {"{\"x\":" + value + ",\"a\":1}\n{\"a\":2}\n", "{\"a\":1,\"x\":" + value + "}",
          "{\"a\":1,\"y\" : [ " + value + " ] , \"x\":{\"z\":" + value + "}}\n", "{\"a\":{\"b\":" + value + "}}",
          "{\"\\u0061\":1," + value + ":2}\n", "{\"a\":1,\"x\":\"" + value + "\"}\n"}) {
      SCOPED_TRACE(text);
      const JqRun run = jq_run({"-c", ".a"}, text);
      const JqRun whole = jq_run({"-c", "[., .a] | .[1]"}, text);
      EXPECT_EQ(run.out, whole.out);
      EXPECT_EQ(run.err, whole.err);
      EXPECT_EQ(run.code, whole.code);
    }
  }
}

TEST(JqMalformed, StreamsWhatJqStreams) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.input);
    const JqRun run = jq_run({"-c", "--stream", "."}, row.input);
    EXPECT_EQ(run.out, row.events);
    EXPECT_EQ(run.err, complaint(row.stream_message));
    EXPECT_EQ(run.code, *row.stream_message == '\0' ? 0 : 5);
    const JqRun errors = jq_run({"-c", "--stream-errors", "."}, row.input);
    EXPECT_EQ(errors.code, 0);
    EXPECT_EQ(errors.err, "");
    if (*row.last_event != '\0') {
      EXPECT_EQ(errors.out, std::string(row.events) + row.last_event + "\n");
    }
  }
}

TEST(JqMalformed, GoesOnWithTheNextLineOfAStream) {
  EXPECT_EQ(jq_run({"-c", "--stream-errors", "."}, "[1,x] 7\n[2]\n").out,
            "[[0],1]\n[\"Invalid numeric literal at line 1, column 5\",[1]]\n[[0],2]\n[[0]]\n");
}

TEST(JqMalformed, SaysWhereAnInputOfInputsIsWrong) {
  for (const std::string program : {"[inputs]", "[input, input]"}) {
    EXPECT_EQ(jq_run({"-nc", program}, "[1]\n {\"b\":tru}\n").err,
              "jq: error (at <stdin>:2): Invalid literal at line 2, column 10\n");
  }
}

}  // namespace
}  // namespace riptide::cli
