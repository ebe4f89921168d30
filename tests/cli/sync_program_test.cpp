#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "program_run.hpp"
#include "riptide/cli/tree.hpp"
#include "riptide/simulator/octopus_server.hpp"

namespace riptide::cli {
namespace {

using simulator::OctopusOptions;
using simulator::OctopusServer;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kKey[] = "API-TOPSECRET";

class SyncProgram : public ::testing::Test {
 protected:
  void serve(OctopusOptions options) {
    options.api_key = kKey;
    auto started = OctopusServer::start(std::move(options));
    ASSERT_TRUE(std::holds_alternative<std::unique_ptr<OctopusServer>>(started));
    server_ = std::move(std::get<std::unique_ptr<OctopusServer>>(started));
    point_at(server_->url());
  }
  void point_at(const std::string& url) {
    folder_.environment["OCEAN__INTEGRATION__TYPE"] = "octopus";
    folder_.environment["OCEAN__INTEGRATION__CONFIG__SERVER_URL"] = url;
    folder_.environment["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = kKey;
    folder_.environment["OCEAN__RIPTIDE__RETRY_BASE"] = "1ms";
    folder_.environment["OCEAN__RIPTIDE__RETRY_ATTEMPTS"] = "3";
  }
  ProgramRun sync(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "sync");
    ProgramRun run = folder_.run(flags);
    EXPECT_THAT(run.err, Not(HasSubstr(kKey)));
    EXPECT_THAT(run.out, Not(HasSubstr(kKey)));
    return run;
  }
  Tree report() {
    auto tree = read_json(folder_.read("report.json"), "report.json");
    EXPECT_TRUE(tree) << (tree ? "" : tree.error().message);
    return tree ? *tree : Tree{};
  }

  ProgramFolder folder_;
  std::unique_ptr<OctopusServer> server_;
};

TEST_F(SyncProgram, ReadsEverythingAndSaysHowToLookAtIt) {
  serve({.spaces = 4, .total_records = 400, .record_bytes = 600});
  const ProgramRun run = sync({"--report", "report.json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_THAT(run.err, AllOf(HasSubstr("complete"), HasSubstr("sqlite3 riptide.db 'select"), HasSubstr("404 records")));
  const Tree written = report();
  EXPECT_EQ(written.find("status")->text, "complete");
  EXPECT_EQ(written.find("exit_code")->text, "0");
  EXPECT_TRUE(folder_.exists("riptide.db"));
  const ProgramRun again = sync({"--progress", "json"});
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("\"phase\":\"done\""));
}

TEST_F(SyncProgram, WritesEntitiesToStdoutAndNothingElse) {
  serve({.spaces = 2, .total_records = 40, .record_bytes = 600});
  const ProgramRun run = sync({"--sink", "ndjson:-", "--kind", "space", "--log-format", "json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 2);
  EXPECT_TRUE(run.out.starts_with('{'));
  EXPECT_THAT(run.err, HasSubstr("\"level\":\"INFO\""));
}

TEST_F(SyncProgram, NamesWhatIsMissingAndContactsNobody) {
  folder_.environment["OCEAN__INTEGRATION__TYPE"] = "octopus";
  const ProgramRun run = sync({"--report", "report.json"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("OCEAN__INTEGRATION__CONFIG__SERVER_URL"), HasSubstr("integration.config.serverUrl"),
                    HasSubstr("OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY")));
  EXPECT_THAT(folder_.files(), ElementsAre("stdin.txt"));  // no report for exit code 2, no database
}

TEST_F(SyncProgram, EveryUsageErrorIsTwoWithWhatToChange) {
  point_at("http://127.0.0.1:9");
  folder_.write("bad.yaml",
                "resources:\n  - kind: project\n    selector: {query: 'true'}\n    port:\n      entity:\n"
                "        mappings:\n          identifier: .Id | nope\n          blueprint: '\"p\"'\n");
  folder_.write("broken.yaml", "resources: [\n");
  folder_.write("empty.yaml", "");
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"--sink", "sqllite:x.db"}, "did you mean 'sqlite'"},
      {{"--sink", "port"}, "OCEAN__PORT__CLIENT_ID"},
      {{"--sink", "null", "--sink", "null"}, "twice"},
      {{"--kind", "projcet"}, "did you mean 'project'"},
      {{"--mapping", "missing.yaml"}, "missing.yaml: there is no such file"},
      {{"--mapping", "broken.yaml"}, "broken.yaml: "},
      {{"--mapping", "bad.yaml"}, "bad.yaml:7:"},
      {{"--config", "missing.yaml"}, "missing.yaml: there is no such file"},
      {{"--config", "empty.yaml"}, "empty"},
      {{"--memory", "lots"}, "--memory: must be a size"},
      {{"--in-flight", "0"}, "--in-flight: must be from 1"},
      {{"--log-level", "LOUD"}, "--log-level: must be one of"},
      {{"--no-such-flag"}, "has no flag '--no-such-flag'"},
      {{"--sink", "sqlite:no/such/folder/x.db"}, "no/such/folder/x.db"},
  };
  for (const auto& [flags, expected] : cases) {
    const ProgramRun run = sync(flags);
    EXPECT_EQ(run.exit_code, 2) << expected << "\n" << run.err;
    EXPECT_THAT(run.err, HasSubstr(expected));
    EXPECT_FALSE(folder_.exists("riptide.db")) << expected;
  }
}

TEST_F(SyncProgram, AHostThatIsNotThereIsThreeWithTheCommandThatGoesOn) {
  point_at("http://127.0.0.1:9");
  const ProgramRun run = sync({"--sink", "sqlite:my cat.db", "--report", "report.json"});
  EXPECT_EQ(run.exit_code, 3) << run.err;
  EXPECT_EQ(run.last_line_of_err(), "riptide sync --sink 'sqlite:my cat.db' --report report.json");
  EXPECT_EQ(report().find("status")->text, "incomplete");
}

TEST_F(SyncProgram, AWrongKeyIsThree) {
  serve({.spaces = 1, .total_records = 4});
  folder_.environment["OCEAN__INTEGRATION__CONFIG__OCTOPUS_API_KEY"] = "API-WRONG";
  const ProgramRun run = sync({"--sink", "null"});
  EXPECT_EQ(run.exit_code, 3) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("401"), Not(HasSubstr("API-WRONG"))));
}

TEST_F(SyncProgram, AKindFilterLeavesTheOthersAlone) {
  serve({.spaces = 2, .total_records = 40, .record_bytes = 600});
  EXPECT_EQ(sync({}).exit_code, 0);
  const ProgramRun run = sync({"--kind", "project", "--report", "report.json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Tree written = report();
  EXPECT_THAT(written.find("sinks")->items.at(0).find("kinds")->items.at(0).find("deleted")->text, "0");
}

// One signal ends in order, whatever was in flight.
TEST_F(SyncProgram, ASignalSettlesWhatIsInFlight) {
  for (const int number : {SIGINT, SIGTERM}) {
    serve({.spaces = 20, .total_records = 20'000, .record_bytes = 600, .latency = std::chrono::milliseconds(100)});
    auto running = folder_.start({"sync", "--sink", "null", "--progress", "json", "--report", "report.json"});
    ASSERT_TRUE(running.wait_for("\"phase\""));
    while (server_->stats().requests < 40) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    running.signal(number);
    const ProgramRun run = running.finish();
    EXPECT_EQ(run.exit_code, 128 + number) << run.err;
    EXPECT_EQ(run.last_line_of_err(), "riptide sync --sink null --progress json --report report.json");
    EXPECT_EQ(report().find("status")->text, "stopped");
    EXPECT_EQ(report().find("exit_code")->text, std::to_string(128 + number));
  }
}

TEST_F(SyncProgram, ASecondSignalEndsAtOnce) {
  serve({.spaces = 20, .total_records = 20'000, .record_bytes = 600, .latency = std::chrono::seconds(20)});
  auto running = folder_.start({"sync", "--sink", "null", "--progress", "json"});
  ASSERT_TRUE(running.wait_for("\"phase\""));
  running.signal(SIGTERM);
  ASSERT_TRUE(running.wait_for("SIGTERM"));
  const auto begin = std::chrono::steady_clock::now();
  running.signal(SIGTERM);
  const ProgramRun run = running.finish();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));
  EXPECT_EQ(run.exit_code, 143) << run.err;
  EXPECT_EQ(run.last_line_of_err(), "riptide sync --sink null --progress json");
}

TEST_F(SyncProgram, ReadsSettingsFromFilesInTheWorkingDirectory) {
  serve({.spaces = 1, .total_records = 8, .record_bytes = 600});
  folder_.environment.clear();
  folder_.write(".env", "export MY_KEY='" + std::string(kKey) + "'\nOCEAN__INTEGRATION__TYPE=octopus\n");
  folder_.write("config.yaml", "integration:\n  identifier: from-file\n  config:\n    serverUrl: " + server_->url() +
                                   "\n    octopusApiKey: '{{ from env MY_KEY }}'\n");
  const ProgramRun run = sync({"--sink", "null"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("from-file"));
}

TEST_F(SyncProgram, TheDemoReportsWhatWasUnchanged) {
  serve({.spaces = 1, .total_records = 1});
  const std::string port = std::to_string(server_->port());  // one that is free as soon as this server is gone
  server_.reset();
  const std::vector<std::string> demo = {"demo",      "--port", port,           "--spaces", "3",
                                         "--records", "300",    "--latency-ms", "0"};
  const ProgramRun first = folder_.run(demo);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("sqlite3 riptide.db 'select"));
  const ProgramRun second = folder_.run(demo);
  EXPECT_EQ(second.exit_code, 0) << second.err;
  std::string squeezed;
  for (const char c : second.err) {
    if (c != ' ' || !squeezed.ends_with(' ')) squeezed += c;
  }
  EXPECT_THAT(squeezed, HasSubstr("total 303 0 0 303 0"));
}

TEST_F(SyncProgram, TheBenchChecksItsAnswer) {
  const ProgramRun run = folder_.run({"bench", "--entities", "2000", "--spaces", "3", "--repeat", "1", "--floor"});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("riptide"), HasSubstr("floor: bare fetch"), HasSubstr("x its rate"),
                             Not(HasSubstr("WRONG"))));
  const ProgramRun json = folder_.run({"bench", "--shape", "machine=120,10x2", "--repeat", "1", "--json"});
  EXPECT_EQ(json.exit_code, 0) << json.out << json.err;
  const auto line = read_json(json.out, "bench");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->find("records")->text, "143");
}

}  // namespace
}  // namespace riptide::cli
