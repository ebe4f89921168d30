#include "riptide/stages/jq_program.hpp"

#include <gmock/gmock.h>

#include <thread>
#include <vector>

namespace riptide::stages {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const JqProgram> program(std::string_view text) {
  auto compiled = JqProgram::compile(text);
  EXPECT_TRUE(compiled) << text;
  return *compiled;
}

TEST(JqProgramTest, HoldsAsJqSaysTrue) {
  EXPECT_TRUE(*program(".a")->holds(R"({"a":0})"));
  EXPECT_TRUE(*program(".a, null")->holds(R"({"a":""})"));
  EXPECT_FALSE(*program(".a")->holds(R"({"a":false})"));
  EXPECT_FALSE(*program(".a")->holds(R"({})"));
  EXPECT_FALSE(*program("empty")->holds(R"({})"));
}

TEST(JqProgramTest, GivesEachOutput) {
  std::vector<std::string> outputs;
  ASSERT_TRUE(program(".[] | {x: .}")->each("[1,\"a\"]", [&](std::string_view json) { outputs.emplace_back(json); }));
  EXPECT_THAT(outputs, ElementsAre(R"({"x":1})", R"({"x":"a"})"));
}

TEST(JqProgramTest, AnErrorIsOfThisText) {
  const auto one = program(".a.b");
  EXPECT_THAT(one->first(R"({"a":1})").error().message, HasSubstr("Cannot index number"));
  EXPECT_EQ(one->first("{").error().kind, pipeline::ErrorKind::kMalformed);
  EXPECT_EQ(*one->first(R"({"a":{"b":2}})"), "2");
}

TEST(JqProgramTest, ALimitEndsARunawayProgram) {
  const auto endless = JqProgram::compile("[limit(1e9; repeat(1))]", {.max_steps = 10'000});
  ASSERT_TRUE(endless);
  EXPECT_EQ((*endless)->first("null").error().kind, pipeline::ErrorKind::kLimit);
}

TEST(JqProgramTest, ManyThreadsRunIt) {
  const auto twice = program(". * 2");
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const int n = t * 1000 + i;
        if (*twice->first(std::to_string(n)) == std::to_string(2 * n)) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 2000);
}

}  // namespace
}  // namespace riptide::stages
