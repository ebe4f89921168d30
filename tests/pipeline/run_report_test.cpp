#include "riptide/pipeline/run_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace riptide::pipeline {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ExitCode, TakesTheGravestOfSeveral) {
  struct Case {
    RunFacts facts;
    int code;
    RunStatus status;
  };
  const Case cases[] = {
      {{}, 0, RunStatus::kComplete},
      {{.records_failed = true}, 1, RunStatus::kRejected},
      {{.guarded = true, .records_failed = true}, 5, RunStatus::kGuarded},
      {{.source_incomplete = true, .guarded = true, .records_failed = true}, 3, RunStatus::kIncomplete},
      {{.sink_failed = true, .source_incomplete = true, .guarded = true}, 4, RunStatus::kFailed},
      {{.stop_signal = 2, .sink_failed = true}, 130, RunStatus::kStopped},
      {{.stop_signal = 15, .source_incomplete = true}, 143, RunStatus::kStopped},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(exit_code(c.facts), c.code);
    EXPECT_EQ(status_of(c.code), c.status);
  }
}

TEST(Accounting, NamesTheSinkAndKindThatDoNotAddUp) {
  RunReport report;
  SinkReport& sink = report.sinks.emplace_back();
  sink.sink = "null";
  sink.kinds.push_back({"space",
                        0,
                        {.read = 9,
                         .created = 1,
                         .updated = 1,
                         .unchanged = 1,
                         .filtered = 1,
                         .invalid = 1,
                         .rejected = 1,
                         .duplicate = 1,
                         .abandoned = 2},
                        0,
                        0});
  EXPECT_THAT(check_accounting(report), IsEmpty());
  sink.kinds.push_back({"project", 1, {.read = 2, .created = 1}, 0, 0});
  const auto faults = check_accounting(report);
  ASSERT_THAT(faults, SizeIs(1));
  EXPECT_THAT(faults[0], HasSubstr("sink=null kind=project[1] read=2 created=1"));
}

TEST(ErrorLog, CountsEqualErrorsAndKeepsABoundedNumberOfDifferentOnes) {
  ErrorLog log;
  for (int i = 0; i < 5; ++i) log.add({"space", "a", "b", "upload", "refused", 1});
  for (int i = 0; i < 2000; ++i) log.add({"space", std::to_string(i), "b", "upload", "refused", 1});
  EXPECT_EQ(log.total(), 2005u);
  const auto rows = log.rows();
  EXPECT_THAT(rows, SizeIs(ErrorLog::kMost));
  std::uint64_t fives = 0;
  for (const ErrorReport& row : rows) fives += row.count == 5 ? 1 : 0;
  EXPECT_EQ(fives, 1u);
}

}  // namespace
}  // namespace riptide::pipeline
