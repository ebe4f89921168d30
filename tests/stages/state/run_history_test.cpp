#include "riptide/state/run_history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_directory.hpp"

namespace riptide::state {
namespace {

TEST(RunHistory, KeepsTheLastRunsWithTheirReports) {
  const ScratchDirectory directory;
  auto file = StateFile::open(directory.file("state.db"), {"port:x", "mine"});
  ASSERT_TRUE(file);
  auto history = RunHistory::open(*file);
  ASSERT_TRUE(history) << history.error().message;
  EXPECT_TRUE(history->all().value().empty());
  for (std::int64_t i = 0; i < RunHistory::kMost + 5; ++i) {
    PastRun run;
    run.run_id = "run-" + std::to_string(i);
    run.started_at = "2026-10-01T10:00:00Z";
    run.seconds = 1.5;
    run.exit_code = 5;
    run.status = "guarded";
    run.counts.read = 10;
    run.counts.deleted = 3;
    ASSERT_TRUE(history->add(run, "{\"run\":" + std::to_string(i) + "}"));
  }
  auto all = history->all();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), static_cast<std::size_t>(RunHistory::kMost));
  EXPECT_EQ(all->front().run_id, "run-204");
  EXPECT_EQ(all->front().seconds, 1.5);
  EXPECT_EQ(all->front().exit_code, 5);
  EXPECT_EQ(all->front().status, "guarded");
  EXPECT_EQ(all->front().counts.read, 10u);
  EXPECT_EQ(all->front().counts.deleted, 3u);
  EXPECT_EQ(history->report("run-204").value(), "{\"run\":204}");
  EXPECT_EQ(history->report("run-3").error().kind, pipeline::ErrorKind::kConfig) << "run-30 to run-39";
  EXPECT_FALSE(history->report("run-3000").value());
  EXPECT_FALSE(history->report("run-2'").value());
}

TEST(RunHistory, CountsTheSinkThatIsRemembered) {
  pipeline::RunReport report;
  report.run_id = "r";
  report.sinks.resize(2);
  report.sinks[0].sink = "null";
  report.sinks[0].kinds.resize(1);
  report.sinks[0].kinds[0].tally.read = 1;
  report.sinks[1].sink = "port";
  report.sinks[1].kinds.resize(2);
  report.sinks[1].kinds[0].tally.read = 2;
  report.sinks[1].kinds[1].tally.read = 3;
  EXPECT_EQ(past_run(report, "port").counts.read, 5u);
  EXPECT_EQ(past_run(report).counts.read, 1u);
  EXPECT_EQ(past_run({}, "port").counts.read, 0u);
}

}  // namespace
}  // namespace riptide::state
