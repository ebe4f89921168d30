#include "riptide/cli/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "riptide/cli/numbers.hpp"
#include "riptide/cli/progress.hpp"
#include "riptide/cli/terminal.hpp"
#include "riptide/cli/tree.hpp"

namespace riptide::cli {
namespace {

using pipeline::RunReport;
using pipeline::RunStatus;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

RunReport report() {
  RunReport out;
  out.run_id = "20261124T114512Z-3f9a2c";
  out.seconds = 2;
  out.peak_rss_bytes = 100u << 20;
  out.sinks = {{.sink = "sqlite:my db.sqlite", .kinds = {}, .error = {}}};
  pipeline::SinkKindReport kind;
  kind.kind = "project";
  kind.tally.read = 1234;
  kind.tally.created = 1230;
  kind.tally.filtered = 4;
  out.sinks[0].kinds.push_back(kind);
  out.kinds = {{.kind = "project",
                .index = 0,
                .pages = 25,
                .records = 1234,
                .bytes_in = 4096,
                .scopes_closed = 3,
                .scopes_open = 0,
                .misconfigured = {}}};
  return out;
}

TEST(Summary, CountsByKindAndSaysHowToLook) {
  const std::string text = summary_text(report(), false);
  EXPECT_THAT(text, AllOf(HasSubstr("complete"), HasSubstr("1,234"), HasSubstr("1,230"), HasSubstr("617 records/s"),
                          HasSubstr("100.0 MiB"), HasSubstr("filtered"), Not(HasSubstr("rejected")),
                          HasSubstr("sqlite3 'my db.sqlite' 'select"), Not(HasSubstr("\x1b["))));
  EXPECT_THAT(summary_text(report(), true), HasSubstr("\x1b["));
}

TEST(Summary, ShowsTheFirstErrorsAndHowManyMore) {
  RunReport wrong = report();
  wrong.status = RunStatus::kRejected;
  wrong.errors_total = 70;
  for (std::uint64_t i = 0; i < 7; ++i) {
    wrong.errors.push_back({.kind = "project",
                            .identifier = "id" + std::to_string(i),
                            .blueprint = {},
                            .stage = "upload",
                            .message = "refused",
                            .count = 10 + i});
  }
  const std::string text = summary_text(wrong, false);
  EXPECT_THAT(text,
              AllOf(HasSubstr("16 x upload project id6: refused"), Not(HasSubstr("id1:")), HasSubstr("2 more errors")));
}

TEST(Summary, SaysWhatAGuardStoppedWithItsNumbers) {
  RunReport guarded = report();
  guarded.status = RunStatus::kGuarded;
  guarded.guard = {.tripped = true,
                   .sink = "port",
                   .rule = "deletion_threshold",
                   .stale = 95,
                   .owned = 100,
                   .threshold = 0.9,
                   .examples = {"bp/one"}};
  EXPECT_THAT(summary_text(guarded, false),
              AllOf(HasSubstr("95 of 100 owned entities"), HasSubstr("threshold of 0.9"), HasSubstr("bp/one")));
  guarded.guard.rule = "max_delete";
  guarded.guard.max_delete = "10%";
  EXPECT_THAT(summary_text(guarded, false),
              AllOf(HasSubstr("95 of 100 owned entities"), HasSubstr("more than --max-delete 10%"),
                    Not(HasSubstr("threshold"))));
}

TEST(Summary, SaysWhichScopesAreOpenAndWhyNothingWasDeleted) {
  RunReport open = report();
  open.status = RunStatus::kIncomplete;
  open.scopes = {
      {.kind = "release", .partition = "Spaces-7", .pages_expected = 4, .pages_read = 1, .error = "503 for ever"}};
  open.scopes_total = 1;
  open.kinds[0].scopes_open = 1;
  open.deletion = "1 scope is incomplete";
  EXPECT_THAT(summary_text(open, false),
              AllOf(HasSubstr("release of Spaces-7 (1 of 4 pages): 503 for ever"),
                    HasSubstr("nothing was deleted: 1 scope is incomplete"), HasSubstr("1 of 4 scopes")));
}

TEST(Summary, QuotesTheCommandThatGoesOn) {
  EXPECT_EQ(command_to_go_on({"riptide", "sync", "--sink", "sqlite:my db", "--kind", "it's"}),
            "riptide sync --sink 'sqlite:my db' --kind 'it'\\''s'");
  EXPECT_EQ(query_hint("null"), "");
}

TEST(Numbers, AreReadable) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(readable_bytes(512), "512 B");
  EXPECT_EQ(readable_bytes(1536), "1.5 KiB");
  EXPECT_EQ(readable_seconds(0.25), "250 ms");
  EXPECT_EQ(readable_seconds(12.34), "12.3 s");
  EXPECT_EQ(readable_seconds(245), "4 min 05 s");
  // No regular expressions of gtest here: libonig, which the program links, brings a regcomp of its own.
  std::string shape = utc_now();
  for (char& c : shape) c = c >= '0' && c <= '9' ? '9' : c;
  EXPECT_EQ(shape, "9999-99-99T99:99:99Z");
}

stages::Progress half_way() {
  stages::Progress progress;
  progress.phase = "reading";
  progress.pages_read = 600;
  progress.pages_known = 1200;
  progress.records_read = 30'000;
  progress.in_flight = 32;
  progress.memory_taken = 10u << 20;
  progress.retries = 3;
  return progress;
}

TEST(Progress, ShowsWhereARunStands) {
  const std::string line = progress_line(half_way(), 75, 41'000, 128u << 20, false);
  EXPECT_THAT(line, AllOf(HasSubstr("01:15"), HasSubstr("600/1,200 pages"), HasSubstr("██████████··········"),
                          HasSubstr("30,000 rec"), HasSubstr("41,000/s"), HasSubstr("10.0 MiB of 128.0 MiB"),
                          HasSubstr("3 retries"), Not(HasSubstr("errors"))));
  const auto json = read_json(progress_json(half_way(), 75, 41'000), "progress");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->find("pages_known")->text, "1200");
  EXPECT_EQ(progress_mode("auto", true), ProgressMode::kTty);
  EXPECT_EQ(progress_mode("auto", false), ProgressMode::kLog);
}

TEST(Progress, CutsToTheWidthByColumnsNotBytes) {
  EXPECT_EQ(cut_to_width("██abc", 3), "██a");
  EXPECT_EQ(cut_to_width("\x1b[1mabc\x1b[0m", 2), "\x1b[1mab\x1b[0m");
  EXPECT_EQ(cut_to_width("abc", 10), "abc");
}

TEST(Terminal, KeepsTheStatusLineBelowTheLog) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    Terminal terminal(ends[1]);
    EXPECT_FALSE(terminal.is_tty());
    terminal.set_status("status");
    terminal.print("line");
    terminal.clear_status();
    terminal.clear_status();
  }
  ::close(ends[1]);
  char buffer[256];
  const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
  ::close(ends[0]);
  EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(got)), "\rstatus\x1b[K\r\x1b[Kline\nstatus\r\x1b[K");
}

TEST(Progress, DisplayStopsAtOnceAndLeavesNoLine) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    Terminal terminal(ends[1]);
    const auto begin = std::chrono::steady_clock::now();
    {
      const ProgressDisplay display(terminal, {.mode = ProgressMode::kJson, .json_every = std::chrono::hours(1)},
                                    &half_way, {});
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  }
  ::close(ends[1]);
  char buffer[1024];
  const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
  ::close(ends[0]);
  EXPECT_THAT(std::string(buffer, static_cast<std::size_t>(got)), HasSubstr("\"phase\":\"reading\""));
}

}  // namespace
}  // namespace riptide::cli
