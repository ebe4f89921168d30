#include "riptide/json/cutter.hpp"

#include <gtest/gtest.h>

#include <string>

namespace riptide::json {
namespace {

TEST(Cutter, FindsTheEndOfTheLastValue) {
  struct Case {
    std::string text;
    std::size_t line_cut, cut;
    bool broken = false;
  };
  const Case cases[] = {
      {"", 0, 0},
      {"{\"a\":1}", 0, 7},
      {"{\"a\":1}\n{", 8, 8},
      {"{\n}\n[\n", 4, 4},
      {"[1][2][", 0, 6},
      {"\"]\\\"[\"\"", 0, 6},
      {"12", 0, 0},
      {"12 ", 0, 3},
      {"1\n2\n3", 4, 4},
      {"{\"a\\\\\":\"}\\\"\"}{\"", 0, 13},
      {"[\"open\n", 0, 0, true},
      {"{}\n\"open\n{}", 3, 3, true},
      {"1]", 0, 0, true},
      {std::string(63, ' ') + "{}", 0, 65},
      {"[" + std::string(200, '1') + "]\n1", 203, 203},
      {"[\"" + std::string(61, '.') + "\\\"]\"]", 0, 68},
  };
  for (const Case& one : cases) {
    for (std::size_t split = 0; split <= one.text.size(); ++split) {  // in two pieces, wherever
      Cutter cutter;
      cutter.scan(one.text.substr(0, split), 0);
      cutter.scan(one.text, split);
      EXPECT_EQ(cutter.line_cut(), one.line_cut) << one.text << " at " << split;
      EXPECT_EQ(cutter.cut(), one.cut) << one.text << " at " << split;
      EXPECT_EQ(cutter.broken(), one.broken) << one.text << " at " << split;
    }
  }
}

TEST(Cutter, GoesOnBehindWhatWasTakenAway) {
  Cutter cutter;
  cutter.scan("{}\n[1,", 0);
  EXPECT_EQ(cutter.line_cut(), 3u);
  cutter.drop(3);
  EXPECT_EQ(cutter.cut(), 0u);
  cutter.scan("[1,2]\n", 3);
  EXPECT_EQ(cutter.line_cut(), 6u);
}

TEST(Cutter, TellsWhereABracketClosesNothing) {
  struct Case {
    std::string text;
    std::size_t cut, closed;
  };
  const Case cases[] = {
      {"{},{}]", 5, 6}, {" ] {}", 1, 2}, {"{},[1]", 6, 0}, {std::string(70, ' ') + "1]2", 70, 72}, {"\"]\"}", 3, 4},
  };
  for (const Case& one : cases) {
    Cutter cutter;
    cutter.scan(one.text, 0);
    EXPECT_EQ(cutter.cut(), one.cut) << one.text;
    EXPECT_EQ(cutter.closed(), one.closed) << one.text;
    EXPECT_EQ(cutter.broken(), one.closed != 0) << one.text;
  }
}

TEST(BracketEnd, IsBehindTheBracketThatCloses) {
  const std::string deep = std::string(500, '[') + std::string(500, ']');
  const std::string strings = "{\"}\\\"}\":\"" + std::string(100, '{') + "\"}";
  struct Case {
    std::string text;
    std::size_t begin;
    std::optional<std::size_t> end;
  };
  const Case cases[] = {
      {"{}", 0, 2},
      {",{\"a\":[1]},{}", 1, 10},
      {deep + "]", 0, 1000},
      {deep.substr(0, 999), 0, std::nullopt},
      {strings + "}", 0, strings.size()},
      {"{\"open", 0, std::nullopt},
      {"{\"a\n\":1}", 0, std::nullopt},
      {"[" + std::string(90, ' ') + "\"\n\"]", 0, std::nullopt},
      {"[" + std::string(62, ' ') + "]\n\"\n", 0, 64},
      {"{]}", 0, 2},
      {"", 0, std::nullopt},
      {"}", 0, std::nullopt},
  };
  for (const Case& one : cases) EXPECT_EQ(bracket_end(one.text, one.begin), one.end) << one.text;
}

TEST(CountLines, CountsLineBreaks) {
  EXPECT_EQ(count_lines(""), 0u);
  EXPECT_EQ(count_lines("a\nb\n"), 2u);
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += std::string(static_cast<std::size_t>(i % 3), 'x') + "\n";
  EXPECT_EQ(count_lines(text), 10'000u);
  EXPECT_EQ(count_lines(std::string(9'001, '\n')), 9'001u);
}

}  // namespace
}  // namespace riptide::json
