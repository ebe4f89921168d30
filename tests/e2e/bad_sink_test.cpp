// A sink that cannot take the rest: exit code 4, a message that names it, and the command that goes on.
#include "workspace.hpp"

namespace riptide::e2e {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

class BadSinkTest : public Workspace {
 protected:
  BadSinkTest() : server_(serve({.spaces = 3, .total_records = 3000})) { point_at(server_->url()); }
  std::unique_ptr<simulator::OctopusServer> server_;
};

TEST_F(BadSinkTest, AFullDiskUnderNdjson) {
  const Ended ended = sync({"--sink", "ndjson:/dev/full"});
  ASSERT_THAT(ended, ExitsWith(4));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("/dev/full"), HasSubstr("No space left")));
}

TEST_F(BadSinkTest, ADiskThatFillsUpLeavesWhatWasWritten) {
  Command small = sync_command({"--sink", "ndjson:all.ndjson"});
  small.largest_file = 256 << 10;
  const Ended ended = run(small);
  check_end_of_sync(small, ended, read("report.json"));
  ASSERT_THAT(ended, ExitsWith(4));
  EXPECT_FALSE(exists("all.ndjson"));
  EXPECT_TRUE(exists("all.ndjson.partial"));
  EXPECT_THAT(ended.err, HasSubstr("all.ndjson.partial"));
  EXPECT_THAT(paste(ended), ExitsWith(0));
  EXPECT_EQ(keys_of(lines_of(read("all.ndjson"))), listed(*server_));
  EXPECT_FALSE(exists("all.ndjson.partial"));
}

TEST_F(BadSinkTest, ADiskThatFillsUpUnderSqliteLeavesAValidFile) {
  Command small = sync_command({"--sink", "sqlite:all.db"});
  small.largest_file = 256 << 10;
  const Ended ended = run(small);
  check_end_of_sync(small, ended, read("report.json"));
  ASSERT_THAT(ended, ExitsWith(4));
  EXPECT_THAT(ended.err, HasSubstr("all.db"));
  EXPECT_EQ(integrity(path("all.db")), "ok");
  EXPECT_THAT(paste(ended), ExitsWith(0));
  EXPECT_EQ(identities(path("all.db")), listed(*server_));
}

TEST_F(BadSinkTest, ADatabaseThatAnotherProcessHoldsIsNamed) {
  const Database holder(path("held.db"));
  holder.execute("create table mine(x)");
  holder.execute("begin immediate");
  const Ended ended = sync({"--sink", "sqlite:held.db", "--sink", "ndjson:beside.ndjson"});
  ASSERT_THAT(ended, ExitsWith(4));
  EXPECT_THAT(ended.err, AllOf(HasSubstr("held.db"), HasSubstr("another process")));
  EXPECT_EQ(report().total("abandoned", 0), 3003u);
  EXPECT_EQ(report().total("updated", 1), 3003u) << "the other sink gets everything";
  holder.execute("rollback");
  EXPECT_THAT(paste(ended), ExitsWith(0));
  EXPECT_EQ(identities(path("held.db")), listed(*server_));
}

TEST_F(BadSinkTest, TwoRunsIntoOneFileDoNotMix) {
  // Slow enough that the second run begins while the first one reads, under a sanitizer too.
  const auto slow = serve({.spaces = 1, .total_records = 400, .latency = std::chrono::milliseconds(800)});
  point_at(slow->url());
  Process first(sync_command({"--sink", "sqlite:one.db"}));
  ASSERT_TRUE(eventually([&] { return slow->stats().requests > 0; }));
  ASSERT_TRUE(eventually([&] { return exists("one.db"); }));
  point_at(server_->url());
  Command second = command({"sync", "--progress", "none", "--sink", "sqlite:one.db"});
  const Ended refused = run(second);
  EXPECT_THAT(refused, ExitsWith(4));
  EXPECT_THAT(refused.err, AllOf(HasSubstr("one.db"), HasSubstr("another process")));
  EXPECT_THAT(first.wait(), ExitsWith(0));
  EXPECT_EQ(identities(path("one.db")), listed(*slow));
}

TEST_F(BadSinkTest, StreamsThatTheCallerClosedAreNotMixedUpWithFiles) {
  // A file or socket must not take the number of a closed stream: it would get what is written there.
  const auto in_shell = [&](const std::string& arguments) {
    Command shell = command({});
    shell.arguments = {"/bin/sh", "-c", "'" + riptide_path() + "' sync --progress none " + arguments};
    return run(std::move(shell));
  };
  const Ended no_stdout = in_shell("--sink ndjson:- >&-");
  EXPECT_THAT(no_stdout, ExitsWith(4));
  EXPECT_THAT(no_stdout.err, HasSubstr("stdout"));
  EXPECT_THAT(in_shell("--sink ndjson:all.ndjson --sink sqlite:all.db --report r.json <&- >&- 2>&-"), ExitsWith(0));
  EXPECT_EQ(keys_of(lines_of(read("all.ndjson"))), listed(*server_));
  EXPECT_EQ(identities(path("all.db")), listed(*server_));
  EXPECT_EQ(Report(read("r.json")).total("read"), 3003u);
}

TEST_F(BadSinkTest, AReportThatCannotBeWrittenIsSaid) {
  const Ended ended = riptide({"sync", "--progress", "none", "--sink", "null", "--report", "no/such/folder/r.json"});
  EXPECT_THAT(ended.err, HasSubstr("no/such/folder"));
  EXPECT_NE(ended.exit_code, 0);
}

}  // namespace
}  // namespace riptide::e2e
