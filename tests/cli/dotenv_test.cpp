#include "riptide/cli/dotenv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Pair;

std::vector<std::pair<std::string, std::string>> read(const std::string& text, std::vector<Problem>* out = nullptr) {
  std::vector<Problem> problems;
  const auto environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/me";
    return std::nullopt;
  };
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Variable& variable : read_dotenv(text, ".env", environment, problems)) {
    pairs.emplace_back(variable.name, variable.value);
  }
  if (out != nullptr) {
    *out = problems;
  } else {
    EXPECT_TRUE(problems.empty());
  }
  return pairs;
}

TEST(Dotenv, ReadsLinesQuotesAndComments) {
  EXPECT_THAT(
      read("# a comment\n\nA=1\n  export B = two words  \r\nC='single # not a comment'\nD=\"double\" # comment\n"
           "E=plain # comment\nF=a#b\nG=\nH\nI=x"),
      ElementsAre(Pair("A", "1"), Pair("B", "two words"), Pair("C", "single # not a comment"), Pair("D", "double"),
                  Pair("E", "plain"), Pair("F", "a#b"), Pair("G", ""), Pair("I", "x")));
}

TEST(Dotenv, DecodesEscapesInQuotesOnly) {
  EXPECT_THAT(read("A=\"line\\nbreak\\t\\\"q\\\" \\x\"\nB='it\\'s \\n'\nC=raw\\n\n"),
              ElementsAre(Pair("A", "line\nbreak\t\"q\" \\x"), Pair("B", "it's \\n"), Pair("C", "raw\\n")));
}

TEST(Dotenv, ReadsValuesOverSeveralLinesAndCountsThem) {
  std::vector<Problem> problems;
  const auto variables = read_dotenv("A=\"1\n2\"\nB={\"x\": \"y\"}\n", ".env", {}, problems);
  ASSERT_EQ(variables.size(), 2u);
  EXPECT_EQ(variables[0].value, "1\n2");
  EXPECT_EQ(variables[1].line, 3);
  EXPECT_EQ(variables[1].value, "{\"x\": \"y\"}");
}

TEST(Dotenv, ExpandsVariables) {
  EXPECT_THAT(read("A=1\nB=${A}/${HOME}/${NOT_SET}/${NOT_SET:-other}\nC=${A\n"),
              ElementsAre(Pair("A", "1"), Pair("B", "1//home/me//other"), Pair("C", "${A")));
}

TEST(Dotenv, LeavesOutWhatMakesNoSenseWithoutQuotingIt) {
  std::vector<Problem> problems;
  EXPECT_THAT(read("A=1\nB=\"open secret\nC=3\n=4\n\"x\" y\n", &problems), ElementsAre(Pair("A", "1"), Pair("C", "3")));
  EXPECT_THAT(problems, ElementsAre(Field(&Problem::line, 2), Field(&Problem::line, 4), Field(&Problem::line, 5)));
  for (const Problem& problem : problems) EXPECT_THAT(to_string(problem), ::testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace riptide::cli
