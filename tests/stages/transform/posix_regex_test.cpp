// Oniguruma exports regcomp and regexec of its own. GoogleTest's matchers must get those of the C library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using ::testing::ContainsRegex;
using ::testing::MatchesRegex;
using ::testing::Not;

TEST(PosixRegex, IsTheCLibrarysInTestPrograms) {
  EXPECT_THAT("total 404", MatchesRegex("[a-z]+ +4(0|1)4"));
  EXPECT_THAT("total 404", Not(MatchesRegex("[a-z]+")));
  EXPECT_THAT("a+b", ContainsRegex("^a[+]b$"));
  EXPECT_THAT("aab", Not(ContainsRegex("a{3}")));
}

}  // namespace
