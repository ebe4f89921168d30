#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>

#include "program_run.hpp"
#include "riptide/simulator/octopus_server.hpp"

namespace riptide::cli {
namespace {

using simulator::OctopusOptions;
using simulator::OctopusServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class StateProgram : public ::testing::Test {
 protected:
  void serve(OctopusOptions options) {
    options.api_key = "API-KEY";
    auto started = OctopusServer::start(std::move(options));
    ASSERT_TRUE(std::holds_alternative<std::unique_ptr<OctopusServer>>(started));
    server_ = std::move(std::get<std::unique_ptr<OctopusServer>>(started));
    folder_.environment["OCEAN__INTEGRATION__TYPE"] = "octopus";
    folder_.environment["OCEAN__INTEGRATION__CONFIG__SERVER_URL"] = server_->url();
    folder_.environment["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = "API-KEY";
    folder_.environment["XDG_STATE_HOME"] = folder_.path("state");
  }

  ProgramFolder folder_;
  std::unique_ptr<OctopusServer> server_;
};

TEST_F(StateProgram, ATargetHasOneWriter) {
  serve({.spaces = 4, .total_records = 400, .record_bytes = 600, .latency = std::chrono::seconds(20)});
  const std::vector<std::string> slow = {"sync", "--sink", "sqlite:a.db", "--progress", "json"};
  auto first = folder_.start(slow);
  ASSERT_TRUE(first.wait_for("\"phase\""));
  // Another name of the same file is the same target.
  const ProgramRun refused = folder_.run({"sync", "--sink", "sqlite:./a.db", "--report", "refused.json"});
  EXPECT_EQ(refused.exit_code, 4) << refused.err;
  EXPECT_THAT(refused.err, AllOf(HasSubstr("is writing to this target"), HasSubstr("pid "), HasSubstr("--wait")));
  EXPECT_THAT(folder_.read("refused.json"), HasSubstr("is writing to this target"));

  auto waiting = folder_.start({"sync", "--sink", "sqlite:a.db", "--wait"});
  ASSERT_TRUE(waiting.wait_for("waiting for run"));
  first.signal(SIGKILL);
  (void)first.finish();
  ASSERT_TRUE(waiting.wait_for("resync of"));
  waiting.signal(SIGTERM);
  EXPECT_EQ(waiting.finish().exit_code, 143);
}

TEST_F(StateProgram, WaitingEndsWithASignal) {
  serve({.spaces = 4, .total_records = 400, .record_bytes = 600, .latency = std::chrono::seconds(20)});
  auto first = folder_.start({"sync", "--sink", "sqlite:a.db", "--progress", "json"});
  ASSERT_TRUE(first.wait_for("\"phase\""));
  auto waiting = folder_.start({"sync", "--sink", "sqlite:a.db", "--wait"});
  ASSERT_TRUE(waiting.wait_for("waiting for run"));
  waiting.signal(SIGINT);
  EXPECT_EQ(waiting.finish().exit_code, 130);
  first.signal(SIGKILL);
  (void)first.finish();
}

TEST_F(StateProgram, OtherTargetsAndIntegrationsDoNotMeet) {
  serve({.spaces = 1, .total_records = 20, .record_bytes = 600});
  EXPECT_EQ(folder_.run({"sync", "--sink", "sqlite:a.db"}).exit_code, 0);
  EXPECT_EQ(folder_.run({"sync", "--sink", "sqlite:b.db"}).exit_code, 0);
  folder_.environment["OCEAN__INTEGRATION__IDENTIFIER"] = "another";
  EXPECT_EQ(folder_.run({"sync", "--sink", "sqlite:b.db"}).exit_code, 0);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path("state") + "/riptide")) {
    if (entry.path().extension() == ".db") ++files;
  }
  EXPECT_EQ(files, 3u);
}

TEST_F(StateProgram, AFileThatWasNamedMustBeUsable) {
  serve({.spaces = 1, .total_records = 20, .record_bytes = 600});
  EXPECT_EQ(folder_.run({"sync", "--sink", "null", "--state", "own.db"}).exit_code, 0);
  EXPECT_TRUE(folder_.exists("own.db"));
  const ProgramRun other = folder_.run({"sync", "--sink", "sqlite:a.db", "--state", "own.db"});
  EXPECT_EQ(other.exit_code, 2) << other.err;
  EXPECT_THAT(other.err, HasSubstr("own.db belongs to my-octopus-integration in null"));
  folder_.write("file", "");
  const ProgramRun nowhere = folder_.run({"sync", "--sink", "sqlite:a.db", "--state", "file/own.db"});
  EXPECT_EQ(nowhere.exit_code, 2) << nowhere.err;
}

TEST_F(StateProgram, ADefaultPlaceThatCannotBeWrittenIsAWarning) {
  serve({.spaces = 1, .total_records = 20, .record_bytes = 600});
  folder_.write("file", "");
  folder_.environment["XDG_STATE_HOME"] = folder_.path("file");
  const ProgramRun run = folder_.run({"sync", "--sink", "sqlite:a.db"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("this run remembers nothing"));
}

}  // namespace
}  // namespace riptide::cli
