#include "riptide/pipeline/cores.hpp"

#include <gtest/gtest.h>

namespace riptide::pipeline {
namespace {

TEST(Cores, ReadsTheQuotaOfAControlGroup) {
  struct Case {
    const char* text;
    int cores;
  };
  for (const Case& c :
       {Case{"max 100000\n", 0}, Case{"200000 100000\n", 2}, Case{"150000 100000\n", 1}, Case{"50000 100000", 1},
        Case{"-1\n 100000\n", 0}, Case{"400000\n 100000\n", 4}, Case{"", 0}, Case{"x", 0}, Case{"100000", 0}}) {
    EXPECT_EQ(cores_of_quota(c.text), c.cores) << c.text;
  }
  EXPECT_GE(cores_allowed(), 1);
}

}  // namespace
}  // namespace riptide::pipeline
