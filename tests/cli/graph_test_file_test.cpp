// Files of graph tests: reading, matching, JUnit.
#include <gmock/gmock.h>

#include "riptide/cli/graph_test.hpp"

namespace riptide::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> problems_of(std::string_view text) {
  std::vector<Problem> problems;
  const auto read = read_graph_tests(text, "tests/graph_test.yml", problems);
  EXPECT_EQ(read.has_value(), problems.empty());
  std::vector<std::string> said;
  for (const Problem& problem : problems) said.push_back(to_string(problem));
  return said;
}

TEST(GraphTestFileTest, ReadsAWholeFile) {
  std::vector<Problem> problems;
  const auto file = read_graph_tests(R"(
graph: ../graph.yml
tests:
  - name: only production
    given:
      octopus:
        machine:
          - {Id: m-1, Env: prod}
          - {Id: m-2, Env: test}
    expect:
      items:
        port: [{identifier: m-1}]
      counts: {prod: 1, "ways.otherwise": 0}
      errors:
        - {node: redact, message: Cannot index}
      exit_code: 1
  - given: {}
    expect: {counts: {port: 0}}
)",
                                     "tests/graph_test.yml", problems);
  ASSERT_THAT(problems, IsEmpty());
  EXPECT_EQ(file->graph, "tests/../graph.yml");
  ASSERT_EQ(file->tests.size(), 2u);
  const GraphTestFile::Test& test = file->tests[0];
  EXPECT_EQ(test.name, "only production");
  EXPECT_THAT(test.given.at("octopus").at("machine"),
              ElementsAre(R"({"Id":"m-1","Env":"prod"})", R"({"Id":"m-2","Env":"test"})"));
  EXPECT_EQ(test.items.at("port").size(), 1u);
  EXPECT_EQ(test.counts.at("ways.otherwise"), 0u);
  EXPECT_EQ(test.errors[0].node, "redact");
  EXPECT_EQ(test.exit_code, 1);
  EXPECT_EQ(file->tests[1].name, "test 2");
}

TEST(GraphTestFileTest, SaysWhatIsWrong) {
  EXPECT_THAT(problems_of("- a\n"), ElementsAre(HasSubstr("tests are `graph:`")));
  EXPECT_THAT(problems_of("tests: []\n"),
              ElementsAre(HasSubstr("graph: is required"), HasSubstr("tests: is required")));
  EXPECT_THAT(
      problems_of("graph: g\ntests:\n  - {name: x, expct: {}}\n"),
      ElementsAre(HasSubstr("tests/graph_test.yml:3:22: tests[0].expct: is not known here; did you mean 'expect'?"),
                  HasSubstr("tests[0].expect: is required")));
  EXPECT_THAT(problems_of("graph: g\ntests:\n  - {expect: {counts: {a: -1}, exit_code: 7, items: {a: 3}}}\n"),
              ElementsAre(HasSubstr("items.a: must be a list"), HasSubstr("counts.a: must be a whole number"),
                          HasSubstr("exit_code: must be an exit code")));
  EXPECT_THAT(problems_of("graph: g\ntests:\n  - {given: {a: {k: nowhere.ndjson}}, expect: {}}\n"),
              ElementsAre(HasSubstr("given.a.k: there is no such file")));
}

Tree yaml(std::string_view text) {
  std::vector<Problem> problems;
  return *read_yaml(text, "", problems);
}

TEST(GraphTestFileTest, MatchesWhatIsExpectedAndNoMore) {
  std::string why;
  const Tree item = yaml("{a: 1, b: {c: [x, y], d: null}, e: 1.50}");
  EXPECT_TRUE(matches(yaml("{}"), item, why));
  EXPECT_TRUE(matches(yaml("{a: 1, b: {c: [x, y]}, e: 1.5}"), item, why));
  EXPECT_TRUE(matches(yaml("{b: {d: null}}"), item, why));
  EXPECT_FALSE(matches(yaml("{a: '1'}"), item, why));
  EXPECT_EQ(why, ".a: expected \"1\", got 1");
  EXPECT_FALSE(matches(yaml("{b: {c: [x]}}"), item, why));
  EXPECT_EQ(why, ".b.c: expected [\"x\"], got [\"x\",\"y\"]");
  EXPECT_FALSE(matches(yaml("{b: {z: 1}}"), item, why));
  EXPECT_EQ(why, ".b.z: expected 1, is not there");
}

TEST(GraphTestFileTest, WritesJunit) {
  EXPECT_EQ(junit_xml("g.yml", {{"a <b>", 0.5, {}}, {"c", 0.25, {"first\nsecond & more"}}}),
            R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="2" failures="1" time="0.750">
  <testsuite name="g.yml" tests="2" failures="1" time="0.750">
    <testcase classname="g.yml" name="a &lt;b&gt;" time="0.500"/>
    <testcase classname="g.yml" name="c" time="0.250">
      <failure message="first">first
second &amp; more</failure>
    </testcase>
  </testsuite>
</testsuites>
)");
}

}  // namespace
}  // namespace riptide::cli
